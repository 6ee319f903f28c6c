/** Client directories on disks that are full, or fill up while a Remote is written. */
import { cpSync, existsSync, mkdirSync, rmSync, statfsSync, watch, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { DirectoryFault, Mend, Struck } from "./directory-fault";
import { mountMemory } from "./mounts";

/** What a disk still has room for, of all that a Remote takes: a block for each file that is written. */
const blocks = [0, 1, 2, 4];
const inodes = [0, 1, 2, 3, 4, 5, 6];

/** What a Remote takes in a directory that has nothing but a config file, its lock and the file that is put in place included. */
const inodesOfRemote = { lxd: 6, incus: 7 };

export const diskFaults: readonly DirectoryFault[] = [
  ...blocks.map((free): DirectoryFault => ({
    fault: `a disk with room for ${count(free, "block")}`,
    strike: onFullDisk((directory) => {
      fillBlocks(directory, free);
    }),
    culprit: () => "conf",
    // To remove a remote takes no more than the config file anew.
    hits: (phase) => phase !== "destroy" || free === 0,
  })),
  ...inodes.map((free): DirectoryFault => ({
    fault: `a disk with room for ${count(free, "file")}`,
    strike: onFullDisk((directory) => {
      fillInodes(directory, free);
    }),
    culprit: () => "conf",
    hits: (phase, { flavor }) => (phase === "create" ? free < inodesOfRemote[flavor] : free < 2),
    mayBeLate: true,
  })),
  ...(
    [
      ["pin", 0],
      ["config", 1],
    ] as const
  ).map(([what, free]): DirectoryFault => ({
    fault: `a disk that is full by the time the ${what} is written`,
    strike: (struck) => {
      const mend = onFullDisk(() => undefined)(struck);
      fillOnceKeyIsThere(struck, free);
      return mend;
    },
    culprit: () => "conf",
    strikes: ["create"],
    mayBeLate: true,
  })),
];

function count(free: number, what: string): string {
  return free === 0 ? `no ${what}` : `${free} ${what}${free === 1 ? "" : "s"}`;
}

/** Moves the directory to a small disk of its own, where it stays, and fills that; mended by making room. */
function onFullDisk(fill: (directory: string) => void): (struck: Struck) => Mend {
  return ({ folder, directory }) => {
    if (!existsSync(join(folder, "plain"))) {
      cpSync(directory, join(folder, "plain"), { recursive: true });
      mountMemory(directory, { size: "512k", inodes: 64 });
      cpSync(join(folder, "plain"), directory, { recursive: true });
    }
    fill(directory);
    return () => {
      rmSync(join(directory, "filler"), { recursive: true, force: true });
    };
  };
}

function fillBlocks(directory: string, free: number): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(join(directory, "filler"), Buffer.alloc((bavail - free) * bsize));
}

function fillInodes(directory: string, free: number): void {
  const filler = join(directory, "filler");
  mkdirSync(filler);
  for (let left = statfsSync(directory).ffree; left > free; left--)
    writeFileSync(join(filler, String(left)), "");
}

/** The key is the last thing that is written before the pin: then the disk fills, between one step of ours and the next. */
function fillOnceKeyIsThere({ directory, flavor, name }: Struck, free: number): void {
  const key =
    flavor === "lxd" ? join(directory, "client.key") : join(directory, "clientcerts", `${name}.key`);
  mkdirSync(dirname(key), { recursive: true });
  const watcher = watch(dirname(key), (_event, file) => {
    if (file !== basename(key)) return;
    watcher.close();
    fillBlocks(directory, free);
  });
}
