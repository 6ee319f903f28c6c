/** Where the command works: the project, its stack's configuration, and the client directories that are meant. */
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { z } from "zod";
import { expandPath } from "../../provider/client-config/client-directory";
import { configNames, type ProviderConfig } from "../../provider/connection";
import { refuse } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import { readStackConfig, type StackChoice } from "../pulumi";
import type { World } from "../world";

const projectFiles = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

/** As `pulumi config --json` answers. What is an object is JSON in a text, too. */
const stackConfig = z.record(z.string(), z.object({ value: z.string().optional() }));

/** The folder of the Pulumi project that a folder is in; undefined where it is in none. */
export function projectFolder(folder: string): string | undefined {
  if (projectFiles.some((name) => existsSync(join(folder, name)))) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : projectFolder(parent);
}

/** What the stack says of `lxd-access:…`. CONFIG_INVALID where it cannot be read. */
export async function readConfig(choice: StackChoice, world: World): Promise<ProviderConfig> {
  const parsed = stackConfig.safeParse(await readStackConfig(choice, world));
  if (!parsed.success)
    return refuse(
      "CONFIG_INVALID",
      `\`pulumi config --json\` in ${choice.directory} answered with something unknown`,
    );
  return Object.fromEntries(configNames.map((name) => [name, parsed.data[`lxd-access:${name}`]?.value]));
}

/** A directory that was given on the command line, as a program on any machine would write it. */
export function asConfigDir(given: string, here: string): string {
  const path = expandPath(given, here);
  const inHome = relative(homedir(), path);
  const isInHome = inHome !== "" && inHome !== ".." && !inHome.startsWith(`..${sep}`);
  return isInHome ? join("~", inHome) : path;
}

/** The client directories whose remotes are taken: the one that config or environment name, else the usual ones that are there. */
export function usualDirectories(context: Context): string[] {
  const { configDir } = context;
  if (configDir !== undefined) return [configDir];
  return context.usualConfigDirs().filter((path) => isDirectory(path, context));
}

/** Whether a directory, written as in `configDir`, is there. */
export function isDirectory(path: string, { programDirectory }: Context): boolean {
  return statSync(expandPath(path, programDirectory), { throwIfNoEntry: false })?.isDirectory() === true;
}
