/** What cases of a Remote find in its client directory. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Properties, World } from "../lifecycle";
import { makePair } from "../openssl-pair";

/** A client's config.yml. */
export interface Config {
  "default-remote": string;
  remotes: Record<string, Properties>;
}

type Place = Pick<World, "configDir">;

export function configOf({ configDir }: Place): Config {
  return parse(readFileSync(join(configDir, "config.yml"), "utf8")) as Config;
}

export function writeConfig({ configDir }: Place, content: object): void {
  mkdirSync(configDir, { recursive: true });
  writeFileSync(join(configDir, "config.yml"), stringify(content));
}

/** Changes an entry by hand. */
export function changeEntry(place: Place, name: string, change: Properties): void {
  const { remotes, ...rest } = configOf(place);
  writeConfig(place, { ...rest, remotes: { ...remotes, [name]: { ...remotes[name], ...change } } });
}

/** `lxc remote switch` by hand. */
export function switchTo(place: Place, name: string): void {
  writeConfig(place, { ...configOf(place), "default-remote": name });
}

export function hasFile({ configDir }: Place, ...path: string[]): boolean {
  return existsSync(join(configDir, ...path));
}

export function fileOf({ configDir }: Place, ...path: string[]): string {
  return readFileSync(join(configDir, ...path), "utf8");
}

/** A pair for the whole directory, as the clients make one for themselves. */
export function writeSharedPair({ configDir }: Place): void {
  const { certificate, privateKey } = makePair("whole");
  mkdirSync(configDir, { recursive: true });
  writeFileSync(join(configDir, "client.crt"), certificate);
  writeFileSync(join(configDir, "client.key"), privateKey, { mode: 0o600 });
}
