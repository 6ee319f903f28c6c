import { strict as assert } from "node:assert";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { removeRemote, writeRemote } from "../../../provider/client-config/client-directory";
import { configOf, directoryWith, entryAt, newDirectory, removeDirectories, textOf } from "./directories";
import { makePair } from "../../support/openssl-pair";

const { addr } = entryAt(1);
const certificates = { "servercerts/edge.crt": "PIN", "client.crt": "CERTIFICATE", "client.key": "KEY" };

function configWith(defaultRemote: string): string {
  return `# ours
default-remote: ${defaultRemote} # for now
remotes:
  other: {addr: 'https://127.0.0.1:2', public: false}
  edge: {addr: '${addr}', protocol: lxd, public: false}
aliases: {ll: list}
`;
}

describe("removeRemote", () => {
  after(removeDirectories);

  it("says whether the directory is there", async () => {
    const directory = directoryWith({});
    assert.equal(await removeRemote({ directory, name: "edge", addr }), true);
    assert.equal(await removeRemote({ directory: `${directory}/not`, name: "edge", addr }), false);
  });

  it("takes entry and pin out and nothing else", async () => {
    const directory = directoryWith({ "config.yml": configWith("other"), ...certificates });
    await removeRemote({ directory, name: "edge", addr, previousDefault: "local" });
    assert.deepEqual(configOf(directory), {
      "default-remote": "other",
      remotes: { other: { addr: "https://127.0.0.1:2", public: false } },
      aliases: { ll: "list" },
    });
    assert.match(textOf(directory), /^# ours\n/);
    assert.deepEqual(readdirSync(directory).sort(), [
      "client.crt",
      "client.key",
      "config.yml",
      "servercerts",
    ]);
    assert.deepEqual(readdirSync(join(directory, "servercerts")), []);
  });

  const defaults: [previous: string | undefined, restored: string][] = [
    ["other", "other"],
    ["gone", "local"],
    ["edge", "local"],
    [undefined, "local"],
  ];
  for (const [previousDefault, restored] of defaults) {
    it(`makes ${restored} the default again where it was ${previousDefault ?? "not known"} before`, async () => {
      const directory = directoryWith({ "config.yml": configWith("edge") });
      await removeRemote({ directory, name: "edge", addr, previousDefault });
      assert.equal(configOf(directory)["default-remote"], restored);
      assert.ok(textOf(directory).includes("# for now"));
    });
  }

  it("gives the default back where somebody removed the entry alone", async () => {
    const orphaned = configWith("edge").replace(/^ {2}edge:.*\n/m, "");
    const directory = directoryWith({ "config.yml": orphaned, ...certificates });
    await removeRemote({ directory, name: "edge", addr, previousDefault: "other" });
    assert.equal(configOf(directory)["default-remote"], "other");
    assert.ok(!existsSync(join(directory, "servercerts/edge.crt")));
  });

  it("leaves a default of another name where the entry is gone", async () => {
    const orphaned = configWith("other").replace(/^ {2}edge:.*\n/m, "");
    const directory = directoryWith({ "config.yml": orphaned });
    await removeRemote({ directory, name: "edge", addr, previousDefault: "local" });
    assert.equal(textOf(directory), orphaned);
  });

  const kept: [defaultRemote: string, previous: string | undefined, restored: string][] = [
    ["edge", undefined, "edge"],
    ["edge", "other", "other"],
    ["other", "local", "other"],
  ];
  for (const [defaultRemote, previousDefault, restored] of kept) {
    it(`keeps an entry that was found; default ${defaultRemote}, before it ${previousDefault ?? "not known"}`, async () => {
      const directory = directoryWith({ "config.yml": configWith(defaultRemote), ...certificates });
      const before = configOf(directory);
      await removeRemote({ directory, name: "edge", addr, previousDefault, keepsEntry: true });
      assert.deepEqual(configOf(directory), { ...before, "default-remote": restored });
      assert.equal(textOf(directory, "servercerts/edge.crt"), "PIN");
    });
  }

  it("leaves an entry that leads elsewhere by now, its pin and the default", async () => {
    const files = { "config.yml": configWith("edge"), ...certificates };
    const directory = directoryWith(files);
    await removeRemote({ directory, name: "edge", addr: "https://127.0.0.1:9", previousDefault: "other" });
    for (const [path, content] of Object.entries(files)) assert.equal(textOf(directory, path), content);
  });

  it("finishes a removal that was cut off before the pin", async () => {
    const directory = directoryWith({ ...certificates, "config.yml": "remotes: {}\n" });
    await removeRemote({ directory, name: "edge", addr });
    assert.ok(!existsSync(join(directory, "servercerts/edge.crt")));
    assert.equal(textOf(directory), "remotes: {}\n");
  });

  it("is content where directory, file or entry are gone", async () => {
    const directory = newDirectory();
    await removeRemote({ directory: join(directory, "none"), name: "edge", addr });
    await removeRemote({ directory, name: "edge", addr });
    assert.deepEqual(readdirSync(directory), [], "nothing is made either");
    await writeRemote({ directory, name: "edge", entry: entryAt(1) });
    await removeRemote({ directory, name: "edge", addr });
    await removeRemote({ directory, name: "edge", addr });
    assert.deepEqual(Object.keys(configOf(directory).remotes), ["local"]);
  });

  it("takes back all that writeRemote did", async () => {
    const directory = directoryWith({ "config.yml": configWith("other").replace(/^ {2}edge.*\n/m, "") });
    const before = configOf(directory);
    const { certificate } = makePair("server");
    const { previousDefault } = await writeRemote({
      directory,
      name: "edge",
      entry: entryAt(1),
      serverCertificate: certificate,
      setDefault: true,
    });
    await removeRemote({ directory, name: "edge", addr, previousDefault });
    assert.deepEqual(configOf(directory), before);
    rmSync(join(directory, "servercerts"), { recursive: true });
    assert.deepEqual(readdirSync(directory), ["config.yml"]);
  });

  it("does not break a file in which another entry is an alias of this one", async () => {
    const text = `remotes:\n  edge: &edge {addr: '${addr}'}\n  twin: *edge\n`;
    const directory = directoryWith({ "config.yml": text });
    const remove = removeRemote({ directory, name: "edge", addr });
    await assert.rejects(remove, {
      errorCode: "CLIENT_CONFIG",
      message: /config\.yml cannot be edited \(Unresolved alias/,
    });
    assert.equal(textOf(directory), text);
  });
});
