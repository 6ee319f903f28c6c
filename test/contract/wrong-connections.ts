/** What is wrong for the properties of a connection by SSH or by a client's remote, and how that is said. */
import { client, type Properties, remote, sshByAgent, sshByFiles, sshByKey } from "./right-inputs";
import type { WrongValues } from "./wrong-values";

const noHost = "must be a host name or an IP address, without user, port or brackets";
const noPort = "must be a whole number from 1 to 65535";
const noUser = 'must not contain "@", blanks or characters that cannot be printed';
const noKey =
  "must be a private key (-----BEGIN OPENSSH PRIVATE KEY----- or PEM), not a path or another encoding";
const damagedKey = "is damaged or not a private key; give its text complete and unchanged";
const noFingerprint = 'must be a fingerprint as `ssh-keygen -lf` prints it: "SHA256:" and 43 characters';
const noRemote = 'must be the name of a remote as `lxc remote list` shows it, without ":"';
const right = `SHA256:${"A".repeat(43)}`;

const noPath: [string, string][] = [
  ["", "must not be empty"],
  ["a\0b", "must not contain control characters"],
  ["~other/x", "must not begin with another user's home; write that path out in full"],
];
const noSocket: [string, string][] = [
  ["", "must be an absolute path"],
  ["unix.socket", "must be an absolute path"],
  ["/x\u0000y", "must not contain control characters"],
  [`/${"x".repeat(107)}`, "must be at most 107 bytes long: a socket cannot have a longer path"],
];

type Row = Omit<WrongValues, "within">;

/** A host: that of the server, or the bastion. `prefix` is the property that holds it. */
function hop(prefix: string, inputs: Properties): WrongValues[] {
  const rows = (connection: Properties, ...all: Row[]): WrongValues[] =>
    all.map((row) => ({ ...row, property: `${prefix}.${row.property}`, within: { ...inputs, connection } }));
  return [
    ...rows(
      sshByKey,
      {
        property: "host",
        kind: "string",
        values: ["", "root@edge", "edge:22", "[::1]", "ssh://edge", "a b", "10.0.0", "-x"].map(
          (value): [string, string] => [value, noHost],
        ),
      },
      {
        property: "port",
        kind: "number",
        values: [0, 65536, 1.5, -1].map((value) => [value, noPort] as const),
      },
      {
        property: "user",
        kind: "string",
        values: [
          ["", "must not be empty"],
          ["a b", noUser],
          ["a@b", noUser],
          ["a\nb", noUser],
        ],
      },
      {
        property: "privateKey",
        kind: "string",
        isSecret: true,
        values: [
          ["", noKey],
          ["~/.ssh/id_ed25519", noKey],
          [client.certificate, noKey],
          ["PuTTY-User-Key-File-3: ssh-ed25519", noKey],
          [client.privateKey.slice(0, 200), damagedKey],
          [client.privateKey.replace(/M/g, "N"), damagedKey],
          ["-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n", damagedKey],
          ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n", damagedKey],
        ],
      },
      { property: "privateKeyPassphrase", kind: "string", isSecret: true },
      {
        property: "hostKeyFingerprint",
        kind: "string",
        values: ["", right.slice(0, -1), `${right}A`, right.slice(7), "MD5:aa:bb"].map(
          (value): [string, string] => [value, noFingerprint],
        ),
      },
    ),
    ...rows(
      sshByFiles,
      { property: "privateKeyPath", kind: "string", values: noPath },
      { property: "knownHostsPath", kind: "string", values: noPath },
    ),
    ...rows(sshByAgent, {
      property: "agent",
      kind: { types: ["boolean", "string"], reason: "must be true, or the path of an agent's socket" },
      values: ["", "agent"].map((value): [string, string] => [value, "must be an absolute path"]),
    }),
  ];
}

/** Wrong values for `ssh`, `remote` and what goes with them. */
export function otherConnections(inputs: Properties): WrongValues[] {
  const bySsh = { ...inputs, connection: sshByKey };
  const byRemote = { ...inputs, connection: remote };
  return [
    { property: "connection.ssh", kind: "object", within: bySsh },
    ...hop("connection.ssh", inputs),
    { property: "connection.ssh.proxyJump", kind: "object", within: bySsh },
    ...hop("connection.ssh.proxyJump", inputs),
    { property: "connection.ssh.socketPath", kind: "string", within: bySsh, values: noSocket },
    {
      property: "connection.remote",
      kind: "string",
      within: byRemote,
      values: [
        ["", "must not be empty"],
        ...["prod:", "../x", "a b", "-x"].map((value) => [value, noRemote] as const),
      ],
    },
    { property: "connection.configDir", kind: "string", within: byRemote, values: noPath },
  ];
}
