/** Whatever a server replies is read, or refused in words that can be shown; nothing that it says ends a run otherwise. */
import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { LxdClient } from "../../provider/lxd/client";
import { isIP } from "node:net";
import { itFinds } from "../support/faults/finding";
import { type ScriptedServer, startScriptedServer } from "../support/faults/scripted-server";
import { metadata, strangeReply, wholeReply } from "../support/faults/server-replies";
import { requireShowable, verdictOf, withstands } from "../support/faults/withstanding";
import { Stack } from "../support/stack";

const operation = "8b2b2f1c-6f0e-4b54-9c0f-5d7f5d2f6b11";

/** Every reading call of the client, by the request whose reply it reads. */
const calls: Readonly<Record<string, (client: LxdClient) => Promise<unknown>>> = {
  "GET /1.0": (client) => client.getServer({ fresh: true }),
  "GET /1.0/cluster/members": (client) => client.getClusterMembers({ fresh: true }),
  "GET /1.0/projects": (client) => client.getProjectNames({ fresh: true }),
  "GET /1.0/certificates": (client) => client.getCertificates({ fresh: true }),
  "GET /1.0/operations": (client) => client.getPendingTokens({ fresh: true }),
  [`GET /1.0/operations/${operation}`]: (client) => client.getOperation(operation),
  "POST /1.0/certificates": (client) =>
    client.createCertificateToken({ name: "ci", restricted: true, projects: [] }),
  "GET /1.0/networks": (client) => client.getServerAddresses(),
  "GET /1.0/networks/enp5s0/state": async (client) => {
    for (const { address, prefixLength } of await client.getServerAddresses())
      assert.ok(isIP(address) !== 0 && prefixLength >= 0 && prefixLength <= 128);
  },
  "GET /1.0/auth/groups": (client) => client.getGroupNames({ fresh: true }),
  "GET /1.0/auth/identities/tls": (client) => client.getIdentities({ fresh: true }),
  "GET /1.0/auth/identities/current": (client) => client.getCurrentIdentity({ fresh: true }),
  "POST /1.0/auth/identities/tls": (client) => client.createPendingIdentity("ci", ["admins"]),
};

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  let server: ScriptedServer;
  let client: LxdClient;
  before(async () => {
    server = await startScriptedServer();
    client = new LxdClient({ kind: "unix", socketPath: server.socketPath }, { connect: 60, request: 60 });
  });
  after(async () => {
    await client.close();
    await server.close();
  });

  const one = (
    requests: readonly string[],
  ): fc.Arbitrary<{ request: string; reply: { status: number; body: string } }> =>
    fc.oneof(
      ...requests.map((request) => strangeReply(metadata[request]).map((reply) => ({ request, reply }))),
    );

  /** Everything is answered whole but this. */
  function script({ request, reply }: { request: string; reply: { status: number; body: string } }): void {
    server.answer = (method, path) => (`${method} ${path}` === request ? reply : wholeReply(method, path));
  }

  itFinds("as a server's reply to each call of the client, generated", () =>
    withstands("server's reply", one(Object.keys(calls)), (given) => {
      script(given);
      return verdictOf(() => calls[given.request]?.(client) ?? assert.fail(given.request));
    }),
  );

  const connection = (): { socketPath: string } => ({ socketPath: server.socketPath });
  const wholes: [name: "HttpsAddress" | "TrustToken", inputs: () => Record<string, unknown>][] = [
    ["HttpsAddress", () => ({ subnet: "10.0.0.0/16", connection: connection() })],
    ["HttpsAddress", () => ({ address: "10.0.0.11:8443", connection: connection() })],
    ["TrustToken", () => ({ clientName: "ci-2", projects: ["default"], connection: connection() })],
    ["TrustToken", () => ({ clientName: "ci-2", groups: ["admins"], connection: connection() })],
  ];
  const asked = Object.keys(metadata).filter((request) => !request.includes("cluster"));

  itFinds("as one of the replies that a resource is made of, generated", () => {
    return withstands(
      "server's reply, while a resource is made",
      fc.record({ whole: fc.constantFrom(...wholes), given: one(asked) }),
      async ({ whole: [name, inputs], given }) => {
        script(given);
        const stack = new Stack("/nonexistent");
        const { message } = await stack.up(name, inputs());
        for (const told of stack.messages.splice(0)) requireShowable(told);
        if (message === undefined) return "taken";
        assert.doesNotMatch(message, /\[BUG\]/);
        return { refused: message };
      },
      500,
    );
  });

  it("as a server's reply of a megabyte: is read, or refused in words", async () => {
    const floods: [request: string, item: string][] = [
      ["GET /1.0/certificates", "0"],
      ["GET /1.0/projects", '"%"'],
      ["GET /1.0/auth/groups", '"\\u001b[2J"'],
      ["GET /1.0/networks", "[".repeat(500_000) + "]".repeat(500_000)],
    ];
    for (const [request, item] of floods) {
      const content = Array<string>(Math.ceil(1_000_000 / item.length))
        .fill(item)
        .join();
      script({ request, reply: { status: 200, body: `{"type":"sync","metadata":[${content}]}` } });
      const verdict = await verdictOf(() => calls[request]?.(client));
      if (verdict !== "taken") requireShowable(verdict.refused);
    }
  });
});
