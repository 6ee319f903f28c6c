/** The provider's process killed under the real engine: what the engine makes of it, and the run after it. */
import { strict as assert } from "node:assert";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runClient } from "../support/client-command";
import { clientDirectory } from "../support/faults/crash-ground";
import { type FaultFinding, itFinds, someOf, serverNamed } from "../support/faults/finding";
import { PulumiProject } from "../support/pulumi-project";
import { freePort, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const program = `
import * as pulumi from "@pulumi/pulumi";
import { Onboarding } from "pulumi-lxd-access";
const port = new pulumi.Config().requireNumber("port");
new Onboarding("edge", { subnet: "127.0.0.0/8", port, projects: ["default"], configDir: "./${clientDirectory}" });
`;
const up = ["up", "--yes", "--skip-preview"];
const destroy = ["destroy", "--yes", "--skip-preview"];

describe("Crash points", function () {
  this.timeout(600_000);

  describeWith(["pulumi", "lxd-daemon"], "Onboarding by the real engine, on a real lxd-daemon", () => {
    let server: TestServer;
    let view: ServerView;
    let project: PulumiProject;

    before(async () => {
      server = await startServer("lxd-daemon");
      view = viewOf(server);
      project = await PulumiProject.create(program, {
        config: { "lxd-access:socketPath": server.socketPath, "test:port": String(await freePort()) },
      });
    });
    after(async () => {
      project.remove();
      await server.stop();
    });

    /** Runs a command whose provider process is killed at a point. */
    async function killed(at: string, command: readonly string[]): Promise<void> {
      const trace = `${project.directory}.points`;
      const preload = pathToFileURL(require.resolve("../support/faults/crash-points.mjs")).href;
      const { NODE_OPTIONS: before = "" } = project.env;
      project.env["NODE_OPTIONS"] = `${before} --import=${preload}`;
      project.env["CRASH_POINTS"] = JSON.stringify({ trace, at });
      const { code, output } = await project.run(command);
      project.env["NODE_OPTIONS"] = before;
      delete project.env["CRASH_POINTS"];
      assert.notEqual(code, 0, output);
      assert.equal(readFileSync(trace, "utf8").trim().split("\n").at(-1), at, output);
      rmSync(trace);
    }

    /** Operations of which the engine does not know what came of them, and that it asks the user about. */
    async function pendingOperations(): Promise<number> {
      const { output } = await project.run(["stack", "export"]);
      const { deployment } = JSON.parse(output) as { deployment: { pending_operations?: unknown[] } };
      return deployment.pending_operations?.length ?? 0;
    }

    /** What is there once all is destroyed. */
    async function left(): Promise<string> {
      assert.deepEqual(await view.clients(), []);
      assert.deepEqual(await view.pendingTokens(), []);
      const remotes = await runClient("lxd", join(project.directory, clientDirectory), "remote", "list");
      const stays = [
        ...((await view.address()) === "" ? [] : ["the listener"]),
        ...(/\bedge\b/.test(remotes) ? ["the remote in the client directory"] : []),
      ];
      return `no client, no token${stays.map((what) => `; ${what}, taken for having been there`).join("")}`;
    }

    for (const [title, points, ending] of someOf([
      ["killed once its client has joined", ["after POST /1.0/certificates (2)"], undefined],
      [
        "killed again and again, also while it is destroyed",
        [
          "after PATCH /1.0",
          "after POST /1.0/certificates",
          `before rename ${clientDirectory}/config.yml`,
          `after rename ${clientDirectory}/config.yml`,
        ],
        "after DELETE /1.0/certificates/FINGERPRINT",
      ],
    ] as const))
      itFinds(title, async () => {
        let pending = 0;
        for (const at of points) {
          await killed(at, up);
          pending += await pendingOperations();
        }
        await project.up();
        await project.expect(0, "preview", "--refresh", "--expect-no-changes");
        if (ending !== undefined) {
          await killed(ending, destroy);
          pending += await pendingOperations();
        }
        await project.destroy();
        const finding: FaultFinding = {
          kind: "fault",
          fault: `kill -9 of the provider under the engine: ${[...points, ...(ending === undefined ? [] : [ending])].join("; ")}`,
          server: serverNamed("lxd-daemon"),
          happened: `one further run finishes; operations that the engine holds pending: ${pending}`,
          left: `after a destroy: ${await left()}`,
        };
        return finding;
      });
  });
});
