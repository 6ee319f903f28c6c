/** Makes an SSH connection out of a stream: the host's key is compared, then the user is logged in. */
import type { Duplex } from "node:stream";
import type * as Ssh2 from "ssh2";
import { AccessError, messageOf } from "../../errors";
import { formatHostAndPort } from "../address";
import { type Agent, agentAt } from "./agent";
import type { SshHost } from "./host";
import { algorithmsFor, type Expectation, isExpected } from "./host-key";
import type { LoginKey, LoginKeys } from "./private-key";

/** The host showed a key that is not the expected one; nobody was logged in. */
export class WrongHostKey extends Error {
  /** `key` is what was shown; undefined where the host has no key of a kind that was asked for. */
  constructor(readonly key: Buffer | undefined) {
    super("wrong host key");
  }
}

/** What a handshake needs to know. `shown` are keys that the host showed already, and that are not to be asked for. */
export interface Handshake {
  readonly host: SshHost;
  readonly expected: Expectation;
  readonly shown: readonly Buffer[];
  readonly keys: LoginKeys;
}

/**
 * Logs in over a stream, which is destroyed when that fails. Takes as long as it takes: whoever destroys the stream ends it.
 * @throws WrongHostKey; AccessError LXD_NOT_TRUSTED, LXD_UNREACHABLE or LXD_PROTOCOL.
 */
export async function logIn(
  ssh2: typeof Ssh2,
  stream: Duplex,
  { host, expected, shown, keys }: Handshake,
): Promise<Ssh2.Client> {
  const client = new ssh2.Client();
  const agent = host.agent === undefined ? undefined : agentAt(host.agent, ssh2);
  const logins = loginsOf(host, keys.usable, agent);
  const untried = logins.map(({ method }) => method);
  const notes: string[] = [];
  let wrongKey: Buffer | undefined;
  let said = "";
  let isAuthenticating = false;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(error);
      stream.destroy();
      agent?.close();
    };
    // The listener stays, as an error without one would end the process.
    client.on("error", (error: Error & { level?: string; code?: unknown }) => {
      if (error.level === "agent") notes.push(`the agent at ${host.agent ?? ""} says: ${messageOf(error)}`);
      else if (wrongKey !== undefined) fail(new WrongHostKey(wrongKey));
      else if (/no matching host key format/.test(error.message)) fail(new WrongHostKey(undefined));
      else if (/signature verification failed/.test(error.message)) fail(unproven(host, error));
      else if (isRefusal(error, isAuthenticating))
        fail(refusal(host, logins, untried.length, error, [...notes, ...keys.passedOver]));
      else fail(brokenOff(host, error, said, isAuthenticating));
    });
    client.on("close", () => {
      fail(brokenOff(host, new Error("the host closed the connection"), said, isAuthenticating));
    });
    client.on("handshake", () => (isAuthenticating = true));
    client.on("ready", () => {
      resolve(client);
      agent?.close();
    });
    // It would never hear of a stream that is closed already.
    if (stream.destroyed) fail(brokenOff(host, new Error("the host closed the connection"), said, false));
    client.connect({
      sock: stream,
      username: host.user,
      readyTimeout: 0,
      strictVendor: false, // a host that cannot forward sockets says so
      algorithms: { serverHostKey: algorithmsFor(expected, shown) as never },
      hostVerifier: (key: Buffer) => {
        const isRight = isExpected(expected, key);
        if (!isRight) wrongKey = key;
        return isRight;
      },
      authHandler: (_left, _partial, next) => {
        next(untried.shift() ?? (false as never)); // which ends it; the types have forgotten
      },
    });
    stream.once("data", (first: Buffer) => (said = first.toString("latin1", 0, 1000)));
  });
}

interface Login {
  readonly name: string;
  readonly method: Ssh2.AnyAuthMethod;
}

