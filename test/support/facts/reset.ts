import { strict as assert } from "node:assert";
import { rawRequest } from "../raw-request";

/** Brings a server of this machine back to what it was when it was new, as far as the cases of the tests go. */
export async function reset(socketPath: string): Promise<void> {
  const ask = async (method: string, path: string, body?: unknown) => {
    const reply = await rawRequest({ socketPath }, method, path, body);
    assert.ok(reply.status < 400, `${method} ${path} while resetting: ${reply.body.error}`);
    return reply.body.metadata;
  };
  const trusted = (await ask("GET", "/1.0/certificates?recursion=1")) as {
    type: string;
    fingerprint: string;
  }[];
  // The other members of a cluster are trusted as servers.
  for (const { fingerprint } of trusted.filter(({ type }) => type !== "server"))
    await ask("DELETE", `/1.0/certificates/${fingerprint}`);
  const { config, api_extensions: extensions } = (await ask("GET", "/1.0")) as {
    config: Record<string, string>;
    api_extensions: string[];
  };
  if (extensions.includes("access_management_tls")) {
    for (const path of (await ask("GET", "/1.0/auth/identities/tls")) as string[]) await ask("DELETE", path);
    for (const path of (await ask("GET", "/1.0/auth/groups")) as string[])
      if (path !== "/1.0/auth/groups/admins") await ask("DELETE", path);
  }
  const { running = [] } = (await ask("GET", "/1.0/operations?recursion=1")) as {
    running?: { id: string; class: string }[];
  };
  for (const { id } of running.filter((operation) => operation.class === "token"))
    await ask("DELETE", `/1.0/operations/${id}`);
  for (const path of (await ask("GET", "/1.0/projects")) as string[])
    if (path !== "/1.0/projects/default") await ask("DELETE", path);
  const keys = Object.keys(config).filter((key) => !/^(volatile|cluster)\./.test(key));
  // A stray listener goes only when a good address takes its place.
  await ask("PATCH", "/1.0", { config: { "core.https_address": "127.0.0.1:0" } });
  await ask("PATCH", "/1.0", {
    config: Object.fromEntries([...keys, "core.https_address"].map((key) => [key, ""])),
  });
}
