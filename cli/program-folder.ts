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

/** The folder of Pulumi.yaml, where paths of sources start in a stack; the folder itself where there is no project. */
export async function projectFolder(directory: string): Promise<string> {
  return (await findProject(directory))?.folder ?? directory;
}

/** The project that is in a folder, or above it, as `pulumi` finds it. */
async function findProject(directory: string): Promise<{ folder: string; main: string } | undefined> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const main = await mainOf(folder);
    if (main !== undefined) return { folder, main };
    if (folder === dirname(folder)) return undefined;
  }
}

/** What the project in a folder says of its program; undefined where there is no project. */
async function mainOf(folder: string): Promise<string | undefined> {
  for (const file of projectFiles) {
    const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
    if (text !== undefined) return mainIn(text);
  }
  return undefined;
}

/** `main` is a folder, or a file in one. */
async function folderOf(main: string, projectFolder: string): Promise<string> {
  const found = await stat(main).catch(() => undefined);
  if (found === undefined) return projectFolder;
  return found.isDirectory() ? main : dirname(main);
}

function mainIn(project: string): string {
  try {
    const { main } = parse(project) as { main?: unknown };
    return typeof main === "string" ? main : ".";
  } catch {
    // Pulumi itself tells what is wrong in it.
    return ".";
  }
}
