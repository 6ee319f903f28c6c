/** What can be wrong with a client directory. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DirectoryFault, Mend, Phase, Struck } from "./directory-fault";
import { mountItself, mountReadOnly, unmount } from "./mounts";

/** The user that owns nothing. */
const nobody = 65534;

const configFile = (): string => "conf/config.yml";

/** The client's key and certificate, where this directory has them. */
function keyOf({ flavor, name }: Struck): string {
  return flavor === "lxd" ? "conf/client.key" : `conf/clientcerts/${name}.key`;
}

function hitsOwnKey(phase: Phase, { flavor }: Struck): boolean {
  return phase !== "destroy" || flavor === "incus";
}

/** Puts something in the place of a file or directory, and what was there aside until it is mended. */
function inPlaceOf(
  place: (struck: Struck) => string,
  put: (path: string, struck: Struck) => void,
): DirectoryFault["strike"] {
  return (struck) => {
    const path = join(struck.folder, place(struck));
    const aside = join(struck.folder, "aside");
    mkdirSync(dirname(path), { recursive: true });
    let isAside = true;
    try {
      renameSync(path, aside);
    } catch {
      isAside = false;
    }
    put(path, struck);
    return () => {
      rmSync(path, { recursive: true, force: true });
      if (isAside) renameSync(aside, path);
    };
  };
}

function config(fault: string, put: (path: string, struck: Struck) => void): DirectoryFault {
  return { fault, strike: inPlaceOf(configFile, put), culprit: configFile };
}

const text =
  (content: string | Buffer) =>
  (path: string): void => {
    writeFileSync(path, content);
  };

const folder = (path: string): void => {
  mkdirSync(path);
};

const fifo = (path: string): void => {
  execFileSync("mkfifo", [path]);
};

/** `mknod` for the device of this minor number: 3 is /dev/null, 5 is /dev/zero. */
const device =
  (minor: number) =>
  (path: string): void => {
    execFileSync("mknod", [path, "c", "1", String(minor)]);
  };

export const contentFaults: readonly DirectoryFault[] = [
  config("config.yml is no YAML", text("remotes: {a: [\n")),
  config("config.yml is YAML of another shape", text("remotes:\n  - name: a\n")),
  config("config.yml is not UTF-8", text(Buffer.from("aliases:\n  a: \xff\xfe\n", "latin1"))),
  config("config.yml is empty and stays so", text("")),
  config("config.yml holds a character that clients do not read", (path, { folder }) => {
    const before = readFileSync(join(folder, "aside"), "utf8");
    writeFileSync(path, `${before}x-odd: "x\\u0085y"\n`);
  }),
  config("config.yml of 3 GiB", (path) => {
    writeFileSync(path, "remotes: {}\n");
    truncateSync(path, 3 * 2 ** 30);
  }),
  config("config.yml of 2 MiB", text(`remotes: {}\n${"#".repeat(2 ** 21)}\n`)),
];

export const kindFaults: readonly DirectoryFault[] = [
  config("config.yml is a directory", folder),
  config("config.yml is a FIFO that nobody writes to", fifo),
  config("config.yml is a device that is never read to its end", device(5)),
  config("config.yml is a device that holds nothing", device(3)),
  config("config.yml is a link to nowhere", (path, { folder }) => {
    symlinkSync(join(folder, "nowhere"), path);
  }),
  config("config.yml is a link to itself", (path) => {
    symlinkSync(path, path);
  }),
  {
    fault: "a file in the place of the directory",
    strike: inPlaceOf(() => "conf", text("")),
    culprit: () => "conf",
  },
  {
    fault: "the directory is a link to nowhere",
    strike: inPlaceOf(
      () => "conf",
      (path, { folder }) => {
        symlinkSync(join(folder, "nowhere"), path);
      },
    ),
    culprit: () => "conf",
    // One that was there and is not any more is another machine's.
    strikes: ["create"],
  },
];

