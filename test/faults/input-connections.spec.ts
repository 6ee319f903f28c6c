/** Whatever stack config and the environment say of a connection gives a server, or is refused without a word of a secret. */
import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { configNames, connectionVariables, timeoutVariables } from "../../provider/connection";
import { resolveConnection } from "../../provider/ways-in/resolve";
import { identityToken, sshByAgent, sshByFiles, sshByKey } from "../contract/right-inputs";
import { itFinds } from "../support/faults/finding";
import { mutated } from "../support/faults/hostile-text";
import { requireSecret, type Verdict, verdictOf, withstands } from "../support/faults/withstanding";
import { makePair } from "../support/openssl-pair";

const pair = makePair("client");
const passphrase = "5ecret-passphrase-of-a-key";
const fingerprint = "ab".repeat(32);
const secrets = [pair.privateKey.replace(/-----.*-----|\s/g, ""), passphrase];

const ways: Record<string, string>[] = [
  { socketPath: "/run/lxd.socket", timeouts: '{"connect":5,"request":0.5}' },
  {
    address: "lxd.example.org:8443",
    clientCertificate: pair.certificate,
    clientKey: pair.privateKey,
    serverFingerprint: fingerprint,
  },
  {
    address: "10.0.0.1",
    clientCertificate: pair.certificate,
    clientKey: pair.privateKey,
    serverCertificate: pair.certificate,
  },
  ...[sshByKey.ssh, sshByFiles.ssh, sshByAgent.ssh].map((ssh) => ({
    ssh: JSON.stringify(ssh).replaceAll("a passphrase", passphrase),
  })),
  {
    ssh: JSON.stringify({ host: "edge", port: "22", privateKey: pair.privateKey, agent: false }),
    timeouts: '{"connect":"7"}',
  },
];

const value = fc.oneof(
  ...ways.flatMap((way) => Object.values(way)).map((text) => mutated(fc.constant(text))),
  fc.json(),
  fc.constantFrom("", "true", "false", "0", "1e9", "22", identityToken),
);

/** A way in, of which some is left out, changed or said twice. */
const config = fc
  .tuple(
    fc.constantFrom(...ways),
    fc.option(fc.constantFrom(...configNames.filter((name) => !["remote", "configDir"].includes(name)))),
    value,
    fc.integer({ min: 0, max: 9 }),
  )
  .chain(([way, more, other, luck]) =>
    luck < 3
      ? fc.constant(way)
      : luck < 6
        ? fc.record(
            Object.fromEntries(Object.entries(way).map(([name, text]) => [name, mutated(fc.constant(text))])),
          )
        : fc.constant(more === null ? {} : { ...way, [more]: other }),
  );

const variableNames = [...Object.values(connectionVariables), ...Object.values(timeoutVariables)].filter(
  (name) => !/REMOTE|CONFIG_DIR/.test(name),
);
const environment = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 2,
    arbitrary: fc.constant<Record<string, string>>({
      LXD_ACCESS_ADDRESS: "10.0.0.1",
      LXD_ACCESS_CLIENT_CERTIFICATE: pair.certificate,
      LXD_ACCESS_CLIENT_KEY: pair.privateKey,
      LXD_ACCESS_SERVER_FINGERPRINT: fingerprint,
      LXD_ACCESS_SSH_PORT: "22",
    }),
  },
  {
    weight: 3,
    arbitrary: fc.dictionary(
      fc.oneof(fc.constantFrom(...variableNames), mutated(fc.constantFrom(...variableNames))),
      value,
      { maxKeys: 3, noNullPrototype: true },
    ),
  },
);

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  async function read(given: {
    config: Record<string, string>;
    environment: Record<string, string>;
  }): Promise<Verdict> {
    const verdict = await verdictOf(async () => {
      const { endpoint, timeouts } = await resolveConnection(undefined, {
        ...given,
        programDirectory: "/nonexistent",
        isUsable: () => false,
      });
      assert.ok(timeouts.connect > 0 && timeouts.connect <= 3600 && timeouts.request > 0);
      if (endpoint.kind === "https")
        assert.ok(endpoint.clientKey !== undefined && Object.values(endpoint.pin)[0] !== "");
      if (endpoint.kind === "unix") assert.match(endpoint.socketPath, /^\//);
      if (endpoint.kind === "ssh") assert.ok(endpoint.host.port > 0 && endpoint.host.host !== "");
    });
    if (verdict !== "taken") for (const secret of secrets) requireSecret(secret, verdict.refused);
    return verdict;
  }

  itFinds("as a connection in stack config and environment, generated", () =>
    withstands(
      "connection, in stack config and environment",
      fc.record({ config, environment }, { noNullPrototype: true }),
      read,
    ),
  );

  it("as a connection in stack config, of any depth: is refused in words", async () => {
    for (const [open, close] of [
      ['{"proxyJump":', "}"],
      ['{"host":', "}"],
      ["[", "]"],
    ] as const) {
      const ssh = `{"host":"a","proxyJump":${open.repeat(100_000)}1${close.repeat(100_000)}}`;
      const verdict = await read({ config: { ssh }, environment: {} });
      assert.match(
        verdict === "taken" ? "" : verdict.refused,
        /lxd-access:ssh\.proxyJump.*\[CONFIG_INVALID\]$/,
      );
    }
  });
});
