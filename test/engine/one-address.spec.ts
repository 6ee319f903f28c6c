/** An HttpsAddress that Pulumi replaces, renames or moves: it makes the new one first, and then deletes the old one. */
import * as assert from "node:assert/strict";
import { listeningSockets } from "../support/facts/listening-sockets";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const imports = `import { HttpsAddress, Onboarding } from "pulumi-lxd-access";\n`;
const onboarded = (address: string): string =>
  `${imports}new Onboarding("edge", { address: "${address}", projects: ["default"] });\n`;

/** A program of HttpsAddresses, each of its own name, for each front. */
const programs = {
  typescript: (names: readonly string[], address: string) =>
    imports + names.map((name) => `new HttpsAddress("${name}", { address: "${address}" });\n`).join(""),
  yaml: (names: readonly string[], address: string) =>
    `resources:\n${names
      .map(
        (name) => `  ${name}: { type: "lxd-access:HttpsAddress", properties: { address: "${address}" } }\n`,
      )
      .join("")}`,
};

for (const language of ["typescript", "yaml"] as const) makesRoom(language);

function makesRoom(language: keyof typeof programs): void {
  const program = programs[language];
  const front = language === "yaml" ? "the plugin" : "the dynamic front";

  describeWith(
    ["pulumi", "lxd-daemon"],
    `by ${front}, an HttpsAddress that makes room for another one`,
    function () {
      this.timeout(300_000);
      let server: TestServer;
      let project: PulumiProject;
      let address: string;

      before(async () => {
        server = await startServer("lxd-daemon");
        address = `127.0.0.1:${await freePort()}`;
        project = await PulumiProject.create(program(["server"], address), {
          language,
          config: { "lxd-access:socketPath": server.socketPath },
        });
        await project.up();
      });
      after(async () => {
        await server.stop();
        project.remove();
      });

      /** The server listens where it did, and nothing is left to do, not even after a look at it. */
      async function goesOn(): Promise<void> {
        assert.equal(await viewOf(server).address(), address);
        assert.deepEqual(listeningSockets(server.pid), [address]);
        await project.expect(0, "preview", "--refresh", "--expect-no-changes");
      }

      it("replaced by `up --replace`", async () => {
        const exported = JSON.parse(await project.expect(0, "stack", "export")) as {
          deployment: { resources: { urn: string }[] };
        };
        const { urn } =
          exported.deployment.resources.find((one) => one.urn.endsWith("::server")) ??
          assert.fail("not there");
        assert.match(await project.up("--replace", urn), /goes on listening on/);
        await goesOn();
      });

      it("renamed, in a run that refreshes first", async () => {
        project.give(program(["renamed"], address));
        await project.up("--refresh");
        await goesOn();
      });

      // A component of the TypeScript package alone.
      if (language === "typescript")
        it("moved into an Onboarding", async () => {
          project.give(onboarded(address));
          await project.up();
          await goesOn();
        });

      it("twice in a program: one of them is refused, and the server listens where it did", async () => {
        project.give(program(["one", "other"], address));
        const { code, output } = await project.run(["up", "--yes", "--skip-preview"]);
        assert.notEqual(code, 0);
        assert.match(
          output,
          /another HttpsAddress of this program has set the address of .*\[INPUT_INVALID\]/s,
        );
        assert.equal(await viewOf(server).address(), address);
        assert.deepEqual(listeningSockets(server.pid), [address]);
      });
    },
  );
}
