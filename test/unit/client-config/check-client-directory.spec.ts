import { strict as assert } from "node:assert";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checkClientDirectory, writeRemote } from "../../../provider/client-config/client-directory";
import { directoryWith, entryAt, newDirectory, removeDirectories, textOf } from "./directories";
import { makePair } from "../../support/openssl-pair";
import type { OpensslPair } from "../../support/openssl-pair";

describe("checkClientDirectory", () => {
  let server: OpensslPair;
  let client: OpensslPair;
  let otherClient: OpensslPair;
  before(() => {
    server = makePair("server");
    client = makePair("client");
    otherClient = makePair("other client");
  });
  after(removeDirectories);

  const wanted = { flavor: "lxd", name: "edge", addresses: [entryAt(1).addr] } as const;

  it("is content with a directory that can be made, and does not make it", async () => {
    const directory = join(newDirectory(), "deep", "lxc");
    await checkClientDirectory({ ...wanted, directory, pair: client });
    assert.ok(!existsSync(join(directory, "..")));
  });

  describe("an entry of the same name", () => {
    let directory: string;
    before(async () => {
      directory = newDirectory();
      await writeRemote({
        directory,
        name: "edge",
        entry: entryAt(1),
        serverCertificate: server.certificate,
      });
    });

    it("may have the same address and another pin: the certificate was rotated", async () => {
      await checkClientDirectory({ ...wanted, directory, serverFingerprint: "0".repeat(64) });
    });

    it("may have the same pin and another address: the server moved", async () => {
      const addresses = [entryAt(7).addr];
      await checkClientDirectory({ ...wanted, directory, addresses, serverFingerprint: server.fingerprint });
    });

    it("may be at any of the addresses, however it is spelt", async () => {
      await checkClientDirectory({
        ...wanted,
        directory,
        addresses: [entryAt(7).addr, "HTTPS://127.0.0.1:1/"],
      });
    });

    for (const serverFingerprint of ["0".repeat(64), undefined]) {
      it(`is refused for another address and ${serverFingerprint ? "another" : "no"} pin`, async () => {
        const before = textOf(directory);
        const check = checkClientDirectory({
          ...wanted,
          directory,
          addresses: [entryAt(7).addr],
          serverFingerprint,
        });
        await assert.rejects(check, {
          errorCode: "CLIENT_CONFIG",
          message: `Checking that ${directory} can take the remote "edge": ${directory}/config.yml has a remote of this name for another server, https://127.0.0.1:1. It was left as it is. Choose another name, or remove that remote first [CLIENT_CONFIG]`,
        });
        assert.equal(textOf(directory), before);
      });
    }

    it("is told from a name that is free", async () => {
      assert.equal((await checkClientDirectory({ ...wanted, directory })).isThere, true);
      assert.equal((await checkClientDirectory({ ...wanted, directory, name: "edge-2" })).isThere, false);
    });

    it("does not hinder another name", async () => {
      await checkClientDirectory({ ...wanted, directory, name: "edge-2", addresses: [entryAt(7).addr] });
    });
  });

  it("takes an entry with several addresses for the server at any of them", async () => {
    const directory = directoryWith({
      "config.yml": "remotes: {edge: {addr: 'https://a:1, https://127.0.0.1:1'}}\n",
    });
    await checkClientDirectory({ ...wanted, directory });
  });

  it("refuses a client pair other than the directory's, and takes the same one", async () => {
    const files = { "client.crt": client.certificate, "client.key": client.privateKey };
    const directory = directoryWith(files);
    await checkClientDirectory({ ...wanted, directory, pair: client });
    await assert.rejects(checkClientDirectory({ ...wanted, directory, pair: otherClient }), {
      errorCode: "CLIENT_CONFIG",
      message: /client\.crt is another client's certificate than this remote's\. It was left as it is\. /,
    });
    assert.deepEqual(readdirSync(directory).sort(), ["client.crt", "client.key"]);
    for (const [path, content] of Object.entries(files)) assert.equal(textOf(directory, path), content);
  });

  const misplaced: [what: string, files: Record<string, string>, directory: string, problem: RegExp][] = [
    ["the directory", { lxc: "" }, "lxc", /lxc is not a directory\. Move that file away/],
    ["a directory above it", { home: "" }, "home/lxc", /ENOTDIR/],
    ["servercerts", { "lxc/servercerts": "" }, "lxc", /servercerts is not a directory/],
    ["clientcerts", { "lxc/clientcerts": "" }, "lxc", /clientcerts is not a directory/],
  ];
  for (const [what, files, path, problem] of misplaced) {
    it(`reports a file in the place of ${what}`, async () => {
      const directory = join(directoryWith(files), path);
      const check = checkClientDirectory({ ...wanted, directory });
      await assert.rejects(check, { errorCode: "CLIENT_CONFIG", message: problem });
    });
  }

  it("reports a directory that cannot be written to", async function () {
    // A file system in which nobody can make anything, root included.
    const directory = "/proc/self/fdinfo";
    if (!existsSync(directory)) {
      console.log("      skipped: there is no /proc on this machine");
      this.skip();
    }
    await assert.rejects(checkClientDirectory({ ...wanted, directory }), {
      errorCode: "CLIENT_CONFIG",
      message:
        /^Checking that \/proc\/self\/fdinfo can take the remote "edge": .*mkdir '\/proc\/\d+\/fdinfo\/config\.yml\.lock'\. \w+ /,
    });
    await assert.rejects(writeRemote({ directory, name: "edge", entry: entryAt(1) }), {
      errorCode: "CLIENT_CONFIG",
      message:
        /^Writing the remote "edge" to \/proc\/self\/fdinfo: .*mkdir '\/proc\/\d+\/fdinfo\/config\.yml\.lock'\. \w+ /,
    });
  });
});
