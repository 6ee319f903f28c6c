import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkClientDirectory,
  readRemote,
  removeRemote,
  writeRemote,
} from "../../../provider/client-config/client-directory";
import { editConfigFile } from "../../../provider/client-config/config-file";
import type { ConfigEdit } from "../../../provider/client-config/config-file";
import { bytesOf, configOf, directoryWith, entryAt, newDirectory, removeDirectories } from "./directories";

const usual =
  "default-remote: local\nremotes:\n  old: {addr: 'https://127.0.0.1:1', public: false}\naliases: {}\n";

/** Adds a remote; `during` runs after the file was read and before it is written. */
function adding(name: string, during: () => void = () => undefined): ConfigEdit {
  return {
    flavor: "lxd",
    isDone: (config) => config.has(name),
    apply: (config) => {
      config.setEntry(name, entryAt(2));
      during();
    },
  };
}

describe("config.yml", () => {
  after(removeDirectories);

  const unusable: [what: string, content: string | Buffer, problem: RegExp][] = [
    ["empty", "", /config\.yml is empty\. It was left as it is/],
    ["a comment only", "# nothing yet\n", /is empty/],
    [
      "broken YAML",
      "remotes:\n  a: {addr: secret-text\n",
      /is not readable YAML \(.* at line \d+, column \d+\)\. It/,
    ],
    [
      "two keys of one name",
      "remotes:\n  a: {addr: x}\n  a: {addr: y}\n",
      /is not readable YAML \(Map keys must be unique/,
    ],
    ["two documents", "a: 1\n---\nb: 2\n", /is not readable YAML/],
    ["Latin-1", Buffer.from("aliases: {x: caf\xe9}\n", "latin1"), /is not UTF-8 text/],
    ["a list", "- a\n", /is not a YAML mapping/],
    ["text", "hello\n", /is not a YAML mapping/],
    ["a list of remotes", "remotes: [a]\n", /something else than a mapping as "remotes"/],
    ["remotes out of a merge", "b: &b {remotes: {a: {addr: x}}}\n<<: *b\n", /has a YAML merge/],
    ["a remote that is text", "remotes: {edge: x}\n", /something else than a mapping as the remote "edge"/],
    [
      "a remote without address",
      "remotes: {edge: {public: true}}\n",
      /no text as "addr" of the remote "edge"/,
    ],
    [
      "an unknown protocol",
      "remotes: {edge: {addr: x, protocol: ftp}}\n",
      /unknown "protocol" for the remote "edge"/,
    ],
    [
      "public neither true nor false",
      "remotes: {edge: {addr: x, public: 7}}\n",
      /as "public" of the remote "edge"/,
    ],
  ];

  it("is never touched where it stays unusable, and the error names it and what is wrong", async () => {
    const actions: ((directory: string) => Promise<unknown>)[] = [
      (directory) => writeRemote({ directory, name: "edge", entry: entryAt(1), setDefault: true }),
      (directory) => readRemote({ directory, name: "edge" }),
      (directory) => removeRemote({ directory, name: "edge", addr: "x" }),
      (directory) => checkClientDirectory({ directory, flavor: "lxd", name: "edge", addresses: ["x"] }),
    ];
    const checks = unusable.flatMap(([what, content, problem]) =>
      actions.map(async (act) => {
        const directory = directoryWith({ "config.yml": content });
        await assert.rejects(act(directory), (error: Error) => {
          assert.match(error.message, problem);
          assert.match(error.message, /^\w+ing .*\/config\.yml .*\[CLIENT_CONFIG\]$/);
          assert.doesNotMatch(error.message, /secret-text/);
          return true;
        });
        assert.deepEqual(bytesOf(directory), Buffer.from(content), what);
        assert.deepEqual(readdirSync(directory), ["config.yml"], what);
      }),
    );
    await Promise.all(checks); // at once: each file is read again for two seconds
  });

  it("is not made larger than what is read, which is known before", async () => {
    const content = `${usual}#${"x".repeat(1024 * 1024 - usual.length - 9)}\n`;
    const directory = directoryWith({ "config.yml": content });
    const wanted = { directory, name: "edge" };
    const actions = [
      () => checkClientDirectory({ ...wanted, flavor: "lxd", addresses: ["x"] }),
      () => writeRemote({ ...wanted, entry: entryAt(1) }),
    ];
    for (const act of actions)
      await assert.rejects(act(), {
        errorCode: "CLIENT_CONFIG",
        message: /config\.yml would become larger than 1 MiB\. It was left as it is/,
      });
    assert.deepEqual(bytesOf(directory), Buffer.from(content));
    assert.deepEqual(readdirSync(directory), ["config.yml"]);
  });

  const cut = "default-remote: local\nremotes:\n";
  const halves = [
    ["nothing", ""],
    ["half of what is being written", `${cut}  old: {addr: 'ht`],
    ["whole pages of it, which are readable", `${cut.padEnd(4095, "#")}\n`],
  ] as const;
  for (const [what, half] of halves) {
    it(`is waited for while it holds ${what}`, async () => {
      const directory = directoryWith({ "config.yml": half });
      const [write, read] = [
        writeRemote({ directory, name: "new", entry: entryAt(2) }),
        readRemote({ directory, name: "old" }),
      ];
      setTimeout(() => {
        writeFileSync(join(directory, "config.yml"), usual);
      }, 200);
      await write;
      assert.deepEqual(Object.keys(configOf(directory).remotes), ["old", "new"]);
      assert.deepEqual(await read, { directoryExists: true, entry: entryAt(1) });
    });
  }

  it("keeps what another program writes between our reading and our writing", async () => {
    const directory = directoryWith({ "config.yml": usual });
    let isFirst = true;
    await editConfigFile(
      directory,
      adding("new", () => {
        if (isFirst)
          writeFileSync(
            join(directory, "config.yml"),
            usual.replace("remotes:", "remotes:\n  theirs: {addr: x}"),
          );
        isFirst = false;
      }),
    );
    assert.deepEqual(Object.keys(configOf(directory).remotes), ["theirs", "old", "new"]);
  });

  it("keeps a file that another program makes while we make ours", async () => {
    const directory = newDirectory();
    await editConfigFile(
      directory,
      adding("new", () => {
        if (readdirSync(directory).length === 0) writeFileSync(join(directory, "config.yml"), usual);
      }),
    );
    assert.deepEqual(Object.keys(configOf(directory).remotes), ["old", "new"]);
  });

  it("gives up, with a message, where another program undoes each write", async () => {
    const directory = directoryWith({ "config.yml": usual });
    let writes = 0;
    const edit = adding("new", () => (writes += 1));
    // Done only as far as the check before writing sees it: on disk it never is.
    let isOnDisk = true;
    edit.isDone = () => (isOnDisk = !isOnDisk);
    await assert.rejects(editConfigFile(directory, edit, 100), {
      message:
        /^another program changes .*config\.yml all the time, or changes it back\. Let that program finish/,
    });
    assert.ok(writes > 1, "it tried once only");
  });

  it("is not written where something else than a file is in its place", async () => {
    const directory = newDirectory();
    mkdirSync(join(directory, "config.yml"));
    const write = writeRemote({ directory, name: "edge", entry: entryAt(1) });
    await assert.rejects(write, {
      errorCode: "CLIENT_CONFIG",
      message: /^Writing the remote "edge" to .*config\.yml is not a file\. It was left/,
    });
  });
});

describe("the libraries for client directories", () => {
  it("are not loaded before they are needed: every provider process would wait for them", () => {
    const module = require.resolve("../../../provider/client-config/client-directory");
    const program = `require(${JSON.stringify(module)}); console.log(Object.keys(require.cache).join("\\n"))`;
    const output = execFileSync(process.execPath, ["--require", "ts-node/register", "--eval", program], {
      encoding: "utf8",
    });
    assert.ok(output.includes("client-directory.ts"), output);
    assert.doesNotMatch(output, /node_modules\/(yaml|proper-lockfile|graceful-fs|node-forge)\//);
  });
});

describe("readRemote", () => {
  after(removeDirectories);

  it("says that there is no directory", async () => {
    const directory = join(newDirectory(), "none");
    assert.deepEqual(await readRemote({ directory, name: "edge" }), { directoryExists: false });
  });

  it("finds nothing in an empty directory", async () => {
    assert.deepEqual(await readRemote({ directory: newDirectory(), name: "edge" }), {
      directoryExists: true,
    });
  });

  it("finds a pin without an entry", async () => {
    const directory = directoryWith({ "servercerts/edge.crt": "PEM" });
    assert.deepEqual(await readRemote({ directory, name: "edge" }), {
      directoryExists: true,
      serverCertificate: "PEM",
    });
  });

  it("reads entries as the clients do", async () => {
    const directory = directoryWith({
      "config.yml": `remotes:
  plain: {addr: 'https://h:1'}
  loud: {addr: "https://h:2", protocol: simplestreams, public: yes, project: ""}
  42: {addr: https://h:3, public: no, project: 7}
  base: &base {addr: "https://h:4", public: true}
  merged: {<<: *base, protocol: incus}
  alias: *base
  nothing:
  bare: {addr: "https://h:5", protocol: "", public:, project: ~}
`,
    });
    const read = async (name: string, flavor?: "incus") => {
      const found = await readRemote({ directory, name, flavor });
      return found.directoryExists && found.entry;
    };
    assert.deepEqual(await read("plain"), { addr: "https://h:1", protocol: "lxd", public: false });
    assert.deepEqual(await read("plain", "incus"), { addr: "https://h:1", protocol: "incus", public: false });
    assert.deepEqual(await read("loud"), { addr: "https://h:2", protocol: "simplestreams", public: true });
    assert.deepEqual(await read("42"), { addr: "https://h:3", protocol: "lxd", public: false, project: "7" });
    assert.deepEqual(await read("merged"), { addr: "https://h:4", protocol: "incus", public: true });
    assert.deepEqual(await read("alias"), { addr: "https://h:4", protocol: "lxd", public: true });
    assert.equal(await read("nothing"), undefined);
    assert.deepEqual(await read("bare"), { addr: "https://h:5", protocol: "lxd", public: false });
  });

  it("sees a change made to the file since the last reading", async () => {
    const directory = directoryWith({ "config.yml": usual });
    await readRemote({ directory, name: "old" });
    writeFileSync(join(directory, "config.yml"), usual.replace("127.0.0.1:1", "127.0.0.1:9"));
    assert.deepEqual(await readRemote({ directory, name: "old" }), {
      directoryExists: true,
      entry: entryAt(9),
    });
  });

  it("reports a file in the place of the directory", async () => {
    const directory = join(directoryWith({ lxc: "" }), "lxc");
    const read = readRemote({ directory, name: "edge" });
    await assert.rejects(read, {
      errorCode: "CLIENT_CONFIG",
      message: /^Reading the remote "edge" of .*lxc is not a directory\. /,
    });
  });
});
