/** Which client directory is meant where none is named. */
import { strict as assert } from "node:assert";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { defaultClientDirectory } from "../../../provider/client-config/default-directory";
import { newDirectory, removeDirectories } from "./directories";

describe("the client directory where none is named", () => {
  after(removeDirectories);

  it("is the one that the environment names for that client", () => {
    const environment = { LXD_CONF: "/lxc", INCUS_CONF: "/incus" };
    assert.equal(defaultClientDirectory("lxd", environment, "/home/me"), "/lxc");
    assert.equal(defaultClientDirectory("incus", environment, "/home/me"), "/incus");
  });

  it("is below the home else, an empty variable being none", () => {
    const home = newDirectory();
    const environment = { LXD_CONF: "", INCUS_CONF: "" };
    assert.equal(defaultClientDirectory("lxd", environment, home), join(home, ".config", "lxc"));
    assert.equal(defaultClientDirectory("incus", environment, home), join(home, ".config", "incus"));
  });

  it("is the snap's where that is there, which Incus has none of", () => {
    const home = newDirectory();
    const snap = join(home, "snap", "lxd", "common", "config");
    mkdirSync(snap, { recursive: true });
    assert.equal(defaultClientDirectory("lxd", {}, home), snap);
    assert.equal(defaultClientDirectory("lxd", { LXD_CONF: "/lxc" }, home), "/lxc");
    assert.equal(defaultClientDirectory("incus", {}, home), join(home, ".config", "incus"));
  });
});
