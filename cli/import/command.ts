/** `lxd-access import`. */
import { Command } from "commander";
import type { World } from "../world";

export function importCommand(_world: World, _exit: (code: number) => void): Command {
  return new Command("import");
}
