/** Pulumi's process for dynamic resources, started and called as the engine does it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { atEnd } from "../../scripts/ending.mjs";
import { memoryOf } from "./stack.mjs";

const require = createRequire(import.meta.url);

/**
 * Starts the process, has it answer one check, and ends it.
 * @param {string} folder where it looks for packages
 * @param {Record<string, string>} inputs of a resource, with its `__provider`
 * @param {readonly string[]} [flags] for Node
 * @returns {Promise<{ firstAnswer: number, memory: number }>} milliseconds since the start, kB
 */
export async function startAndCheck(folder, inputs, flags = []) {
  const { credentials } = require("@grpc/grpc-js");
  const { ResourceProviderClient } = require("@pulumi/pulumi/proto/provider_grpc_pb");
  const messages = require("@pulumi/pulumi/proto/provider_pb");
  const { Struct } = require("google-protobuf/google/protobuf/struct_pb");
  const program = require.resolve("@pulumi/pulumi/cmd/dynamic-provider/index.js");
  const begun = performance.now();
  // It wants the engine's address and makes no use of it.
  const child = spawn(process.execPath, [...flags, program, "127.0.0.1:1"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const kill = () => void child.kill("SIGKILL");
  atEnd("ending a provider process", kill);
  const [port] = await once(createInterface({ input: /** @type {any} */ (child.stdout) }), "line");
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const configuration = new messages.ConfigureRequest();
  configuration.setArgs(Struct.fromJavaScript({}));
  await answer((done) => client.configure(configuration, done));
  const request = new messages.CheckRequest();
  request.setOlds(Struct.fromJavaScript({}));
  request.setNews(Struct.fromJavaScript(inputs));
  await answer((done) => client.check(request, done));
  const firstAnswer = performance.now() - begun;
  const memory = memoryOf(String(child.pid));
  client.close();
  const ended = once(child, "exit");
  child.send("end");
  // Only a process that is profiled knows the word; it has something to write before it ends.
  if (flags.length === 0) kill();
  await ended;
  return { firstAnswer, memory };
}

/**
 * @param {(done: (error: Error | null, response: any) => void) => unknown} call
 * @returns {Promise<any>}
 */
function answer(call) {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
