/** State that an older or a newer release stored, or a hand wrote: each step on it does its work or refuses in words. */
import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { dynamicProvider } from "../../provider/dynamic-provider";
import { ClientPool } from "../../provider/lxd/pool";
import type { ResourceName } from "../../provider/registry";
import { createClientCertificate } from "../../provider/pki/certificate";
import { itFinds } from "../support/faults/finding";
import { type ScriptedServer, startScriptedServer } from "../support/faults/scripted-server";
import { strangeIn, wholeReply } from "../support/faults/server-replies";
import { requireSecret, requireShowable, type Verdict, withstands } from "../support/faults/withstanding";
import { token } from "../contract/right-inputs";

type Properties = Record<string, unknown>;

const fingerprint = "ab".repeat(32);
const server = { uuid: "d1c8b6c4-98a1-4f5d-8f3c-3c2a1d0c4e55", name: "edge", fingerprint };

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  let scripted: ScriptedServer;
  let stored: Readonly<Record<ResourceName, { inputs: Properties; outputs: Properties }>>;
  let privateKey = "";

  before(async () => {
    scripted = await startScriptedServer();
    scripted.answer = wholeReply;
    const pair = await createClientCertificate({
      commonName: "ci",
      keyAlgorithm: "Ed25519",
      now: new Date(),
    });
    ({ privateKey } = pair);
    const connection = { socketPath: scripted.socketPath };
    const facts = {
      ...{ serverName: "edge", serverVersion: "6.9", serverType: "lxd", serverFingerprint: fingerprint },
      serverCertificate: pair.certificate,
      addresses: ["10.0.0.11:8443"],
    };
    const given = { clientName: "ci", projects: ["default"] };
    const joined = {
      name: "prod",
      addresses: ["127.0.0.1:1"],
      serverFingerprint: fingerprint,
      timeouts: { connect: 1, request: 1 },
    };
    stored = {
      ClientCertificate: {
        inputs: { commonName: "ci", rotateBeforeDays: 30 },
        outputs: {
          ...pair,
          fingerprint,
          expiresAt: "2036-01-01T00:00:00.000Z",
          given: { commonName: "ci", rotateBeforeDays: 30 },
        },
      },
      HttpsAddress: {
        inputs: { address: "10.0.0.11:8443", connection },
        outputs: {
          ...{
            ...facts,
            address: "10.0.0.11:8443",
            effectiveAddress: "10.0.0.11:8443",
            resolvedAddress: "10.0.0.11:8443",
            previousAddress: "",
            connection,
            server,
          },
          given: { address: "10.0.0.11:8443" },
        },
      },
      TrustToken: {
        inputs: { ...given, connection },
        outputs: {
          ...{ ...facts, ...given, token, kind: "certificate", state: "pending", connection, server, given },
          ...{
            held: { projects: ["default"], restricted: true },
            operation: "8b2b2f1c-6f0e-4b54-9c0f-5d7f5d2f6b11",
          },
          knownClients: [fingerprint],
        },
      },
      Remote: {
        inputs: joined,
        outputs: {
          ...{
            ...facts,
            ...joined,
            address: "127.0.0.1:1",
            clientCertificate: pair.certificate,
            clientKey: privateKey,
          },
          ...{
            clientFingerprint: fingerprint,
            clientExpiresAt: "2036-01-01T00:00:00.000Z",
            projects: ["default"],
          },
          ...{ enrolled: true, configState: "absent", given: joined, flavor: "lxd" },
        },
      },
    };
  });
  after(() => scripted.close());

  const steps = ["diff", "read", "update", "delete"] as const;

  /** One step on stored outputs, as the engine asks for it. */
  async function step(
    name: ResourceName,
    what: (typeof steps)[number],
    outputs: Properties,
  ): Promise<Verdict> {
    const pool = new ClientPool();
    const told: string[] = [];
    const surroundings = {
      ...{ environment: {}, programDirectory: "/nonexistent", now: () => new Date() },
      log: (_: string, message: string) => void told.push(message),
    };
    const provider = dynamicProvider(name, surroundings, pool);
    const { inputs } = stored[name];
    try {
      if (what === "diff") await provider.diff?.("id", outputs, inputs);
      if (what === "read") await provider.read?.("id", outputs);
      if (what === "update") await provider.update?.("id", outputs, inputs);
      if (what === "delete") await provider.delete?.("id", outputs);
      return "taken";
    } catch (error) {
      assert.ok(error instanceof Error);
      assert.match(error.message, /\[[A-Z_]+\]$/);
      assert.doesNotMatch(error.message, /\[BUG\]/);
      requireSecret(token, error.message);
      requireSecret(privateKey.replace(/-----.*-----|\s/g, ""), error.message);
      return { refused: error.message };
    } finally {
      for (const message of told) requireShowable(message);
      await pool.close();
    }
  }

  for (const name of ["ClientCertificate", "HttpsAddress", "TrustToken", "Remote"] as const) {
    const outputs = (): fc.Arbitrary<Properties> =>
      strangeIn(stored[name].outputs).map((found) =>
        // The engine knows no other kind of outputs than an object.
        typeof found === "object" && found !== null && !Array.isArray(found)
          ? (found as Properties)
          : { found },
      );

    itFinds(`as the stored state of a ${name}, generated`, async () => {
      assert.equal(await step(name, "diff", stored[name].outputs), "taken", "what this release stores");
      for (const inherited of ["valueOf", "toString", "constructor", "__proto__"]) {
        const given = JSON.parse(`{"${inherited}": [1]}`) as object;
        await step(name, "diff", { ...stored[name].outputs, given });
      }
      for (const what of ["read", "delete"] as const)
        await step(name, what, { ...stored[name].outputs, operation: "\ud800" }); // half a character
      const compared = await withstands(`stored state of a ${name}`, outputs(), (found) =>
        step(name, "diff", found),
      );
      // What may ask a server takes longer. A Remote would dial whatever address it finds, so those stay as they are.
      const { address, addresses } = stored[name].outputs;
      const given = fc.record({ found: outputs(), what: fc.constantFrom(...steps.slice(1)) });
      let asked = 0;
      await fc.assert(
        fc.asyncProperty(given, async ({ found, what }) => {
          const verdict = await step(
            name,
            what,
            name === "Remote" ? { ...found, address, addresses } : found,
          );
          if (verdict !== "taken") requireShowable(verdict.refused);
          asked++;
        }),
        { numRuns: 300, endOnFailure: true },
      );
      return { ...compared, cases: compared.cases + asked };
    });
  }
});