export const besideFaults: readonly DirectoryFault[] = [
  {
    fault: "a file in the place of servercerts",
    strike: inPlaceOf(() => "conf/servercerts", text("")),
    culprit: () => "conf/servercerts",
  },
  ...(
    [
      ["a directory", folder],
      ["a FIFO", fifo],
    ] as const satisfies [string, (path: string) => void][]
  ).map(([what, put]): DirectoryFault => ({
    fault: `${what} in the place of the pin`,
    strike: inPlaceOf(({ name }) => `conf/servercerts/${name}.crt`, put),
    culprit: ({ name }) => `conf/servercerts/${name}.crt`,
  })),
  ...(
    [
      // Only a pair of the remote's own goes with it.
      ["a key that is not readable", text("-----BEGIN NOTHING-----\n"), (phase) => phase !== "destroy"],
      ["a key that is a directory", folder, hitsOwnKey],
      ["a key that is a FIFO", fifo, hitsOwnKey],
    ] as const satisfies [string, (path: string) => void, DirectoryFault["hits"]][]
  ).map(([fault, put, hits]): DirectoryFault => ({
    fault,
    strike: inPlaceOf(keyOf, put),
    culprit: keyOf,
    hits,
  })),
];

export const lockFaults: readonly DirectoryFault[] = [
  {
    fault: "another process holds the lock for ever",
    strike: holdLock,
    culprit: () => "conf/config.yml.lock",
    isSlow: true,
  },
  {
    fault: "a file in the place of the lock",
    strike: inPlaceOf(
      () => "conf/config.yml.lock",
      (path) => {
        writeFileSync(path, "");
        utimesSync(path, 1, 1);
      },
    ),
    culprit: () => "conf/config.yml.lock",
  },
];

export const mountFaults: readonly DirectoryFault[] = [
  { fault: "a read-only directory", strike: readOnly("conf"), culprit: () => "conf" },
  {
    fault: "a read-only servercerts",
    strike: readOnly("conf/servercerts"),
    culprit: () => "conf/servercerts",
  },
  {
    fault: "config.yml is a mount of its own, as in a container",
    strike: ({ directory }) => {
      const path = join(directory, "config.yml");
      mountItself(path);
      return () => {
        unmount(path);
      };
    },
    culprit: configFile,
    mayBeLate: true,
  },
];

/** What is no fault, though it may look like one. */
export const oddities: readonly DirectoryFault[] = [
  {
    fault: "config.yml is a link to a file elsewhere",
    strike: linked("conf/config.yml"),
    culprit: configFile,
    hits: () => false,
  },
  { fault: "the directory is a link", strike: linked("conf"), culprit: () => "conf", hits: () => false },
  {
    fault: "a directory and a config.yml of another user, for root",
    strike: ({ directory }) => {
      chownSync(join(directory, "config.yml"), nobody, nobody);
      chmodSync(join(directory, "config.yml"), 0o640);
      chownSync(directory, nobody, nobody);
      return () => undefined;
    },
    culprit: configFile,
    hits: () => false,
  },
  {
    fault: "the lock of a process that died",
    strike: ({ directory }) => {
      const lock = join(directory, "config.yml.lock");
      mkdirSync(lock);
      utimesSync(lock, 1, 1);
      return () => undefined;
    },
    culprit: () => "conf/config.yml.lock",
    hits: () => false,
  },
  ...["n", "é"].map((letter): DirectoryFault => ({
    fault: `a name of 200 bytes, the longest there may be (${letter})`,
    strike: () => () => undefined,
    named: (label) => label + letter.repeat((200 - label.length) / Buffer.byteLength(letter)),
    culprit: configFile,
    hits: () => false,
  })),
];

/** Moves something elsewhere and leaves a link to it. */
function linked(place: string): DirectoryFault["strike"] {
  return ({ folder }) => {
    const [path, elsewhere] = [join(folder, place), join(folder, "elsewhere")];
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    return () => {
      rmSync(path);
      renameSync(elsewhere, path);
    };
  };
}

function readOnly(place: string): DirectoryFault["strike"] {
  return ({ folder }) => {
    const path = join(folder, place);
    mkdirSync(path, { recursive: true });
    mountReadOnly(path);
    return () => {
      unmount(path);
    };
  };
}

/** A process of its own that locks the directory as ours do, and does nothing else. */
async function holdLock({ directory }: Struck): Promise<Mend> {
  const program = `
    const [library, directory] = process.argv.slice(1);
    const options = { lockfilePath: directory + "/config.yml.lock", realpath: false, stale: 10000 };
    require(library).lock(directory, options).then(() => console.log("held"));
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ["-e", program, require.resolve("proper-lockfile"), directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return async () => {
    const ended = once(child, "exit");
    child.kill();
    await ended;
  };
}
