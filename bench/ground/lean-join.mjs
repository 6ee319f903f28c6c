/** The least that joining can take: plain TLS and HTTP on one connection, with no part of the package. */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { dialPinned } from "./lean-connection.mjs";

/**
 * Compares the server's certificate, looks, redeems the token and looks again.
 * @param {object} options
 * @param {string} options.address
 * @param {string} options.fingerprint
 * @param {import("./pairs.mjs").Pair} options.pair
 * @param {string} options.token
 * @param {"password" | "trust_token"} options.field in which the server takes it
 * @param {boolean} options.looksFirst
 */
export async function joinLean({ address, fingerprint, pair, token, field, looksFirst }) {
  const socket = await dialPinned({ address, fingerprint, pair });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  Object.assign(agent, { createConnection: () => socket });
  try {
    if (looksFirst) await exchange(agent, "GET", "/1.0");
    await exchange(agent, "POST", "/1.0/certificates", { type: "client", [field]: token });
    const { metadata } = await exchange(agent, "GET", "/1.0");
    if (metadata.auth !== "trusted") throw new Error("the lean sequence is not trusted");
  } finally {
    agent.destroy();
  }
}

/**
 * @param {Agent} agent
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function exchange(agent, method, path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined ? {} : { "content-type": "application/json", "content-length": text.length };
  const sent = request({ agent, method, path, headers }).end(text);
  const [response] = await once(sent, "response");
  let reply = "";
  for await (const chunk of response.setEncoding("utf8")) reply += chunk;
  const parsed = JSON.parse(reply);
  if (parsed.type === "error") throw new Error(`${method} ${path}: ${parsed.error}`);
  return parsed;
}
