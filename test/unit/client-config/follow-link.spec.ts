import { strict as assert } from "node:assert";
import { mkdirSync, rmdirSync, symlinkSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { followLink } from "../../../provider/client-config/atomic-file";
import { newDirectory, removeDirectories } from "./directories";

describe("followLink", () => {
  after(removeDirectories);

  it("takes what comes and goes meanwhile for there or not, and never for a link to nowhere", async () => {
    const directory = await realpath(newDirectory());
    const path = join(directory, "lxc");
    const turn = (): Promise<void> => new Promise((next) => setImmediate(next));
    for (let round = 0; round < 20; round++) {
      const followed = Promise.all(Array.from({ length: 50 }, () => followLink(path)));
      // Looking takes two steps, and what somebody else does may fall between them.
      for (let change = 0; change < 20; change++) {
        mkdirSync(path);
        await turn();
        rmdirSync(path);
        await turn();
      }
      assert.deepEqual(new Set(await followed), new Set([path]));
    }
  });

  it("refuses a link to nowhere", async () => {
    const link = join(newDirectory(), "link");
    symlinkSync(join(link, "..", "nothing"), link);
    await assert.rejects(followLink(link), {
      name: "ConfigProblem",
      message: /link is a link to something that does not exist/,
    });
  });
});
