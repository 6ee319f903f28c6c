import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { StepError } from "./steps.mjs";

/** Ports that programs may listen on without rights, and that are high enough to be nobody's own. */
const lowest = 10_000;
const highest = 65_535;
/** More would only fail where every port is taken. */
const attempts = 1000;
/** Those that this process has given away. */
const given = new Set();

/**
 * A TCP port that nobody listens on, and that stays free until it is used: it is none that the system gives away by
 * itself, to connections that go out and to those who listen on any port.
 * @param {string} [host] a loopback address
 * @returns {Promise<number>}
 */
export async function freePort(host = "127.0.0.1") {
  const [low, high] = systemsOwn();
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(lowest, highest + 1);
    if ((port >= low && port <= high) || given.has(port) || !(await isFree(host, port))) continue;
    given.add(port);
    return port;
  }
  throw new StepError(`no free TCP port on ${host}`);
}

/**
 * The ports that the system gives away by itself, from the first to the last.
 * @returns {readonly [number, number]}
 */
function systemsOwn() {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const [low = 0, high = 0] = text.trim().split(/\s+/).map(Number);
    // Where that leaves none, any has to do.
    return low <= lowest && high >= highest ? [0, 0] : [low, high];
  } catch {
    return [49_152, highest]; // as IANA has it, where there is no /proc
  }
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>}
 */
async function isFree(host, port) {
  const server = createServer();
  const isFree = await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, host, () => resolve(true));
  });
  await new Promise((resolve) => server.close(resolve));
  return isFree;
}
