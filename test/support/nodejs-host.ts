/**
 * Pulumi's host of Node.js as far as it runs plugins that are a folder: installs what they need, and runs them by the
 * script of Pulumi's package for that. The host that can be built from Go modules is older than that.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import {
  type InstallDependenciesRequest,
  InstallDependenciesResponse,
  LanguageHandshakeResponse,
  type RunPluginRequest,
  RunPluginResponse,
} from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";

/** Puts it into a folder for PATH. */
export function putNodejsHost(folder: string): void {
  const node = `"${process.execPath}" -r "${require.resolve("ts-node/register")}"`;
  const project = resolve(__dirname, "../../tsconfig.json");
  const starter = `#!/bin/sh\nTS_NODE_PROJECT="${project}" exec ${node} "${__filename}"\n`;
  writeFileSync(join(folder, "pulumi-language-nodejs"), starter, { mode: 0o755 });
}

type Answer<Response> = (error: null, response: Response) => void;

function serve(): void {
  const server = new Server();
  server.addService(LanguageRuntimeService, {
    getPluginInfo: (_call: unknown, answer: Answer<PluginInfo>) => {
      answer(null, new PluginInfo());
    },
    handshake: (_call: unknown, answer: Answer<LanguageHandshakeResponse>) => {
      answer(null, new LanguageHandshakeResponse());
    },
    installDependencies: (call: Streaming<InstallDependenciesRequest, InstallDependenciesResponse>) => {
      const cwd = call.request.getInfo()?.getProgramDirectory();
      run("npm", ["install"], { cwd, env: process.env }, call, InstallDependenciesResponse);
    },
    runPlugin: (call: Streaming<RunPluginRequest, RunPluginResponse>) => {
      const { request } = call;
      const folder = request.getInfo()?.getProgramDirectory() ?? "";
      const script = require.resolve("@pulumi/pulumi/cmd/run-plugin", { paths: [folder] });
      const env = Object.fromEntries(
        request.getEnvList().map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string]),
      );
      run(
        "node",
        [script, folder, ...request.getArgsList()],
        { cwd: request.getPwd(), env },
        call,
        RunPluginResponse,
      );
    },
  });
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    console.log(port);
  });
}

type Streaming<Request, Response> = ServerWritableStream<Request, Response>;

/** Runs a program, and streams what it prints. */
function run<Response extends InstallDependenciesResponse | RunPluginResponse>(
  command: string,
  args: readonly string[],
  options: { cwd: string | undefined; env: NodeJS.ProcessEnv },
  call: Streaming<unknown, Response>,
  response: new () => Response,
): void {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const show = (field: "setStdout" | "setStderr", chunk: Uint8Array): void => {
    const made = new response();
    made[field](chunk);
    call.write(made);
  };
  child.stdout.on("data", (chunk: Buffer) => {
    show("setStdout", chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    show("setStderr", chunk);
  });
  call.on("cancelled", () => child.kill());
  child.on("close", (code) => {
    if (code === 0) call.end();
    else call.destroy(new Error(`${command} ended with ${code}`));
  });
}

if (require.main === module) serve();
