/** `lxd-access drift`. */
import { Command } from "commander";
import type { World } from "../world";

export function driftCommand(_world: World, _exit: (code: number) => void): Command {
  return new Command("drift");
}
