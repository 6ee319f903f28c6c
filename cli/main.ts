#!/usr/bin/env node
/** `lxd-access`: what CI and people ask of servers and stacks. It never changes a server. */
import { run } from "./lxd-access";

const world = {
  environment: process.env,
  directory: process.cwd(),
  now: () => new Date(),
  out: (text: string) => {
    process.stdout.write(text);
  },
  err: (text: string) => {
    process.stderr.write(text);
  },
  isTerminal: { out: process.stdout.isTTY, err: process.stderr.isTTY },
};

// Who reads only the beginning, as `head` does, has what was wanted. What is lost on a full disk is not told to anybody.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  world.err(`lxd-access: Writing to standard output: ${error.message}\n`);
  process.exitCode = 1;
});
process.stderr.on("error", () => undefined);

// Output to a pipe is written after this returns, so the process is left to end by itself.
void run(process.argv.slice(2), world).then((exitCode) => {
  process.exitCode ??= exitCode;
});
