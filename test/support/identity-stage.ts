/** A double of a server with TLS identities, and what tests of tokens for them need around it. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, startDouble } from "./double/double";
import { makePair } from "./openssl-pair";
import { type ServerView, viewOf } from "./server-view";
import { Stack } from "./stack";

type Inputs = Record<string, unknown>;

/** The pair of the identity that {@link IdentityStage.asOperator} makes. */
export const operator = makePair("operator");

/** The server listens and has the groups g1 and g2. */
interface IdentityStage {
  readonly server: Double;
  readonly view: ServerView;
  readonly stack: Stack;
  /** Of a TrustToken for the client "ci" with the group g1, over the server's socket. */
  readonly inputs: Inputs;
  /** Name and type of everybody but the operator, sorted. */
  readonly known: () => Promise<string[]>;
  /** Creates a TrustToken that is to fail with this message and without being recorded. */
  readonly failsWith: (given: Inputs, pattern: RegExp) => Promise<void>;
  /** `connection` of an identity "operator" with these rights, as in {@link ServerView.createGroup}. */
  readonly asOperator: (...entitlements: string[]) => Promise<Inputs>;
  readonly end: () => Promise<void>;
}

/** One for each test of the surrounding `describe`, there while the test runs. */
export function useIdentityStage(profile: "lxd-5.21" | "lxd-6"): Omit<IdentityStage, "end"> {
  let stage: IdentityStage | undefined;
  beforeEach(async () => {
    stage = await identityStage(profile);
  });
  afterEach(() => stage?.end());
  const now = (): IdentityStage => stage ?? assert.fail("the server is there only while tests run");
  return {
    get server() {
      return now().server;
    },
    get view() {
      return now().view;
    },
    get stack() {
      return now().stack;
    },
    get inputs() {
      return now().inputs;
    },
    known: () => now().known(),
    failsWith: (given, pattern) => now().failsWith(given, pattern),
    asOperator: (...entitlements) => now().asOperator(...entitlements),
  };
}

async function identityStage(profile: "lxd-5.21" | "lxd-6"): Promise<IdentityStage> {
  const folder = mkdtempSync(join(tmpdir(), "lxa-groups-"));
  const stack = new Stack(folder);
  const server = await startDouble(profile, { speed: 5 });
  const view = viewOf(server);
  await view.listen();
  for (const name of ["g1", "g2"]) await view.createGroup(name);
  return {
    ...{ server, view, stack },
    inputs: { clientName: "ci", groups: ["g1"], connection: { socketPath: server.socketPath } },
    known: async () =>
      (await view.identities())
        .filter(({ name }) => name !== "operator")
        .map(({ name, type }) => `${name}: ${type}`)
        .sort(),
    failsWith: async (given, pattern) => {
      const { message, recorded } = await stack.createFails("TrustToken", given);
      assert.match(message, pattern);
      assert.equal(recorded, undefined);
    },
    asOperator: async (...entitlements) => {
      await view.createGroup("operators", ...entitlements);
      await view.redeem(await view.invite("operator", ["operators"]), operator);
      const { environment } = (await view.request("GET", "/1.0")) as {
        environment: { certificate_fingerprint: string };
      };
      return {
        address: await view.address(),
        clientCertificate: operator.certificate,
        clientKey: operator.privateKey,
        serverFingerprint: environment.certificate_fingerprint,
      };
    },
    end: async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
