/** What the functions about a client directory have in common: which directory is meant. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import * as z from "zod";
import { type ConfigFlavor, expandPath, flavorOfDirectory } from "../client-config/client-directory";
import { defaultClientDirectory } from "../client-config/default-directory";
import type { Context } from "../handler";
import { describeConfigDirProblem, textThat } from "../properties";
import { configFlavor } from "../resources/remote-schema";

export const clientDirectoryArgs = z.strictObject({
  configDir: textThat(describeConfigDirProblem).optional().meta({
    description:
      "Client directory, such as ~/.config/lxc. Default: the one that `lxc` (or `incus`) would use here.",
  }),
  configFlavor: configFlavor.optional().meta({
    description:
      "Which client the directory belongs to: `lxc` (lxd) or `incus`. Default: what configDir says of itself, else lxd.",
  }),
});
export type ClientDirectoryArgs = z.infer<typeof clientDirectoryArgs>;

/**
 * The directory that is meant, as an absolute path; it need not exist. Which client it belongs to it says itself, where
 * that is not said here. INPUT_INVALID for `~` without a home, CLIENT_CONFIG where its config file cannot be read.
 */
export async function clientDirectory(
  { programDirectory }: Context,
  { configDir, configFlavor }: ClientDirectoryArgs,
): Promise<{ directory: string; flavor: ConfigFlavor }> {
  if (configDir === undefined) {
    const flavor = configFlavor ?? "lxd";
    return { directory: resolve(defaultClientDirectory(flavor, process.env, homedir())), flavor };
  }
  const directory = expandPath(configDir, programDirectory);
  return { directory, flavor: configFlavor ?? (await flavorOfDirectory(directory)) ?? "lxd" };
}
