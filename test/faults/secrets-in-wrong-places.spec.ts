/** Secrets given in the place of something else: no check repeats them, and none is stored where it could be read. */
import * as assert from "node:assert/strict";
import type { ResourceName } from "../../provider/registry";
import { handlers } from "../../provider/registry";
import { secretPaths } from "../../provider/schema";
import { pathsIn, replaced } from "../contract/property-paths";
import { wrongInputs } from "../contract/wrong-inputs";
import { itFinds, someOf } from "../support/faults/finding";
import { asSecret } from "../support/faults/secret-program";
import { SecretSearch } from "../support/faults/secret-search";
import { SecretStage } from "../support/faults/secret-stage";
import { makePair } from "../support/openssl-pair";
import { describeWith } from "../support/skip";
import { Stack } from "../support/stack";

const resources: ResourceName[] = ["ClientCertificate", "HttpsAddress", "Remote", "TrustToken"];
const { privateKey, certificate } = makePair("misplaced");
const oneLine = privateKey.replaceAll("\n", "\\n");
/** Its base64 holds a slash and a plus, which names and addresses may not. */
const token = Buffer.from(
  JSON.stringify({
    ...{ client_name: "ü?>~ü?>", fingerprint: "ab".repeat(32), addresses: ["127.0.0.1:8443"] },
    ...{ secret: "5ec2e7".repeat(10), expires_at: "0001-01-01T00:00:00Z" },
  }),
).toString("base64");
const password = "pass/word of mine, and nobody else's";

const misplaced: [what: string, text: string][] = [
  ["a private key", privateKey],
  ["a private key in one line", oneLine],
  ["a certificate and its private key", certificate + privateKey],
  ["a trust token", token],
];

describe("Secrets in the wrong place", () => {
  for (const [what, text] of someOf(misplaced)) {
    itFinds(`${what}, as any other property of any resource`, async () => {
      const search = new SecretSearch();
      search.remember(what, text.includes("CERTIFICATE") ? privateKey : text);
      const stack = new Stack("/nonexistent");
      let tried = 0;
      for (const name of resources) {
        const secret = secretPaths(handlers[name].args).map((path) => path.join("."));
        for (const inputs of new Set(wrongInputs[name].map(({ within }) => within)))
          for (const path of pathsIn(inputs)) {
            // By itself, and in what should have been a text or a number.
            for (const value of [text, [text], { text }]) {
              const mistakes = await stack.mistakes(name, replaced(inputs, path, value));
              assert.deepEqual(search.in(mistakes.join("\n")), [], `${name}.${path} repeats it`);
              if (!secret.includes(path)) assert.notDeepEqual(mistakes, [], `${name}.${path} takes it`);
              tried++;
            }
          }
      }
      assert.ok(tried > 100, String(tried));
      const fault = `${what} as another property`;
      return {
        kind: "fault",
        fault,
        server: "none",
        happened: "refused by the check",
        left: "not repeated in any reason",
      };
    });
  }
});

describeWith(["pulumi"], "Secrets in inputs that fail their check", function () {
  this.timeout(300_000);
  let stage: SecretStage;

  before(async () => {
    stage = await SecretStage.set();
    for (const [what, text] of misplaced)
      stage.search.remember(what, text.includes("CERTIFICATE") ? privateKey : text);
    stage.search.remember("a password", password);
  });
  after(() => {
    stage.remove();
  });

  const connection = {
    ...{
      address: token,
      clientCertificate: privateKey,
      clientKey: asSecret(password),
      serverFingerprint: token,
    },
    ssh: {
      host: token,
      user: oneLine,
      privateKey: password,
      agent: privateKey,
      proxyJump: asSecret(privateKey),
    },
  };
  const wrong: [type: string, args: object][] = [
    [
      "HttpsAddress",
      {
        address: token,
        target: oneLine,
        family: password,
        port: password,
        floating: asSecret(token),
        connection,
      },
    ],
    [
      "TrustToken",
      {
        clientName: connection,
        kind: password,
        projects: [oneLine],
        groups: token,
        clientFingerprint: asSecret(privateKey),
        connection,
      },
    ],
    [
      "Remote",
      {
        name: token,
        token: password,
        clientCertificate: privateKey,
        clientKey: token,
        configDir: oneLine,
        configFlavor: password,
        timeouts: { connect: asSecret(password) },
      },
    ],
    [
      "ClientCertificate",
      { commonName: token, keyAlgorithm: password, validityDays: password, pkcs12Password: [password] },
    ],
  ];
  for (const [type, args] of someOf(wrong)) {
    itFinds(`a ${type} in which every one is wrong, in a preview`, async () => {
      stage.give({ resources: [[type, "wrong", args]] });
      const { code, output } = await stage.run("preview", "--diff");
      assert.notEqual(code, 0);
      assert.match(output, /must not hold a (private key|trust token)/);
      const mistakes = output.split("\n").filter((line) => /has a problem: /.test(line)).length;
      assert.ok(mistakes > 2, output);
      const fault = `a ${type} with secrets in wrong properties`;
      return { kind: "fault", fault, server: "none", happened: "refused by the check", left: stage.left() };
    });
  }
});