/** In the order of `ssh`: what an agent has comes before files. */
function loginsOf(
  { user: username, agent: path }: SshHost,
  keys: readonly LoginKey[],
  opened: Agent | undefined,
): Login[] {
  const byKey = keys.map(({ name, key }): Login => {
    const method = { type: "publickey", username, key } as const;
    return { name: name === "privateKey" ? name : `the key ${name}`, method };
  });
  if (opened === undefined) return byKey;
  const method = { type: "agent", username, agent: opened.agent } as const;
  return [{ name: `the keys of the agent at ${path ?? ""}`, method }, ...byKey];
}

/** The key was the right one, but whoever shows it does not have it, or changes what is said on the way. */
function unproven(host: SshHost, cause: Error): AccessError {
  const message =
    `${formatHostAndPort(host)} shows the expected host key but does not prove to have it: ${plain(cause.message)}. ` +
    "Nobody was logged in. Something on the way interferes with the connection";
  return new AccessError("LXD_SERVER_IDENTITY", message, { cause });
}

/** Whether the host does not want this user: it says so, or hangs up with a reason ("Too many authentication failures"). */
function isRefusal(error: Error & { level?: string; code?: unknown }, isAuthenticating: boolean): boolean {
  return error.level === "client-authentication" || (isAuthenticating && typeof error.code === "number");
}

function refusal(
  host: SshHost,
  logins: readonly Login[],
  untried: number,
  error: Error,
  notes: readonly string[],
): AccessError {
  const names = logins.map(({ name }) => name);
  const tried = names.slice(0, names.length - untried).join(", ");
  const others = names.slice(names.length - untried).join(", ");
  const limit =
    others === ""
      ? []
      : [
          `not tried any more, as sshd allows only so many attempts (MaxAuthTries): ${others}; give the right key by ` +
            "privateKeyPath, or say agent: false",
        ];
  const said = "code" in error ? ` (${plain(error.message)})` : "";
  const what =
    tried === ""
      ? `there is no key to log in with as ${JSON.stringify(host.user)}: no agent, and none of the usual key files can be used`
      : `the host does not let the user ${JSON.stringify(host.user)} in${said}; tried: ${tried}`;
  return new AccessError(
    "LXD_NOT_TRUSTED",
    `${[what, ...limit, ...notes].join("; ")}. Give another user, privateKey, privateKeyPath or agent, or add the public key to that user's ` +
      `authorized_keys on ${formatHostAndPort(host)}`,
  );
}

/** What sshd says in plain text, instead of speaking SSH, where it has had enough of this machine. */
const enough = /Not allowed at this time|Exceeded MaxStartups/;

/** `said` is the first that came from the host, if anything did. */
function brokenOff(
  host: SshHost,
  error: Error & { code?: unknown },
  said: string,
  isSpoken: boolean,
): AccessError {
  const line = plain(said.split(/\r?\n/, 1).join(""));
  if (enough.test(line)) {
    const hint =
      "sshd limits how many connections it takes (MaxStartups, PerSourcePenalties). Try again later";
    return new AccessError("LXD_UNREACHABLE", `the host said ${JSON.stringify(line)}: ${hint}`, {
      cause: error,
    });
  }
  const isStranger = line !== "" && !line.startsWith("SSH-2.0-");
  const isMisspoken = !isSpoken && line !== "" && typeof error.code !== "string" && !hasEnded(error);
  if (isStranger || isMisspoken) {
    const reason = isStranger ? `the host said ${JSON.stringify(line)}` : plain(error.message);
    const hint = `Is another service on ${formatHostAndPort(host)}?`;
    return new AccessError("LXD_PROTOCOL", `no SSH connection comes about: ${reason}. ${hint}`, {
      cause: error,
    });
  }
  return brokenConnection(error);
}

/** The connection broke off, and the host said no more than that. */
export function brokenConnection(error: unknown): AccessError {
  const reason = `the SSH connection broke off: ${plain(messageOf(error))}. The log of sshd on that host says why`;
  return new AccessError("LXD_UNREACHABLE", reason, { cause: error });
}

function hasEnded(error: Error): boolean {
  return /lost before handshake|closed the connection/.test(error.message);
}

/** What a host says of itself, made fit to be shown. */
function plain(text: string): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, 200);
}
