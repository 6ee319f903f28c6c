/** Unreachable, hidden or other is never taken for gone, nor changed: against the double. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, profileNames, startDouble } from "../support/double/double";
import { hiddenIsNotGone } from "../support/hidden-case";
import { freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { type Recorded, Stack } from "../support/stack";

for (const profile of profileNames) {
  describe(`unreachable, hidden or another server is not gone, on the double of ${profile}`, () => {
    let server: Double;
    let view: ServerView;
    let stack: Stack;
    let folder: string;
    let resources: Recorded[];

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "lxa-right-"));
      stack = new Stack(folder);
      server = await startDouble(profile, { speed: 5 });
      view = viewOf(server);
      const connection = { socketPath: server.socketPath };
      const address = `127.0.0.1:${await freePort()}`;
      resources = [
        await stack.create("HttpsAddress", { address, connection }),
        await stack.create("TrustToken", { clientName: "ci", projects: ["default"], connection }),
      ];
    });
    afterEach(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    const eachFails = async (
      pattern: RegExp,
      ...calls: ("refresh" | "update" | "destroy")[]
    ): Promise<void> => {
      for (const resource of resources) {
        for (const call of calls) {
          const attempt = call === "update" ? stack.update(resource, resource.inputs) : stack[call](resource);
          await assert.rejects(attempt, pattern, `${resource.name}: ${call}`);
        }
      }
    };

    it("a server that does not run: an error, for a destroy with the ways out, or kept where the stack says so", async () => {
      await server.stop();
      await eachFails(/unix\.socket: .*ENOENT.*\[LXD_UNREACHABLE\]/s, "refresh", "update", "destroy");
      await eachFails(/stays in the stack.*retainOnDelete.*deletedWith.*`pulumi state delete`/s, "destroy");
      stack.config = { onUnreachable: "keep" };
      for (const resource of resources) {
        assert.deepEqual((await stack.refresh(resource))?.outputs, resource.outputs);
      }
      assert.match(
        stack.messages.join("\n"),
        /warning: HttpsAddress core\.https_address could not be looked at, what is stored is kept/,
      );
    });

    it("a client that may not administer: an error that names the missing right, also with keep", () =>
      hiddenIsNotGone(profile));

    for (const [what, other] of [
      ["another server", { name: "another" }],
      [
        "one of the other kind, on a host of the same name,",
        { type: profile.startsWith("incus") ? "lxd" : "incus" },
      ],
    ] as const)
      it(`${what} behind the same socket: nothing is read into state, changed or removed`, async () => {
        await server.stop();
        server = await startDouble(profile, { directory: server.directory, speed: 5 });
        // What tells servers apart: a uuid where there is one; else the certificate, with the name or the kind.
        resources = resources.map((resource) => ({
          ...resource,
          outputs: {
            ...resource.outputs,
            server: { ...(resource.outputs["server"] as object), ...other },
          },
        }));
        const address = await view.listen();
        await eachFails(
          /is not the server this resource lives on.*Nothing was changed.*\[LXD_SERVER_IDENTITY\]/s,
          "refresh",
          "update",
          "destroy",
        );
        assert.equal(await view.address(), address);
      });

    it("two tokens for one name in one program: an error instead of each revoking the other's", async () => {
      await view.revokeTokens();
      const { connection } = await openHttps(server);
      const inputs = { clientName: "twin", projects: [] };
      const made = await stack.createTogether(
        [connection, { socketPath: server.socketPath }].map((way) => ({
          name: "TrustToken",
          inputs: { ...inputs, connection: way },
        })),
      );
      assert.equal(made.filter((result) => result === "created").length, 1);
      assert.match(made.join("\n"), /another TrustToken of this program has issued a token for "twin"/);
      assert.deepEqual(await view.pendingTokens(), ["twin"]);
    });
  });
}
