/** Plain requests to a server's API, for what the quickstart needs around the Pulumi program. */
import { request } from "node:http";
import { run } from "./run.mjs";
import { StepError } from "./steps.mjs";

/** @typedef {{ socketPath: string } | { remote: string, client: string }} Reach a unix socket, or a remote of `lxc` or `incus` */

/**
 * Sends a request and returns the `metadata` of the reply. Rejects with a StepError that holds the server's own words.
 * @param {Reach} reach
 * @param {"GET" | "POST" | "PATCH" | "DELETE"} method
 * @param {string} path as in "/1.0/projects"
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function requestLxd(reach, method, path, body) {
  const what = `${method} ${path}`;
  const text = body === undefined ? undefined : JSON.stringify(body);
  if ("socketPath" in reach) return overSocket(reach.socketPath, method, path, text, what);
  const data = text === undefined ? [] : ["--data", text];
  const args = ["query", "--request", method, ...data, `${reach.remote}:${path}`];
  const { stdout } = await run(reach.client, args, { what, cwd: "/", seconds: 60, whileEnding: true });
  return stdout.trim() === "" ? undefined : JSON.parse(stdout);
}

/**
 * @param {string} socketPath
 * @param {string} method
 * @param {string} path
 * @param {string | undefined} text
 * @param {string} what
 */
function overSocket(socketPath, method, path, text, what) {
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ reason) =>
      reject(new StepError(`${what} on ${socketPath}: ${reason}`));
    const headers = text === undefined ? {} : { "content-type": "application/json" };
    const call = request({ socketPath, method, path, headers, timeout: 60_000 }, (response) => {
      let reply = "";
      response.setEncoding("utf8").on("data", (part) => (reply += part));
      response.on("end", () => {
        try {
          const { type, error, metadata } = JSON.parse(reply);
          if (type === "error") fail(error);
          else resolve(metadata);
        } catch {
          fail(`the reply is no JSON (status ${response.statusCode})`);
        }
      });
    });
    call.on("timeout", () => call.destroy(new Error("no answer within 60 s")));
    call.on("error", (error) => fail(error.message));
    call.end(text);
  });
}
