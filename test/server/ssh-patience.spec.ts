/** How long an SSH connection is waited for, and that nobody's impatience is at the cost of others, with a real sshd. */
import * as assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createServer as createHttpServer, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { LxdClient } from "../../provider/lxd/client";
import { type Gate, gateTo } from "../support/gate";
import { describeWith } from "../support/skip";
import { sshFingerprintOf } from "../support/ssh-home";
import { failure, requireError, useSshWayIn } from "../support/ssh-way-in";
import { startTestSshd, type TestSshd } from "../support/sshd";

const answer = JSON.stringify({
  ...{ type: "sync", status_code: 200 },
  metadata: { auth: "trusted", environment: {}, api_extensions: [] },
});

describeWith(["sshd"], "the wait for an SSH connection", () => {
  const way = useSshWayIn();
  let sshd: TestSshd;
  let gate: Gate;
  /** What is behind the host's socket, and the requests that it has not answered yet. */
  let fake: Server;
  let socketPath: string;
  let pending: ServerResponse[];
  let arrived: () => void;

  before(async () => {
    sshd = await startTestSshd();
    socketPath = join(sshd.directory, "fake.socket");
    fake = createHttpServer((request, response) => {
      if (request.method === "GET") {
        response.end(answer);
        return;
      }
      pending.push(response);
      arrived();
    });
    await new Promise<void>((resolve) => fake.listen(socketPath, resolve));
  });
  after(async () => {
    fake.closeAllConnections();
    fake.close();
    await sshd.stop();
  });
  beforeEach(async () => {
    pending = [];
    gate = await gateTo(sshd.port);
  });
  afterEach(async () => {
    await way.close();
    await gate.close();
  });

  const ssh = () => {
    const { knownHostsPath: _, ...rest } = sshd.connection;
    return { ...rest, port: gate.port, hostKeyFingerprint: sshFingerprintOf(sshd.hostKey()), socketPath };
  };
  const patient = (): Promise<LxdClient> => way.open(ssh());
  const impatient = (): Promise<LxdClient> => way.open(ssh(), { connect: 1.5, request: 20 });

  it("ends for the impatient, while one who is more patient gets the connection that was begun", async () => {
    const [first, second] = [await impatient(), await patient()];
    gate.shut();
    const [early, late] = [failure(first.getServer()), second.getServer()];
    requireError(await early, "LXD_TIMEOUT", /within 1\.5 s: the host accepts the connection, but the login/);
    gate.open();
    await late;
    assert.equal(gate.connections(), 1);
  });

  it("ends for the impatient, without breaking off what others do over the connection", async () => {
    const [first, second] = [await patient(), await impatient()];
    await first.getServer();
    const begun = new Promise<void>((resolve) => (arrived = resolve));
    const change = first.updateServerConfig({ "user.x": "1" });
    await begun;
    gate.shut();
    requireError(await failure(second.getServer()), "LXD_TIMEOUT", /within 1\.5 s: the host answers no more/);
    gate.open();
    pending[0]?.end(answer);
    await change;
    // Whoever comes after does not wait for the connection that was silent once, which ends with its last use.
    await second.getServer();
    assert.equal(gate.connections(), 2);
    await first.close();
    await second.close();
    await gate.hungUp();
  });

  it("bounds the reading of keys, and whoever gives up may close", async () => {
    const fifo = join(sshd.directory, "key.fifo");
    execFileSync("mkfifo", [fifo]);
    const { privateKey: _, ...rest } = ssh();
    const client = await way.open({ ...rest, privateKeyPath: fifo }, { connect: 0.3, request: 20 });
    requireError(await failure(client.getServer()), "LXD_TIMEOUT", /within 0\.3 s: .* still being read/);
    await client.close();
    assert.equal(gate.connections(), 0);
    closeSync(openSync(fifo, "w")); // lets the reader end
  });

  it("ends at once where the host hangs up at once, the SSH library not being loaded yet", () => {
    const script = `
      const { createServer } = require("net");
      const { ClientPool } = require("./provider/lxd/pool");
      const { resolveConnection } = require("./provider/ways-in/resolve");
      const server = createServer((socket) => socket.on("error", () => undefined).destroy());
      server.listen(0, "127.0.0.1", async () => {
        const ssh = { ...JSON.parse(process.argv[1]), port: server.address().port };
        const given = { ssh, timeouts: { connect: 20, request: 1 } };
        const found = await resolveConnection(given, { config: {}, environment: {}, programDirectory: "/" });
        const client = new ClientPool().client(found.endpoint, found.timeouts);
        await client.getServer().catch(({ message }) => console.log(message));
        server.close();
      });`;
    const { privateKey: _, ...rest } = ssh();
    const given = JSON.stringify({ ...rest, agent: "/nonexistent/agent" });
    const args = ["-r", "ts-node/register", "-e", script, given];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      ...{ cwd: join(__dirname, "../.."), encoding: "utf8" },
    });
    assert.match(stdout, /broke off: .*The log of sshd on that host says why \[LXD_UNREACHABLE\]\n$/, stderr);
  });
});
