/** The command line of `lxd-access`. */
import { Command, CommanderError } from "commander";
import { asAccessError } from "../provider/errors";
import { findPackage } from "../provider/package";
import { driftCommand } from "./drift/command";
import { importCommand } from "./import/command";
import type { World } from "./world";

/** The exit code of a command that could not do what it was called for, by its arguments or by what came in between. */
const failed = 1;

/** Runs a command to its end. Nothing is thrown: what goes wrong is told on standard error. */
export async function run(args: readonly string[], world: World): Promise<number> {
  let exitCode = 0;
  const { version } = await findPackage(__dirname);
  const program = new Command("lxd-access")
    .version(version)
    .description("Looks after the access to LXD and Incus servers that Pulumi manages. Changes no server.")
    .helpCommand(false)
    .configureOutput({ writeOut: world.out, writeErr: world.err })
    .exitOverride();
  for (const command of [driftCommand, importCommand])
    program.addCommand(
      command(world, (code) => {
        exitCode = code;
      }).copyInheritedSettings(program),
    );
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    // What commander says it has written already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : failed;
    world.err(`lxd-access: ${asAccessError("lxd-access", error).message}\n`);
    return failed;
  }
}
