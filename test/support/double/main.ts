/** Runs a double as a process of its own: `main.ts --profile lxd-5.0 --directory D`, until SIGTERM or SIGINT. */
import { parseArgs } from "node:util";
import { profileNames, startDouble } from "./double";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { profile: { type: "string" }, directory: { type: "string" } } });
  const profile = profileNames.find((name) => name === values.profile);
  if (!profile) throw new Error(`--profile must be one of ${profileNames.join(", ")}.`);
  const double = await startDouble(profile, { directory: values.directory });
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      void double.stop().then(() => process.exit(0));
    });
  process.stdout.write(`ready ${double.socketPath}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
