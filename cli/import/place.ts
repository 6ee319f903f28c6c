/** Where the command works: the project, its stack's configuration, and the client directories that are meant. */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative, sep } from "node:path";
import * as z from "zod";
import { expandPath } from "../../provider/client-config/client-directory";
import { configNames, type ProviderConfig } from "../../provider/connection";
import { refuse } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import { readStack, type StackResource } from "../drift/stack";
import { exportStack, readStackConfig, type StackChoice } from "../pulumi";
import type { World } from "../world";

/** As `pulumi config --json` answers. What is an object is JSON in a text, too. */
const stackConfig = z.record(z.string(), z.object({ value: z.string().optional() }));

/** The stack that resources are to become part of. */
export interface StackNow {
  readonly config: ProviderConfig;
  readonly resources: readonly StackResource[];
}

/** Where there is no stack to ask. */
export const none: StackNow = { config: {}, resources: [] };

/** What the stack says of `lxd-access:…`, and what it has. CONFIG_INVALID where it cannot be read. */
export async function readStackOf(choice: StackChoice, world: World): Promise<StackNow> {
  const [settings, exported] = await Promise.all([
    readStackConfig(choice, world),
    exportStack(choice, world),
  ]);
  const parsed = stackConfig.safeParse(settings);
  if (!parsed.success)
    return refuse(
      "CONFIG_INVALID",
      `\`pulumi config --json\` in ${choice.directory} answered with something unknown`,
    );
  const config = Object.fromEntries(
    configNames.map((name) => [name, parsed.data[`lxd-access:${name}`]?.value]),
  );
  return { config, resources: readStack(exported).resources };
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
export function isDirectory(path: string, { programDirectory }: Pick<Context, "programDirectory">): boolean {
  const absolute = expandPath(path, programDirectory);
  try {
    return statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    // A file stands above it, or a folder that may not be looked into.
    return false;
  }
}
