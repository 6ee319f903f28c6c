/** What a Remote does when joining goes wrong, against the double with a fault at each step. */
import { strict as assert } from "node:assert";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { plainText, Stack } from "../support/stack";

const everything = { restricted: false, projects: [] };

describe("joining when something goes wrong", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let directory: string;

  const start = async (profile: ProfileName): Promise<void> => {
    server = await startDouble(profile, { speed: 5 });
    view = viewOf(server);
    await view.listen();
  };
  const isJoin = ({ method, path }: { method: string; path: string }): boolean =>
    method === "POST" && path === "/1.0/certificates";
  const remoteInputs = async (): Promise<Record<string, unknown>> => {
    const { certificate, privateKey } = makePair("ci");
    const token = await view.issueToken("ci", everything);
    return {
      name: "prod",
      token,
      clientCertificate: certificate,
      clientKey: privateKey,
      timeouts: { connect: 2, request: 1 },
    };
  };
  const joins = (): number =>
    server.requests.filter((request) => request.clientFingerprint !== undefined && isJoin(request)).length;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "lxa-join-"));
    stack = new Stack(directory);
    await start("lxd-5.0");
  });
  afterEach(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  it("a reply that was lost is settled by asking, not by sending the token again", async () => {
    const inputs = await remoteInputs();
    server.intercept((request) => (isJoin(request) ? "reset after handling" : undefined));
    const remote = await stack.create("Remote", inputs);
    assert.equal(remote.outputs["enrolled"], true);
    assert.equal(joins(), 1);
    assert.equal((await view.clients()).length, 1);
  });

  it("a reply that never comes is settled so too", async () => {
    const inputs = await remoteInputs();
    server.intercept((request) => (isJoin(request) ? "hang after handling" : undefined));
    const remote = await stack.create("Remote", inputs);
    assert.equal(remote.outputs["enrolled"], true);
    assert.equal(joins(), 1);
  });

  it("an Incus that refuses to be looked at while it lets this client in is asked again", async () => {
    const inputs = await remoteInputs();
    const refusals = new Set([0, 2]);
    let looks = 0;
    server.intercept(({ method, path }) => {
      if (isJoin({ method, path })) return "reset after handling";
      if (path !== "/1.0" || !refusals.has(looks++)) return undefined;
      const error = "Failed to extract request details: Username not present in request context";
      return { status: 403, body: { type: "error", error_code: 403, error, metadata: null } };
    });
    const remote = await stack.create("Remote", inputs);
    assert.equal(remote.outputs["enrolled"], true);
    assert.equal(joins(), 1);
  });

  it("an Incus that takes the client for a stranger once more is asked again what it is", async () => {
    await server.stop();
    await start("incus-6.0");
    const inputs = await remoteInputs();
    let looksSince = -1;
    server.intercept(({ method, path }) => {
      if (isJoin({ method, path })) looksSince = 0;
      if (path !== "/1.0" || looksSince !== 0) return undefined;
      looksSince++;
      const metadata = { auth: "untrusted", api_extensions: [] };
      return { status: 200, body: { type: "sync", status_code: 200, metadata } };
    });
    const remote = await stack.create("Remote", inputs);
    assert.equal(remote.outputs["serverType"], "incus");
    const { environment } = (await view.request("GET", "/1.0")) as { environment: { server_name: string } };
    assert.equal(remote.outputs["serverName"], environment.server_name);
  });

  it("the second of two Remotes of one client that join at once tells that its token was not needed", async () => {
    const inputs = await remoteInputs();
    const another = { ...inputs, name: "other", token: await view.issueToken("other", everything) };
    const made = await Promise.all([stack.create("Remote", inputs), stack.create("Remote", another)]);
    const second = made.find(({ outputs }) => outputs["enrolled"] === false) ?? assert.fail("both joined");
    assert.equal((await view.pendingTokens()).length, 1);
    const told = stack.messages.filter((message) => message.includes("its token was not needed"));
    assert.equal(told.length, 1);
    assert.match(String(told), new RegExp(`^warning: Remote ${second.id}: `));
  });

  it("a server that dies right after leaves the resource recorded, and the next update finishes it", async () => {
    const inputs = await remoteInputs();
    let hasJoined = false;
    server.intercept((request) => {
      if (isJoin(request)) hasJoined = true;
      return hasJoined && request.clientFingerprint !== undefined ? "reset after handling" : undefined;
    });
    const { message, recorded } = await stack.createFails("Remote", inputs);
    assert.match(
      message,
      /Remote prod: the token was sent, but not whether it was taken.*`pulumi up`.*\[PARTIAL\]/s,
    );
    assert.ok(recorded);
    assert.ok(!plainText(recorded).includes(String(inputs["token"])));
    assert.doesNotMatch(plainText(recorded), /PRIVATE KEY/);

    server.intercept(undefined);
    assert.equal(await stack.plan(recorded, inputs), "update");
    const whole = await stack.update(recorded, inputs);
    assert.equal(await stack.plan(whole, inputs), "same");
    assert.equal(joins(), 1);
    await stack.destroy(whole);
    assert.deepEqual(await view.clients(), []);
  });

  it("a client directory that fails after the join leaves the resource recorded, with its key", async () => {
    const inputs = { ...(await remoteInputs()), configDir: "lxc" };
    server.intercept((request) => {
      // What was writable when it was checked is not any more once the token is spent.
      if (isJoin(request)) {
        mkdirSync(join(directory, "lxc"), { recursive: true });
        writeFileSync(join(directory, "lxc", "servercerts"), "in the way");
      }
      return undefined;
    });
    const { message, recorded } = await stack.createFails("Remote", inputs);
    assert.match(message, /Remote prod is trusted by https:.*servercerts.*\[PARTIAL\]/s);
    assert.ok(recorded);

    rmSync(join(directory, "lxc", "servercerts"));
    server.intercept(undefined);
    const whole = await stack.update(recorded, inputs);
    assert.equal(whole.outputs["configState"], "present");
    assert.match(readFileSync(join(directory, "lxc", "config.yml"), "utf8"), /prod/);
    assert.equal(joins(), 1);
  });

  it("a token that was used is refused in words, and nothing is recorded", async () => {
    const inputs = await remoteInputs();
    await view.redeem(String(inputs["token"]), makePair("somebody"));
    const { message, recorded } = await stack.createFails("Remote", inputs);
    assert.match(
      message,
      /Joining https:.*No matching certificate add operation found.*Issue a new one.*\[LXD_TOKEN_REJECTED\]/s,
    );
    assert.equal(recorded, undefined);
    assert.ok(!message.includes(String(inputs["token"])));
  });

  it("a name that is taken leaves the client out, and is told from being trusted already", async () => {
    await server.stop();
    await start("lxd-6");
    const inputs = await remoteInputs();
    await view.trust("ci", makePair("ci").certificate);
    const { message } = await stack.createFails("Remote", inputs);
    assert.match(message, /already exists.*the token is spent.*\[LXD_ALREADY_EXISTS\]/s);
  });

  it("a certificate that is not valid is refused before the token is spent", async () => {
    const inputs = await remoteInputs();
    stack.now = () => new Date("2001-01-01T00:00:00Z");
    const { message } = await stack.createFails("Remote", inputs);
    assert.match(message, /clientCertificate and clientKey: .*\[INPUT_INVALID\]/s);
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
  });

  it("a client certificate that expired since is said to have expired", async () => {
    const made = await stack.create("Remote", await remoteInputs());
    await view.removeClient(String(made.outputs["clientFingerprint"]));
    const removed = (await stack.refresh(made)) ?? assert.fail("it is recorded");
    assert.match(String(removed.outputs["incomplete"]), /^https:.* does not trust this client any more$/);
    const { clientExpiresAt } = made.outputs;
    stack.now = () => new Date(Date.parse(String(clientExpiresAt)) + 1);
    const expired = (await stack.refresh(made)) ?? assert.fail("it is recorded");
    assert.match(
      String(expired.outputs["incomplete"]),
      new RegExp(`^the client certificate expired at ${String(clientExpiresAt)}, so https:.* give another$`),
    );
  });

  it("a name of more characters than a certificate holds is cut between two of them", async () => {
    const name = `${"a".repeat(56)}\u{1f600}bc`;
    const token = await view.issueToken("ci", everything);
    const { outputs } = await stack.create("Remote", { name, token });
    const { subject } = new X509Certificate(String(outputs["clientCertificate"]));
    assert.equal(/^CN=(.*)$/m.exec(subject)?.[1], `pulumi@${"a".repeat(56)}\u{1f600}`);
  });

  it("a remote of this name for another server is refused before the token is spent", async () => {
    const inputs = { ...(await remoteInputs()), configDir: "lxc" };
    mkdirSync(join(directory, "lxc"));
    const config =
      "default-remote: local\nremotes:\n  prod:\n    addr: https://lxd.invalid:8443\n    public: false\n";
    writeFileSync(join(directory, "lxc", "config.yml"), config);
    const { message } = await stack.createFails("Remote", inputs);
    assert.match(
      message,
      /remote of this name for another server, https:\/\/lxd\.invalid:8443.*\[CLIENT_CONFIG\]/s,
    );
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
    assert.equal(readFileSync(join(directory, "lxc", "config.yml"), "utf8"), config);
  });

  it("an impostor on the first address hears nothing, and the next address is tried", async () => {
    const impostor = await startImpostor();
    try {
      const inputs = await remoteInputs();
      const addresses = [impostor.address, await view.address()];
      const remote = await stack.create("Remote", { ...inputs, addresses });
      assert.equal(remote.outputs["address"], await view.address());
      assert.equal(impostor.heard(), 0);

      const { message } = await stack.createFails("Remote", {
        ...inputs,
        name: "other",
        addresses: [impostor.address],
      });
      assert.match(
        message,
        /this is not the pinned server\. Expected the certificate [0-9a-f]{64}, it showed [0-9a-f]{64}\. Nothing was sent.*\[LXD_SERVER_IDENTITY\]/s,
      );
      assert.equal(impostor.heard(), 0);
    } finally {
      await impostor.stop();
    }
  });

  it("a server certificate that was replaced is named, and a new pin joins again without a token", async () => {
    const inputs = await remoteInputs();
    const remote = await stack.create("Remote", inputs);
    for (const file of ["server.crt", "server.key"]) rmSync(join(server.directory, file));
    await server.restart();
    await assert.rejects(
      stack.refresh(remote),
      /this is not the pinned server.*new fingerprint \(serverFingerprint\).*\[LXD_SERVER_IDENTITY\]/s,
    );

    const { environment } = (await view.request("GET", "/1.0")) as {
      environment: { certificate_fingerprint: string };
    };
    const pinned = { ...inputs, serverFingerprint: environment.certificate_fingerprint };
    const again = await stack.update(remote, pinned);
    assert.equal(again.outputs["serverFingerprint"], environment.certificate_fingerprint);
    assert.ok(await stack.refresh(again));
    assert.equal(joins(), 1);
  });
});

/** A TLS server with a certificate of its own that counts what it is told. */
async function startImpostor(): Promise<{ address: string; heard: () => number; stop: () => Promise<void> }> {
  const { certificate, privateKey } = makePair("impostor");
  let heard = 0;
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    { cert: certificate, key: privateKey, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      sockets.add(socket);
      socket.on("data", (data: Buffer) => (heard += data.length));
      socket.on("error", () => undefined);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${address.port}`, heard: () => heard, stop };
}
