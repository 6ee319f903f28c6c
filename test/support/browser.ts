/** A real browser, to see what becomes of a page in it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** Chromium without what the whole one asks the network for by itself. */
const program = "chromium-headless-shell";

export function findBrowser(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** What became of a page. */
interface Opened {
  /** The document as the browser has it. */
  readonly dom: string;
  /** The addresses that were asked for besides the page's own. */
  readonly requests: readonly string[];
  /** What the page was refused, and other complaints. */
  readonly complaints: readonly string[];
}

/** Opens a page in a browser that can reach nothing but us: we are its proxy, and see whatever is asked for. */
export async function open(page: string): Promise<Opened> {
  const browser = findBrowser() ?? "";
  const address = "http://report.invalid/";
  const requests: string[] = [];
  const server = createServer((request, response) => {
    if (request.url !== address) requests.push(request.url ?? "");
    response.writeHead(request.url === address ? 200 : 404, { "content-type": "text/html" });
    response.end(request.url === address ? page : "");
  }).on("connect", (request, socket) => {
    requests.push(`https://${request.url ?? ""}`);
    socket.destroy();
  });
  const profile = await mkdtemp(join(tmpdir(), "lxa-browser-"));
  try {
    const args = [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
      // What a browser asks for by itself.
      ...[
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
      ],
      ...[`--user-data-dir=${profile}`, `--proxy-server=127.0.0.1:${await listen(server)}`],
      ...["--enable-logging=stderr", "--dump-dom", address],
    ];
    const { stdout, stderr } = await promisify(execFile)(browser, args, { maxBuffer: 64 * 1024 ** 2 });
    return {
      dom: stdout,
      requests,
      complaints: stderr.split("\n").filter((line) => line.includes("CONSOLE")),
    };
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
