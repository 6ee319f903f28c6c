#!/usr/bin/env node
/**
 * `pulumi-resource-lxd-access`, the plugin: Pulumi's engine starts it with its own address, reads the port on the first line
 * that it prints, and calls it there.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { messageOf } from "../errors";
import { ClientPool } from "../lxd/pool";
import { Engine } from "./engine";
import { findPackage } from "../package";
import { RunClaims } from "./run-claims";
import { PluginProvider } from "./plugin-provider";
import { providerService } from "./server";

const usage = `pulumi-resource-lxd-access [ENGINE_ADDRESS]

The Pulumi plugin of LXD and Incus access. Pulumi starts it by itself: put it on PATH, or name its folder in
Pulumi.yaml (plugins.providers), and use resources lxd-access:index:Remote and so on in any language.
  --version  print the version
  --help     print this`;

/** No state of a stack comes near this; the default would end at 4 MiB. */
const largestMessage = 400 * 1024 * 1024;

async function main(args: readonly string[]): Promise<void> {
  // Before its address, an engine that flows its log (--logflow) puts options of its own.
  const argument = args.at(-1) ?? "";
  const { folder, version } = await findPackage(__dirname);
  if (argument === "--help") {
    console.log(usage);
    return;
  }
  if (argument === "--version") {
    console.log(version);
    return;
  }
  if (argument.startsWith("-")) throw new Error(`there is no option ${argument}; see --help`);
  // An engine that was killed may leave a call in the middle of a change, which is finished. Without an address nobody has
  // started this but a developer, for engines to attach to.
  const gone = (): void => {
    provider.cancel();
    server.tryShutdown(() => process.exit(0));
  };
  const engine = new Engine(argument === "" ? undefined : gone);
  const surroundings = {
    // A copy, as each call looks through all of it, and that is slow in the live one.
    environment: { ...process.env },
    programDirectory: process.cwd(),
    now: () => new Date(),
  };
  const tell = engine.log.bind(engine);
  const pool = new ClientPool(argument === "" ? undefined : new RunClaims(argument));
  const provider = new PluginProvider(surroundings, pool, tell);
  const server = new Server({ "grpc.max_receive_message_length": largestMessage });
  const schema = (): Promise<string> => readFile(join(folder, "schema.json"), "utf8");
  server.addService(ResourceProviderService, providerService(provider, engine, { version, schema }));
  const port = await new Promise<number>((bound, failed) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, found) => {
      if (error === null) bound(found);
      else failed(error);
    });
  });
  engine.connect(argument);
  console.log(String(port));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`pulumi-resource-lxd-access: ${messageOf(error)}`);
  process.exitCode = 1;
});
