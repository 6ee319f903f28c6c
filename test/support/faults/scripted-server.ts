/** A server on a unix socket that answers what a test says, well-formed or not. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ScriptedServer {
  readonly socketPath: string;
  /** What it answers to a method and a path (without query): status and body. */
  answer: (method: string, path: string) => { readonly status: number; readonly body: string };
  close(): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const directory = mkdtempSync(join(tmpdir(), "lxa-scripted-"));
  const socketPath = join(directory, "unix.socket");
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      const { status, body } = scripted.answer(
        request.method ?? "",
        (request.url ?? "").replace(/\?.*$/, ""),
      );
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  });
  await new Promise<void>((listening) => server.listen(socketPath, listening));
  const scripted: ScriptedServer = {
    socketPath,
    answer: () => ({ status: 200, body: "" }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      rmSync(directory, { recursive: true });
    },
  };
  return scripted;
}
