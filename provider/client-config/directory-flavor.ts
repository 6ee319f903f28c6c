import { join } from "node:path";
import { isDirectory } from "./atomic-file";
import type { ConfigFlavor } from "./config-document";
import { localRemote } from "./config-document";
import { readConfigFile } from "./config-file";
import { describing } from "./config-problem";

/**
 * Which client a directory belongs to, as far as what is in it tells: `incus` writes that the local server speaks
 * "incus", and only it keeps pairs in `clientcerts`. Undefined where the directory is not there or says neither.
 *
 * @throws AccessError CLIENT_CONFIG where the config file cannot be read.
 */
export async function flavorOfDirectory(directory: string): Promise<ConfigFlavor | undefined> {
  return describing(`Reading the client directory ${directory}`, async () => {
    if (!(await isDirectory(directory))) return undefined;
    const config = await readConfigFile(directory);
    const local = config?.has(localRemote) === true ? config.entry(localRemote, "lxd") : undefined;
    if (local?.protocol === "incus" || (await isDirectory(join(directory, "clientcerts")))) return "incus";
    return local === undefined ? undefined : "lxd";
  });
}
