/** Where the relative paths of a Pulumi program start: the engine runs providers in that folder. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";

const projectFiles = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

/**
 * The folder of the program whose project is in a folder (an absolute path), or above it: that of Pulumi.yaml, or the one that
 * its `main` names. The folder itself where there is no project.
 */
export async function programFolder(directory: string): Promise<string> {
  return (await programOfProject(directory)) ?? directory;
}

/** As {@link programFolder}; undefined where there is no project. */
export async function programOfProject(directory: string): Promise<string | undefined> {
  const project = await findProject(directory);
  return project && folderOf(resolve(project.folder, project.main), project.folder);
}

/** A project, as Pulumi.yaml says it. */
interface Project {
  /** Where Pulumi.yaml is, and paths of sources start in a stack. */
  readonly folder: string;
  readonly name: string | undefined;
  /** A folder, or a file in one, from `folder`. */
  readonly main: string;
}

/** The project that is in a folder (an absolute path), or above it, as `pulumi` finds it; undefined where there is none. */
export async function findProject(directory: string): Promise<Project | undefined> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const project = await projectIn(folder);
    if (project !== undefined) return project;
    if (folder === dirname(folder)) return undefined;
  }
}

async function projectIn(folder: string): Promise<Project | undefined> {
  for (const file of projectFiles) {
    const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
    if (text !== undefined) return { folder, ...saidIn(text) };
  }
  return undefined;
}

/** `main` is a folder, or a file in one. */
async function folderOf(main: string, projectFolder: string): Promise<string> {
  const found = await stat(main).catch(() => undefined);
  if (found === undefined) return projectFolder;
  return found.isDirectory() ? main : dirname(main);
}

function saidIn(text: string): Pick<Project, "name" | "main"> {
  try {
    const { name, main } = parse(text) as { name?: unknown; main?: unknown };
    return {
      name: typeof name === "string" ? name : undefined,
      main: typeof main === "string" ? main : ".",
    };
  } catch {
    // Pulumi itself tells what is wrong in it.
    return { name: undefined, main: "." };
  }
}
