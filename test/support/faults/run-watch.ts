/** Watches a Pulumi run from outside: its processes with their arguments and environment, and the files that come and go. */
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PulumiProject } from "../pulumi-project";
import { filesIn } from "./secret-search";

/** A process of the run, as it was seen or as it was about to be started. */
export interface SeenProcess {
  /** What it is: "pulumi", "language host", "program", "provider", or the name of its program. */
  readonly role: string;
  readonly args: string;
  /** Its variables, each `NAME=value`. */
  readonly variables: readonly string[];
}

/** A file that was there at some time. */
export interface SeenFile {
  readonly path: string;
  readonly mode: number;
  /** Latin-1 of its bytes. */
  readonly text: string;
}

/** What was seen. */
export interface Sight {
  readonly processes: readonly SeenProcess[];
  readonly files: readonly SeenFile[];
}

/** Loaded by every Node of the run: writes down which processes it starts, since short ones would not be seen. */
const recorder = `
const { appendFileSync } = require("node:fs");
const { ChildProcess } = require("node:child_process");
const spawn = ChildProcess.prototype.spawn;
ChildProcess.prototype.spawn = function (options) {
  const { args, envPairs } = options;
  appendFileSync(process.env.LXD_ACCESS_TEST_SPAWNED, JSON.stringify({ args, envPairs }) + "\\n");
  return spawn.call(this, options);
};
`;

/** How often processes and files are looked at, in milliseconds. */
const interval = 20;

/** Watches what a project runs from now on, its folder for temporary files, and further folders that are there. */
export function watchRun(project: PulumiProject, ...folders: string[]): { stop(): Sight } {
  const spawned = join(project.directory, "spawned.jsonl");
  writeFileSync(spawned, "");
  project.write("record-spawns.cjs", recorder);
  project.env["LXD_ACCESS_TEST_SPAWNED"] = spawned;
  project.env["NODE_OPTIONS"] = `--require ${join(project.directory, "record-spawns.cjs")}`;

  const others = new Set(processes());
  const seen = new Map<string, SeenProcess>();
  const look = (): void => {
    for (const id of processes().filter((one) => !others.has(one))) {
      const found = processOf(id);
      if (found === undefined || found.args === "") continue;
      if (found.variables.some((variable) => variable === `LXD_ACCESS_TEST_SPAWNED=${spawned}`))
        seen.set(`${id} ${found.args} ${found.variables.length}`, found);
    }
  };
  const watched = [join(project.directory, ".tmp"), ...folders];
  const files = new Map<string, SeenFile>();
  const lookAtFiles = (): void => {
    for (const path of watched.flatMap((folder) => filesIn(folder).map((name) => join(folder, name)))) {
      const version = versionOf(path);
      if (version === undefined || files.has(version)) continue;
      const found = fileOf(path);
      if (found !== undefined) files.set(version, found);
    }
  };
  const timer = setInterval(() => {
    look();
    try {
      lookAtFiles();
    } catch {
      // A folder went while it was read.
    }
  }, interval);
  return {
    stop() {
      clearInterval(timer);
      lookAtFiles();
      const started = readFileSync(spawned, "utf8").trim().split("\n").filter(Boolean).map(startedProcess);
      return { processes: [...seen.values(), ...started], files: [...files.values()] };
    },
  };
}

/** The process that serves a project's dynamic resources, while it runs. */
export function providerOf(project: PulumiProject): number | undefined {
  const id = processes().find((one) => {
    const found = processOf(one);
    return (
      found?.role === "provider" &&
      found.variables.includes(`PULUMI_HOME=${String(project.env["PULUMI_HOME"])}`)
    );
  });
  return id === undefined ? undefined : Number(id);
}

function processes(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function processOf(id: string): SeenProcess | undefined {
  try {
    const [args = "", environment = ""] = ["cmdline", "environ"].map((file) =>
      readFileSync(`/proc/${id}/${file}`, "utf8"),
    );
    const words = args.split("\0").join(" ");
    return { role: roleOf(words), args: words, variables: environment.split("\0") };
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

function startedProcess(line: string): SeenProcess {
  const { args = [], envPairs = [] } = JSON.parse(line) as { args?: string[]; envPairs?: string[] };
  return { role: `started: ${roleOf(args.join(" "))}`, args: args.join(" "), variables: envPairs };
}

function roleOf(args: string): string {
  if (/cmd\/dynamic-provider/.test(args)) return "provider";
  if (/pulumi-resource-pulumi-nodejs/.test(args)) return "provider's launcher";
  if (/pulumi-language-nodejs/.test(args)) return "language host";
  if (/@pulumi\/pulumi\/cmd\/run/.test(args)) return "program";
  return /(^|\/)pulumi /.test(args) ? "pulumi" : (args.split(" ")[0]?.split("/").pop() ?? "");
}

/** Tells a file from what it was before. */
function versionOf(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs, mode } = lstatSync(path);
    return [path, ino, size, mtimeMs, mode].join(" ");
  } catch {
    return undefined; // gone meanwhile
  }
}

function fileOf(path: string): SeenFile | undefined {
  try {
    const { mode } = lstatSync(path);
    // A pipe would keep its reader waiting.
    if (!lstatSync(path).isFile()) return undefined;
    return { path, mode: mode & 0o777, text: readFileSync(path, "latin1") };
  } catch {
    return undefined; // gone meanwhile
  }
}
