/** What a Remote leaves in a client directory, as the real `lxc` and `incus` take it. */
import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeAuthority } from "../contract/authority";
import { listenSimplestreams } from "../support/simplestreams";
import { runClient, tryClient } from "../support/client-command";
import type { Stage } from "../support/joined-server";
import { type Forwarder, forwardTo } from "../support/forwarder";
import { makePair } from "../support/openssl-pair";
import { viewOf } from "../support/server-view";
import { startServer } from "../support/servers";
import { describeOnBoth } from "../support/remote-ground";

describeOnBoth("a Remote as its real client uses it", (on) => {
  const { flavor, client } = on;
  let stage: Stage;
  let configDir: string;
  beforeEach(() => {
    stage = on.stage;
    configDir = on.place.configDir;
  });

  const listed = async (directory = configDir): Promise<Record<string, unknown>> =>
    JSON.parse(await runClient(flavor, directory, "remote", "list", "-f", "json")) as Record<string, unknown>;
  /** Who the server says that it talks to. */
  const trusts = async (name: string): Promise<void> => {
    const { auth } = JSON.parse(await client("query", `${name}:/1.0`)) as { auth: string };
    assert.equal(auth, "trusted");
    assert.match(await client("config", "trust", "list", `${name}:`, "-f", "csv"), /client/);
    assert.deepEqual(JSON.parse(await client("list", `${name}:`, "-f", "json")), []);
  };
  const inputs = async (name: string): Promise<Record<string, unknown>> => {
    const token = await stage.token(name);
    return { name, token, configDir, configFlavor: flavor };
  };

  it("joined with a pair that is given", async () => {
    const { certificate, privateKey } = makePair("given");
    const pair = { clientCertificate: certificate, clientKey: privateKey };
    const made = await stage.stack.create("Remote", { ...(await inputs("given")), ...pair });
    await trusts("given");
    await stage.stack.destroy(made);
    assert.equal((await tryClient(flavor, configDir, "list", "given:")).ok, false);
  });

  it("joined with a pair that it makes in the directory", async () => {
    const made = await stage.stack.create("Remote", await inputs("own"));
    await trusts("own");
    await stage.stack.destroy(made);
    assert.equal((await listed())["own"], undefined);
  });

  it("joined with the pair that the real client made before", async () => {
    mkdirSync(configDir);
    const { stack } = stage;
    await client("remote", "add", "first", await stage.token("first"));
    const made = await stack.create("Remote", await inputs("second"));
    assert.equal(made.outputs["enrolled"], false, "it is the same client, which is trusted already");
    await trusts("second");
    await trusts("first");
    await stack.destroy(made);
    await trusts("first");
  });

  it("the default remote, as the client says, and what it was before", async () => {
    mkdirSync(configDir);
    await client("remote", "add", "mine", await stage.token("mine"));
    await client("remote", "switch", "mine");
    const given = { ...(await inputs("prod")), setDefault: true };
    const made = await stage.stack.create("Remote", given);
    assert.equal(await client("remote", "get-default"), "prod\n");
    await client("list");

    const renamed = await stage.stack.update(made, { ...given, name: "production" });
    assert.equal(await client("remote", "get-default"), "production\n");
    assert.equal((await listed())["prod"], undefined);
    const notDefault = await stage.stack.update(renamed, {
      ...given,
      name: "production",
      setDefault: false,
    });
    assert.equal(await client("remote", "get-default"), "mine\n");
    const again = await stage.stack.update(notDefault, { ...given, name: "production" });
    assert.equal(await client("remote", "get-default"), "production\n");
    await stage.stack.destroy(again);
    assert.equal(await client("remote", "get-default"), "mine\n");
    await trusts("mine");
  });

  it("gives no default back that somebody has switched meanwhile", async () => {
    const made = await stage.stack.create("Remote", { ...(await inputs("prod")), setDefault: true });
    const other = await stage.stack.create("Remote", await inputs("other"));
    await client("remote", "switch", "other");
    await stage.stack.destroy(made);
    assert.equal(await client("remote", "get-default"), "other\n");
    await stage.stack.destroy(other);
    assert.equal(await client("remote", "get-default"), "local\n");
  });

  it("renamed by the real client it is missing, and mended", async () => {
    const given = await inputs("prod");
    const made = await stage.stack.create("Remote", given);
    await client("remote", "rename", "prod", "theirs");
    const refreshed = (await stage.stack.refresh(made)) ?? assert.fail("it is trusted still");
    assert.equal(refreshed.outputs["configState"], "absent");
    const mended = await stage.stack.update(refreshed, given);
    await trusts("prod");
    await stage.stack.destroy(mended);
    assert.notEqual((await listed())["theirs"], undefined);
  });

  it("an image server, pinned: the same entry as the client would have made, and it lists its images", async () => {
    const server = {
      public: true,
      addresses: [stage.address],
      serverFingerprint: await stage.fingerprint(),
    };
    const made = await stage.stack.create("Remote", {
      name: "shop",
      ...server,
      configDir,
      configFlavor: flavor,
    });
    const theirs = stage.newDirectory();
    mkdirSync(theirs);
    const add = ["remote", "add", "shop", `https://${stage.address}`, "--public", "--accept-certificate"];
    await runClient(flavor, theirs, ...add);
    const [ours, its] = [(await listed())["shop"], (await listed(theirs))["shop"]] as [object, object];
    // LXD's client leaves out what it takes for granted.
    assert.deepEqual({ ...ours, Protocol: "" }, { ...its, Protocol: "" });
    assert.deepEqual(JSON.parse(await client("image", "list", "shop:", "-f", "json")), []);
    assert.match(
      await client("remote", "list", "-f", "csv"),
      new RegExp(`^shop,.*,${flavor},tls,YES,NO,NO$`, "m"),
    );
    await stage.stack.destroy(made);
    assert.equal((await listed())["shop"], undefined);
  });

  it("an image server that shows another certificate than the pinned one is refused, and nothing is written", async () => {
    const strange = { public: true, addresses: [stage.address], serverFingerprint: "ab".repeat(32) };
    const { message } = await stage.stack.createFails("Remote", {
      ...{ name: "shop", ...strange, configDir, configFlavor: flavor },
    });
    assert.match(message, /not the pinned server.*\[LXD_SERVER_IDENTITY\]/s);
    mkdirSync(configDir);
    assert.equal((await listed())["shop"], undefined);
  });

  it("an image server without a pin is never dialled by us, and trusted by the client if an authority vouches for it", async () => {
    const authority = makeAuthority();
    const { certificate, privateKey } = authority.issue("IP:127.0.0.1");
    const own = await startServer(stage.server.name);
    let nat: Forwarder | undefined;
    try {
      writeFileSync(join(own.directory, "server.crt"), certificate);
      writeFileSync(join(own.directory, "server.key"), privateKey);
      await own.restart();
      nat = await forwardTo(await viewOf(own).listen());
      const given = { name: "shop", public: true, addresses: [nat.address] };
      const made = await stage.stack.create("Remote", { ...given, configDir, configFlavor: flavor });
      const seen = (await stage.stack.refresh(made)) ?? assert.fail("it is there");
      assert.equal(await stage.stack.plan(seen, made.inputs), "same");
      assert.equal(nat.connections(), 0);
      const authorities = join(configDir, "authorities.pem");
      const list = ["image", "list", "shop:", "-f", "json"];
      const { stderr } = await tryClient(flavor, configDir, ...list);
      assert.match(stderr, /certificate signed by unknown authority/);
      writeFileSync(authorities, authority.certificate);
      const env = {
        ...process.env,
        LXD_CONF: configDir,
        INCUS_CONF: configDir,
        SSL_CERT_FILE: authorities,
      };
      const trusting = await promisify(execFile)(flavor === "lxd" ? "lxc" : "incus", list, { env });
      assert.deepEqual(JSON.parse(trusting.stdout), []);
      await stage.stack.destroy(seen);
      assert.equal((await listed())["shop"], undefined);
    } finally {
      await nat?.close();
      await own.stop();
    }
  });

  it("an image server that speaks simplestreams: the same entry as the client would have made", async () => {
    const address = "https://127.0.0.1:9/images/";
    const given = { name: "mirror", protocol: "simplestreams", addresses: [address] };
    await stage.stack.create("Remote", { ...given, configDir, configFlavor: flavor });
    const theirs = stage.newDirectory();
    mkdirSync(theirs);
    await runClient(
      flavor,
      theirs,
      "remote",
      "add",
      "mirror",
      address,
      "--public",
      "--protocol",
      "simplestreams",
    );
    assert.deepEqual((await listed())["mirror"], (await listed(theirs))["mirror"]);
    assert.match(
      await client("remote", "list", "-f", "csv"),
      /^mirror,https:\/\/127\.0\.0\.1:9\/images\/,simplestreams,none,YES,NO,NO$/m,
    );
  });

  it("a simplestreams server is trusted by the certificate that is given, and not without", async () => {
    const mirror = await listenSimplestreams();
    try {
      const given = { name: "mirror", protocol: "simplestreams", addresses: [`${mirror.url}/images`] };
      const place = { configDir, configFlavor: flavor };
      const made = await stage.stack.create("Remote", { ...given, ...place });
      assert.equal(mirror.requests(), 0, "it is never asked by us");
      assert.equal((await tryClient(flavor, configDir, "image", "list", "mirror:")).ok, false);
      const { certificate: serverCertificate } = mirror;
      await stage.stack.update(made, { ...given, ...place, serverCertificate });
      assert.equal(mirror.requests(), 0);
      assert.match(await client("image", "list", "mirror:", "-f", "csv"), /debian\/12/);
    } finally {
      await mirror.close();
    }
  });

  it("a directory of the other client is not written, and the token not spent", async () => {
    const other = flavor === "lxd" ? "incus" : "lxd";
    mkdirSync(configDir);
    const local = `local:\n    addr: unix://\n    public: false\n${other === "incus" ? "    protocol: incus\n" : ""}`;
    writeFileSync(join(configDir, "config.yml"), `default-remote: local\nremotes:\n  ${local}`);
    const { message } = await stage.stack.createFails("Remote", {
      ...{ ...(await inputs("prod")), configFlavor: undefined },
    });
    assert.match(message, /would be written for.*Say configFlavor.*not spent.*\[INPUT_INVALID\]/s);
    assert.deepEqual(await stage.view.pendingTokens(), ["prod"]);
  });
});
