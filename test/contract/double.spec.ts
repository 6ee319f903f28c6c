import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, profileNames, startDouble } from "../support/double/double";
import { documentedOnly } from "../support/double/profiles";
import { Names, pairOf } from "../support/facts/names";
import { proveProfile } from "../support/facts/prove";
import { rawRequest } from "../support/raw-request";
import { startServer, type TestServer } from "../support/servers";

for (const profile of profileNames) {
  const unseen = documentedOnly[profile].length;
  describe(`the double of ${profile} (${unseen} behaviours from documentation only)`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(profile);
    });
    after(() => server.stop());

    proveProfile(() => server, profile);
  });
}

describe("the double as an instrument", () => {
  let double: Double;
  beforeEach(async () => {
    double = await startDouble("lxd-6");
  });
  afterEach(() => double.stop());

  const colour = (value: string) => ({ config: { "user.colour": value } });
  const patch = (value: string) => rawRequest(double, "PATCH", "/1.0", colour(value));
  const heldColour = async () => {
    const { metadata } = (await rawRequest(double, "GET", "/1.0")).body;
    return (metadata as { config: Record<string, string> }).config["user.colour"];
  };

  it("tells which requests came over which connection, and by whom", async () => {
    const address = `127.0.0.1:${await new Names("").port("a")}`;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await rawRequest({ ...double, agent }, "GET", "/1.0?target=none");
    await rawRequest({ ...double, agent }, "PATCH", "/1.0", {
      config: { "core.https_address": address },
    });
    agent.destroy();
    const one = pairOf("one");
    await rawRequest({ ...one, address }, "GET", "/1.0/projects");
    await rawRequest({ address }, "GET", "/1.0");
    assert.deepEqual(double.requests, [
      { method: "GET", path: "/1.0?target=none", connectionId: 1 },
      { method: "PATCH", path: "/1.0", connectionId: 1 },
      { method: "GET", path: "/1.0/projects", connectionId: 2, clientFingerprint: one.fingerprint },
      { method: "GET", path: "/1.0", connectionId: 3 },
    ]);
    assert.equal(double.connections, 3);
  });

  it("answers what the test wants instead", async () => {
    double.intercept(({ method }) =>
      method === "PATCH" ? { status: 503, body: { error: "busy" } } : undefined,
    );
    assert.equal((await patch("red")).status, 503);
    assert.equal(await heldColour(), undefined);
    double.intercept(undefined);
    assert.equal((await patch("red")).status, 200);
  });

  it("cuts the connection before it looks at a request, or after it did what was asked", async () => {
    double.intercept(({ body }) => (body.includes("red") ? "reset" : undefined));
    await assert.rejects(patch("red"), { code: "ECONNRESET" });
    assert.equal(await heldColour(), undefined);
    double.intercept(({ body }) => (body.includes("red") ? "reset after handling" : undefined));
    await assert.rejects(patch("red"), { code: "ECONNRESET" });
    assert.equal(await heldColour(), "red");
  });

  it("never answers, until it is stopped", async () => {
    double.intercept(({ body }) => (body.includes("red") ? "hang after handling" : "hang"));
    const unanswered = [patch("red"), patch("blue")].map((sent) =>
      assert.rejects(sent, { code: "ECONNRESET" }),
    );
    while (double.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    double.intercept(undefined);
    assert.equal(await heldColour(), "red");
    await double.stop();
    await Promise.all(unanswered);
  });

  it("has another certificate after a restart without the old one", async () => {
    const fingerprint = async () => {
      const { metadata } = (await rawRequest(double, "GET", "/1.0")).body;
      return (metadata as { environment: Record<string, unknown> }).environment.certificate_fingerprint;
    };
    const before = await fingerprint();
    await double.restart();
    assert.equal(await fingerprint(), before);
    for (const file of ["server.crt", "server.key"]) rmSync(join(double.directory, file));
    await double.restart();
    assert.notEqual(await fingerprint(), before);
  });

  it("leaves nothing behind", async () => {
    await double.stop();
    assert.equal(existsSync(double.directory), false);
    await assert.rejects(rawRequest(double, "GET", "/1.0"), { code: "ENOENT" });
  });

  it("runs as a process of its own until SIGTERM", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lxa-"));
    const script = join(__dirname, "..", "support", "double", "main.ts");
    const args = ["-r", "ts-node/register", script, "--profile", "lxd-5.0", "--directory", directory];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const socketPath = join(directory, "unix.socket");
      assert.equal(line.toString(), `ready ${socketPath}\n`);
      assert.equal((await rawRequest({ socketPath }, "GET", "/1.0")).status, 200);
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "exit"), [0, null]);
      assert.equal(existsSync(socketPath), false);
    } finally {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
