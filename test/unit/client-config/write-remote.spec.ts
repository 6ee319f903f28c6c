import { strict as assert } from "node:assert";
import { chmodSync, chownSync, lstatSync, readdirSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { readRemote, writeRemote } from "../../../provider/client-config/client-directory";
import {
  configOf,
  directoryWith,
  entryAt,
  modeOf,
  newDirectory,
  removeDirectories,
  textOf,
  writeRemotesElsewhere,
} from "./directories";
import { makePair } from "../../support/openssl-pair";
import type { OpensslPair } from "../../support/openssl-pair";

const handWritten = `# our servers
default-remote: local # until the move
remotes:
  # the old one
  old:
    addr: "https://10.0.0.1:8443"
    auth_type: tls
    keepalive: 30
    public: no
  123: { addr: "https://10.0.0.2:8443", public: false }
aliases:
  ll: list -c ns4 # short
  note: |
    two
     lines
x-team: { owner: me, since: 2024-01-02, room: 0755, id: 12345678901234567890 }
# the end
`;

/** Does something as a user, in that user's own group alone. Only root can. */
async function asUser(id: number, work: () => Promise<unknown>): Promise<void> {
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([id]);
  process.setegid?.(id);
  process.seteuid?.(id);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

describe("writeRemote", () => {
  let server: OpensslPair;
  let other: OpensslPair;
  before(() => {
    server = makePair("server");
    other = makePair("other");
  });
  after(removeDirectories);

  it("makes a directory like lxc's where there is none", async () => {
    const directory = join(newDirectory(), "deep", "lxc");
    const result = await writeRemote({
      directory,
      name: "edge-1",
      entry: { ...entryAt(8443), project: "web" },
      serverCertificate: server.certificate,
    });

    assert.deepEqual(result, {});
    assert.equal(
      textOf(directory),
      `default-remote: local
remotes:
  local:
    addr: unix://
    public: false
  edge-1:
    addr: https://127.0.0.1:8443
    project: web
    protocol: lxd
    public: false
aliases: {}
`,
    );
    assert.equal(textOf(directory, "servercerts/edge-1.crt"), server.certificate);
    const paths = [".", "config.yml", "servercerts", "servercerts/edge-1.crt"];
    assert.deepEqual(
      paths.map((path) => modeOf(directory, path)),
      ["0750", "0644", "0750", "0644"],
    );
    assert.deepEqual(readdirSync(directory).sort(), ["config.yml", "servercerts"]);
  });

  it("makes a directory like incus's for an incus remote", async () => {
    const directory = newDirectory();
    await writeRemote({ directory, name: "edge-1", entry: { ...entryAt(8443), protocol: "incus" } });
    assert.deepEqual(configOf(directory), {
      "default-remote": "local",
      remotes: {
        images: { addr: "https://images.linuxcontainers.org", protocol: "simplestreams", public: true },
        local: { addr: "unix://", protocol: "incus", public: false },
        "edge-1": { addr: "https://127.0.0.1:8443", protocol: "incus", public: false },
      },
      aliases: {},
    });
  });

  it("keeps comments, aliases, other remotes and unknown keys of a file that is there", async () => {
    const directory = directoryWith({ "config.yml": handWritten });
    const before = configOf(directory);
    await writeRemote({ directory, name: "new", entry: entryAt(1) });

    const after = configOf(directory);
    assert.deepEqual(after.remotes.new, { addr: "https://127.0.0.1:1", protocol: "lxd", public: false });
    delete after.remotes.new;
    assert.deepEqual(after, before);
    const text = textOf(directory);
    for (const comment of ["# our servers", "# until the move", "# the old one", "# short", "# the end"]) {
      assert.ok(text.includes(comment), `${comment} is gone:\n${text}`);
    }
    for (const asWritten of [
      "public: no\n",
      "room: 0755",
      "since: 2024-01-02",
      "id: 12345678901234567890",
      "  123: ",
    ]) {
      assert.ok(text.includes(asWritten), `${asWritten} was rewritten:\n${text}`);
    }
  });

  it("changes its own entry in place and leaves the rest of it", async () => {
    const directory = directoryWith({ "config.yml": handWritten });
    const entry = { addr: "https://10.0.0.1:8443", protocol: "lxd", public: false, project: "p1" } as const;
    await writeRemote({ directory, name: "old", entry });
    assert.deepEqual(configOf(directory).remotes.old, { ...entry, auth_type: "tls", keepalive: 30 });
    assert.ok(textOf(directory).includes("# the old one"));
  });

  it("drops a way to log in that would leave the client certificate aside", async () => {
    const entry = { ...entryAt(1), auth_type: "oidc" };
    const directory = directoryWith({ "config.yml": JSON.stringify({ remotes: { edge: entry } }) });
    await writeRemote({ directory, name: "edge", entry: { ...entryAt(1), project: "p" } });
    assert.deepEqual(configOf(directory).remotes.edge, { ...entryAt(1), project: "p" });
  });

  it("forgets which address worked last where the addresses change, and only there", async () => {
    const entry = { ...entryAt(1), last_working_address: entryAt(1).addr };
    const directory = directoryWith({ "config.yml": JSON.stringify({ remotes: { edge: entry } }) });
    await writeRemote({ directory, name: "edge", entry: { ...entryAt(1), project: "p" } });
    assert.deepEqual(configOf(directory).remotes.edge, { ...entry, project: "p" });
    await writeRemote({ directory, name: "edge", entry: entryAt(2), previousAddr: entryAt(1).addr });
    assert.deepEqual(configOf(directory).remotes.edge, { ...entryAt(2), project: "p" });
  });

  it("refuses an entry for another server where neither has a pin", async () => {
    const mirror = { addr: "https://mirror.example.com", protocol: "simplestreams", public: true } as const;
    const directory = newDirectory();
    await writeRemote({ directory, name: "mirror", entry: mirror });
    const other = { ...mirror, addr: "https://other.example.com" };
    await assert.rejects(writeRemote({ directory, name: "mirror", entry: other }), {
      errorCode: "CLIENT_CONFIG",
      message: /for another server, https:\/\/mirror\.example\.com\./,
    });
    assert.deepEqual(configOf(directory).remotes.mirror, mirror);
  });

  for (const character of ["\u007f", "\u0085", "\u2028", "\ufffe"]) {
    const code = JSON.stringify(character.charCodeAt(0).toString(16));
    it(`writes no ${code}: clients would refuse the whole file`, async () => {
      const project = `a${character}b`;
      const wanted = { directory: newDirectory(), name: "edge", entry: { ...entryAt(1), project } };
      const problem = {
        errorCode: "CLIENT_CONFIG",
        message: /config\.yml cannot be edited \(a name or a value holds/,
      };
      await assert.rejects(writeRemote(wanted), problem);
      assert.deepEqual(readdirSync(wanted.directory), []);

      const text = `aliases: {x: "a\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}b"}\n`;
      const directory = directoryWith({ "config.yml": text });
      await assert.rejects(writeRemote({ directory, name: "edge", entry: entryAt(1) }), problem);
      assert.equal(textOf(directory), text);
    });
  }

  it("leaves a file that is as it should be untouched", async () => {
    const directory = directoryWith({
      "config.yml": "remotes: {edge:   {addr: 'https://127.0.0.1:1', public: false}}",
    });
    const before = lstatSync(join(directory, "config.yml"));
    await writeRemote({ directory, name: "edge", entry: entryAt(1) });
    assert.equal(lstatSync(join(directory, "config.yml")).ino, before.ino);
  });

  it("says which remote was the default before", async () => {
    const directory = directoryWith({ "config.yml": "default-remote: old\nremotes: {old: {addr: x}}\n" });
    const wanted = { directory, name: "edge", entry: entryAt(1), setDefault: true };
    assert.deepEqual(await writeRemote(wanted), { previousDefault: "old" });
    assert.equal(configOf(directory)["default-remote"], "edge");
    assert.deepEqual(await writeRemote(wanted), {}, "it is the default already");
    assert.deepEqual(await writeRemote({ ...wanted, name: "b", setDefault: false }), {});
    assert.equal(configOf(directory)["default-remote"], "edge");
  });

  it("takes local for the default where the file names none", async () => {
    const directory = directoryWith({ "config.yml": "remotes:\n" });
    const result = await writeRemote({ directory, name: "edge", entry: entryAt(1), setDefault: true });
    assert.deepEqual(result, { previousDefault: "local" });
    assert.deepEqual(configOf(directory), { "default-remote": "edge", remotes: { edge: entryAt(1) } });
  });

  it("keeps the file's mode", async () => {
    const directory = directoryWith({ "config.yml": handWritten });
    chmodSync(join(directory, "config.yml"), 0o600);
    await writeRemote({ directory, name: "new", entry: entryAt(1) });
    assert.equal(modeOf(directory, "config.yml"), "0600");
  });

  it("writes to the file behind a symbolic link", async () => {
    const dotfiles = directoryWith({ "lxc.yml": handWritten });
    const directory = newDirectory();
    const link = join(directory, "config.yml");
    symlinkSync(join(dotfiles, "lxc.yml"), link);
    await writeRemote({ directory, name: "new", entry: entryAt(1) });

    assert.equal(readlinkSync(link), join(dotfiles, "lxc.yml"));
    assert.match(textOf(dotfiles, "lxc.yml"), /^ {2}new:$/m);
    assert.deepEqual(readdirSync(dotfiles), ["lxc.yml"]);
  });

  it("does not replace a link to a file that is missing", async () => {
    const directory = newDirectory();
    symlinkSync(join(directory, "missing.yml"), join(directory, "config.yml"));
    const write = writeRemote({ directory, name: "new", entry: entryAt(1) });
    await assert.rejects(write, {
      errorCode: "CLIENT_CONFIG",
      message: /config\.yml is a link to something that does not exist/,
    });
    assert.equal(readlinkSync(join(directory, "config.yml")), join(directory, "missing.yml"));
  });

  it("replaces the pin of the same address, and removes it where there is none any more", async () => {
    const directory = newDirectory();
    const wanted = { directory, name: "edge", entry: entryAt(1) };
    await writeRemote({ ...wanted, serverCertificate: server.certificate });
    await writeRemote({ ...wanted, serverCertificate: other.certificate });
    assert.equal(textOf(directory, "servercerts/edge.crt"), other.certificate);
    await writeRemote(wanted);
    assert.deepEqual(await readRemote({ directory, name: "edge" }), {
      directoryExists: true,
      entry: entryAt(1),
    });
  });

  it("follows the same server to another address", async () => {
    const directory = newDirectory();
    const wanted = { directory, name: "edge", serverCertificate: server.certificate };
    await writeRemote({ ...wanted, entry: entryAt(1) });
    await writeRemote({ ...wanted, entry: entryAt(2) });
    assert.deepEqual(configOf(directory).remotes.edge, entryAt(2));
  });

  it("refuses an entry of this name for another server, and takes it where it is its own of before", async () => {
    const directory = newDirectory();
    await writeRemote({ directory, name: "edge", entry: entryAt(1), serverCertificate: server.certificate });
    const before = [textOf(directory), textOf(directory, "servercerts/edge.crt")];
    const wanted = { directory, name: "edge", entry: entryAt(2), serverCertificate: other.certificate };
    await assert.rejects(writeRemote(wanted), {
      errorCode: "CLIENT_CONFIG",
      message:
        /^Writing the remote "edge" to .*config\.yml has a remote of this name for another server, https:\/\/127\.0\.0\.1:1\. /,
    });
    assert.deepEqual([textOf(directory), textOf(directory, "servercerts/edge.crt")], before);

    await writeRemote({ ...wanted, previousAddr: "https://127.0.0.1:1" });
    assert.deepEqual(configOf(directory).remotes.edge, entryAt(2));
  });

  it("gives a copy of its own to an entry that is an alias of another", async () => {
    const directory = directoryWith({
      "config.yml": "remotes:\n  a: &a {addr: 'https://127.0.0.1:1', public: false}\n  b: *a\n",
    });
    await writeRemote({
      directory,
      name: "b",
      entry: { ...entryAt(2), project: "p" },
      previousAddr: entryAt(1).addr,
    });
    assert.deepEqual(configOf(directory).remotes, {
      a: { addr: "https://127.0.0.1:1", public: false },
      b: { ...entryAt(2), project: "p" },
    });
  });

  it("gives no group the rights of another one, where the group cannot be kept", async function () {
    if (process.geteuid?.() !== 0) {
      Object.assign(this.test ?? {}, { skipReason: "only root can give files away" });
      this.skip();
    }
    const nobody = 65534;
    const directory = directoryWith({ "config.yml": handWritten });
    const file = join(directory, "config.yml");
    chownSync(directory, nobody, nobody);
    chownSync(file, nobody, 0);
    chmodSync(file, 0o640);
    await asUser(nobody, () => writeRemote({ directory, name: "edge", entry: entryAt(1) }));
    assert.deepEqual(configOf(directory).remotes["edge"], entryAt(1));
    assert.deepEqual([statSync(file).gid, modeOf(file)], [nobody, "0600"]);
  });

  it("loses none of 30 remotes that six processes write at once", async () => {
    const directory = join(newDirectory(), "lxc");
    await Promise.all(Array.from("abcdef", (prefix) => writeRemotesElsewhere(directory, prefix, 5)));
    const expected = Array.from("abcdef").flatMap((prefix) =>
      [0, 1, 2, 3, 4].map((number) => `${prefix}${number}`),
    );
    assert.deepEqual(Object.keys(configOf(directory).remotes).sort(), [...expected, "local"]);
    assert.deepEqual(readdirSync(directory), ["config.yml"], "no lock and no temporary file stays");
  });
});
