/** Servers that are far away: proxies on loopback with a round-trip time, in a process of their own. */
import { fork } from "node:child_process";
import { atEnd } from "../../scripts/ending.mjs";

/** @typedef {import("./delay-proxy-process.mjs").Traffic} Traffic */

/**
 * @typedef {object} DelayProxy
 * @property {string} address where to dial, `127.0.0.1:PORT`
 * @property {(roundTrip: number) => Promise<void>} setRoundTrip for connections from now on, in milliseconds
 * @property {() => Promise<void>} silence connections from now on are accepted and never answered
 * @property {() => Promise<Traffic>} takeTraffic what came through since it was asked last
 */

/** @type {import("node:child_process").ChildProcess | undefined} */
let child;
let asked = 0;

/**
 * @param {string} what
 * @param {object} request
 * @returns {Promise<any>}
 */
function ask(what, request) {
  const to = (child ??= start());
  const id = ++asked;
  return new Promise((resolve, reject) => {
    const listen = (/** @type {any} */ message) => {
      if (message.id !== id) return;
      to.off("message", listen);
      if (message.error === undefined) resolve(message.answer);
      else reject(new Error(`the delay proxy: ${message.error}`));
    };
    to.on("message", listen);
    to.send({ id, what, ...request });
  });
}

function start() {
  const started = fork(new URL("./delay-proxy-process.mjs", import.meta.url), { stdio: "inherit" });
  started.setMaxListeners(0);
  atEnd("ending the delay proxy", () => void started.disconnect());
  return started;
}

/**
 * Opens a proxy in front of a listener.
 * @param {string} target `host:port`
 * @param {number} roundTrip milliseconds
 * @returns {Promise<DelayProxy>}
 */
export async function openProxy(target, roundTrip) {
  const port = await ask("open", { target, roundTrip });
  return {
    address: `127.0.0.1:${port}`,
    setRoundTrip: (wanted) => ask("setRoundTrip", { port, roundTrip: wanted }),
    silence: () => ask("silence", { port }),
    takeTraffic: () => ask("takeTraffic", { port }),
  };
}
