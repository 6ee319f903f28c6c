import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { loadOrCreateClientPair, writeRemote } from "../../../provider/client-config/client-directory";
import { withDirectoryLock } from "../../../provider/client-config/directory-lock";
import { configOf, directoryWith, entryAt, newDirectory, removeDirectories } from "./directories";
import { makePair } from "../../support/openssl-pair";

const lockName = "config.yml.lock";

function lockOf(directory: string, secondsAgo: number): string {
  const path = join(directory, lockName);
  mkdirSync(path);
  const time = new Date(Date.now() - secondsAgo * 1000);
  utimesSync(path, time, time);
  return path;
}

describe("withDirectoryLock", () => {
  after(removeDirectories);

  it("does one piece of work at a time, in order, also through a link to the directory", async () => {
    const directory = newDirectory();
    const link = join(newDirectory(), "link");
    symlinkSync(directory, link);
    const events: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(existsSync(join(directory, lockName)));
      events.push(`${name} ends`);
    };
    await Promise.all([
      withDirectoryLock(directory, work("a")),
      withDirectoryLock(link, work("b")),
      withDirectoryLock(directory, work("c")),
    ]);
    assert.equal(events.length, 6);
    for (const index of [0, 2, 4]) {
      assert.equal(events[index + 1], events[index]?.replace("begins", "ends"));
    }
    assert.deepEqual(readdirSync(directory), []);
  });

  it("goes on after work that failed, and gives its error", async () => {
    const directory = newDirectory();
    const failing = withDirectoryLock(directory, () => Promise.reject(new Error("broken")));
    const next = withDirectoryLock(directory, () => Promise.resolve("done"));
    await assert.rejects(failing, /^Error: broken$/);
    assert.equal(await next, "done");
    assert.deepEqual(readdirSync(directory), []);
  });

  it("takes over the lock of a process that died", async () => {
    const directory = newDirectory();
    lockOf(directory, 11);
    await writeRemote({ directory, name: "edge", entry: entryAt(1) });
    assert.deepEqual(configOf(directory).remotes.edge, entryAt(1));
    assert.deepEqual(readdirSync(directory), ["config.yml"]);
  });

  it("removes what a process that died has left half written, and nothing of others", async () => {
    const [ours, others] = ["client.key.0123456789ab.tmp", "notes.0123456789ab.tmp"];
    const directory = directoryWith({ [ours]: "a key", [others]: "of an editor" });
    await withDirectoryLock(directory, () => Promise.resolve());
    assert.deepEqual(readdirSync(directory), [others]);
  });

  it("names the lock that another process keeps, and leaves it", async () => {
    const directory = newDirectory();
    const path = lockOf(directory, -3600); // touched all the time, as far as anyone can see
    const work = withDirectoryLock(directory, () => assert.fail("it ran"), { wait: 100, stale: 10_000 });
    await assert.rejects(work, (error: Error) => {
      assert.ok(error.message.startsWith(`another process has held the lock ${path} for `), error.message);
      assert.match(error.message, /remove that directory$/);
      return true;
    });
    assert.ok(existsSync(path));
  });

  it("waits for a lock that another process gives back", async () => {
    const directory = newDirectory();
    const { rmdirSync } = await import("node:fs");
    const path = lockOf(directory, 0);
    setTimeout(() => {
      rmdirSync(path);
    }, 100);
    const result = await withDirectoryLock(directory, () => Promise.resolve(existsSync(path)));
    assert.equal(result, true, "it holds the lock itself");
  });

  it("reports at once what is not a lock", async () => {
    const directory = directoryWith({ [lockName]: "" });
    utimesSync(join(directory, lockName), 0, 0);
    const write = writeRemote({ directory, name: "edge", entry: entryAt(1) });
    await assert.rejects(write, { errorCode: "CLIENT_CONFIG", message: /ENOTDIR.*config\.yml\.lock/ });
  });

  it("keeps the lock while a client pair is being made", async () => {
    const directory = newDirectory();
    const pair = makePair("client");
    await loadOrCreateClientPair({
      directory,
      flavor: "lxd",
      name: "edge",
      create: () => {
        assert.ok(existsSync(join(directory, lockName)));
        return Promise.resolve(pair);
      },
    });
    assert.deepEqual(readdirSync(directory).sort(), ["client.crt", "client.key"]);
  });
});
