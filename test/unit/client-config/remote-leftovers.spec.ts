/** What a remote leaves behind that is changed or removed: its own client pair, its project, the default it took. */
import { strict as assert } from "node:assert";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  flavorOfDirectory,
  removeRemote,
  writeClientPair,
  writeRemote,
} from "../../../provider/client-config/client-directory";
import { makePair } from "../../support/openssl-pair";
import { configOf, directoryWith, entryAt, newDirectory, removeDirectories, textOf } from "./directories";

const pair = makePair("edge");
const other = makePair("other");
const incus = { ...entryAt(1), protocol: "incus" } as const;
const { addr } = incus;
const ownFiles = ["clientcerts/edge.crt", "clientcerts/edge.key"];
const present = (directory: string): string[] => ownFiles.filter((file) => existsSync(join(directory, file)));

describe("an Incus remote's own client pair", () => {
  after(removeDirectories);
  let directory: string;
  const place = () => ({ directory, flavor: "incus", name: "edge" }) as const;

  beforeEach(async () => {
    directory = newDirectory();
    assert.equal(await writeClientPair({ ...place(), pair }), true);
    assert.equal(await writeClientPair({ ...place(), pair }), false);
    await writeRemote({ directory, name: "edge", entry: incus });
  });

  it("goes with the remote where that is asked for, and may be gone", async () => {
    await removeRemote({ ...place(), addr, ownPair: pair.fingerprint });
    assert.deepEqual(present(directory), []);
    await removeRemote({ ...place(), addr, ownPair: pair.fingerprint });
  });

  it("stays where that is not asked for", async () => {
    await removeRemote({ ...place(), addr });
    assert.deepEqual(present(directory), ownFiles);
  });

  it("stays where it is another by now, or the entry leads elsewhere", async () => {
    await removeRemote({ ...place(), addr: "https://127.0.0.1:9", ownPair: pair.fingerprint });
    await removeRemote({ ...place(), addr, ownPair: other.fingerprint });
    assert.deepEqual(present(directory), ownFiles);
  });

  it("is removed whole by the next removal where one was cut off", async () => {
    rmSync(join(directory, "clientcerts/edge.key"));
    await removeRemote({ ...place(), addr, ownPair: pair.fingerprint });
    assert.deepEqual(present(directory), []);
  });

  it("is not written where the directory has the same one for all its remotes, and another one is", async () => {
    const shared = { "client.crt": pair.certificate, "client.key": pair.privateKey };
    directory = directoryWith(shared);
    assert.equal(await writeClientPair({ ...place(), pair }), false);
    assert.deepEqual(present(directory), []);
    assert.equal(await writeClientPair({ ...place(), pair: other }), true);
    assert.equal(textOf(directory, "client.key"), pair.privateKey);
    assert.equal(textOf(directory, "clientcerts/edge.key"), other.privateKey);
  });

  it("is none of an LXD directory, whose pair stays", async () => {
    const files = { "client.crt": pair.certificate, "client.key": pair.privateKey };
    directory = directoryWith(files);
    await writeRemote({ directory, name: "edge", entry: entryAt(1) });
    await removeRemote({ directory, name: "edge", flavor: "lxd", addr, ownPair: pair.fingerprint });
    assert.equal(textOf(directory, "client.key"), pair.privateKey);
  });
});

describe("a remote that is changed", () => {
  after(removeDirectories);
  const remote = (directory: string) => ({ directory, name: "edge", entry: entryAt(1) });
  const projectOf = (directory: string): unknown => configOf(directory).remotes["edge"]?.["project"];

  it("loses the project that was its owner's, and no other", async () => {
    const directory = newDirectory();
    const web = { ...entryAt(1), project: "web" };
    await writeRemote({ ...remote(directory), entry: web });
    await writeRemote({ ...remote(directory), previousProject: "other" });
    assert.equal(projectOf(directory), "web");
    await writeRemote({ ...remote(directory), entry: web, previousProject: "web" });
    assert.equal(projectOf(directory), "web");
    await writeRemote({ ...remote(directory), previousProject: "web" });
    assert.equal(projectOf(directory), undefined);
  });

  const defaults: [back: string, restored: string][] = [
    ["mine", "mine"],
    ["gone", "local"],
    ["local", "local"],
    ["ubuntu-minimal", "ubuntu-minimal"], // built into newer clients, so it is in no file
  ];
  for (const [giveDefaultBackTo, restored] of defaults) {
    it(`gives the default back to ${restored} where it was ${giveDefaultBackTo}`, async () => {
      const directory = newDirectory();
      await writeRemote({ ...remote(directory), name: "mine" });
      await writeRemote({ ...remote(directory), setDefault: true });
      await writeRemote({ ...remote(directory), giveDefaultBackTo });
      assert.equal(configOf(directory)["default-remote"], restored);
    });
  }

  it("leaves the default to whom it was given meanwhile", async () => {
    const directory = newDirectory();
    await writeRemote({ ...remote(directory), setDefault: true });
    await writeRemote({ ...remote(directory), name: "mine", setDefault: true });
    await writeRemote({ ...remote(directory), giveDefaultBackTo: "local" });
    assert.equal(configOf(directory)["default-remote"], "mine");
  });
});

describe("whose client directory it is", () => {
  after(removeDirectories);
  const config = (local: string): Record<string, string> => ({
    "config.yml": `remotes:\n  local: ${local}\n`,
  });
  const cases: [title: string, files: Record<string, string>, flavor: "lxd" | "incus" | undefined][] = [
    ["an empty one", {}, undefined],
    ["one with a client pair only", { "client.crt": "x" }, undefined],
    ["one without the local remote", { "config.yml": "remotes: {}\n" }, undefined],
    ["one of lxc 5.0", config("{addr: 'unix://', public: false}"), "lxd"],
    ["one of a newer lxc", config("{addr: 'unix://', protocol: lxd, public: false}"), "lxd"],
    ["one of incus", config("{addr: 'unix://', protocol: incus, public: false}"), "incus"],
    ["one with a pair for one remote", { "clientcerts/x.crt": "x" }, "incus"],
  ];
  for (const [title, files, flavor] of cases) {
    it(`${title}: ${flavor ?? "it does not say"}`, async () => {
      assert.equal(await flavorOfDirectory(directoryWith(files)), flavor);
    });
  }

  it("one that is not there does not say", async () => {
    assert.equal(await flavorOfDirectory(join(newDirectory(), "none")), undefined);
  });
});
