/** Many resources on one host by SSH: how often somebody logs in there. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { atEnd } from "../../scripts/ending.mjs";
import { makeKey, startSshd } from "../../scripts/sshd.mjs";
import { startServer } from "../ground/server.mjs";
import { Stack } from "../ground/stack.mjs";

export const name = "ssh";
export const title = "By SSH";

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick, found, engine }) {
  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [] };
  if (found.sshd === undefined) {
    result.notes = [`Not measured: ${found.reasons.sshd ?? "there is no sshd"}`];
    return result;
  }
  const count = isQuick ? 10 : 200;
  const server = await startServer();
  const sshd = await startSshd({ hostKeys: ["ed25519"] });
  atEnd("stopping the sshd", () => sshd.stop());
  const key = join(sshd.directory, "key");
  sshd.authorize(makeKey(key));
  const knownHostsPath = join(sshd.directory, "known_hosts");
  writeFileSync(knownHostsPath, `[${sshd.host}]:${sshd.port} ${sshd.hostKey()}\n`);
  const connection = {
    ssh: {
      ...{ host: sshd.host, port: sshd.port, user: sshd.user, socketPath: server.socketPath },
      ...{ privateKey: readFileSync(key, "utf8"), knownHostsPath },
    },
  };
  const stack = await Stack.create(
    engine,
    Array.from({ length: count }, (_, index) => ({
      ...{ kind: "TrustToken", name: `token-${index}` },
      args: { clientName: `invited-${index}`, restricted: false, connection },
    })),
  );
  for (const run of /** @type {const} */ (["up", "refresh", "unchanged"])) {
    const before = loginsIn(sshd.log());
    const { milliseconds } = await stack[run]();
    const what = `${run === "unchanged" ? "update without a change" : run} of ${count} tokens on one host`;
    const logins = loginsIn(sshd.log()) - before;
    result.figures.push({ what: `${what}: SSH connections`, ratio: logins, unit: "", bar: 1 });
    result.samples[what] = { unit: "ms", values: [milliseconds] };
  }
  stack.remove();
  await sshd.stop();
  await server.stop();
  return result;
}

/** @param {string} log of sshd */
function loginsIn(log) {
  return log.split("\n").filter((line) => line.includes("Accepted publickey")).length;
}
