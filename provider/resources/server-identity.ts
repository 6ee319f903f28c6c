/**
 * Which server a resource lives on, so that nothing is ever changed on, or concluded from, another one.
 * Over HTTPS the pin proves it; over a socket the same path may lead to a server that was set up anew.
 */
import * as z from "zod";
import { refuse } from "../errors";
import type { LxdClient, SeenConfig } from "../lxd/client";
import type { Server } from "../lxd/entities";

/** What a server is known by: its uuid where it has one, its name, and the SHA-256 (hex) of its certificate. */
export const serverIdentity = z.object({
  uuid: z.string().optional(),
  name: z.string(),
  fingerprint: z.string(),
  /** LXD and Incus on one host have one name. Older stacks lack it. */
  type: z.enum(["lxd", "incus"]).optional(),
});
export type ServerIdentity = z.infer<typeof serverIdentity>;

/** What a server, or a whole cluster, is called in this run, over whichever connection it is reached. */
export function serverKey({ identity, isClustered }: AdministeredServer): string {
  const { uuid = "", name, fingerprint } = identity;
  return JSON.stringify([uuid, fingerprint, isClustered ? "" : name]);
}

/** A server that this client administers: it shows its environment and its configuration. */
export interface AdministeredServer {
  readonly config: Readonly<Record<string, string>>;
  /** The same as the server showed it: what a change has to tell. */
  readonly seen: SeenConfig;
  readonly extensions: ReadonlySet<string>;
  readonly identity: ServerIdentity;
  /** PEM. */
  readonly certificate: string;
  readonly version: string;
  readonly type: "lxd" | "incus";
  readonly isClustered: boolean;
  /** Where clients may reach it, each `host:port`. */
  readonly addresses: readonly string[];
}

/**
 * Reads a server as its administrator. LXD_NOT_TRUSTED where the connection may not; LXD_SERVER_IDENTITY where it is
 * not the `expected` one: its uuid differs or, on servers without one, its certificate does and its name or type too.
 */
export async function getAdministeredServer(
  client: LxdClient,
  expected: ServerIdentity | undefined,
  options: { fresh?: boolean; target?: string } = {},
): Promise<AdministeredServer> {
  const server = administered(await client.getServer(options), client);
  if (expected !== undefined && !isSameServer(expected, server.identity)) {
    refuse(
      "LXD_SERVER_IDENTITY",
      `${client.name} is not the server this resource lives on. Expected ${describe(expected)}, found ` +
        `${describe(server.identity)}. Nothing was changed. Point the connection at the right server; if the old one is ` +
        "gone for good, remove the resource with `pulumi state delete`",
    );
  }
  return server;
}

function administered(server: Server & { etag?: string }, client: LxdClient): AdministeredServer {
  const { config, environment } = server;
  if (server.auth !== "trusted") {
    return refuse(
      "LXD_NOT_TRUSTED",
      `${client.name} does not trust this client. Use a connection that it trusts`,
    );
  }
  if (!config || !environment || isHidden(config, client)) {
    return refuse(
      "LXD_NOT_TRUSTED",
      `${client.name} does not show its configuration to this client, which may not administer it. ` +
        "Use its unix socket or an unrestricted client certificate (with fine-grained rights: `can_edit` on the server)",
    );
  }
  const type = environment.server === "incus" ? "incus" : "lxd";
  const texts = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  return {
    config: texts,
    seen: { config, etag: server.etag },
    extensions: new Set(server.api_extensions),
    identity: {
      uuid: texts["volatile.uuid"],
      name: environment.server_name,
      fingerprint: environment.certificate_fingerprint,
      type,
    },
    certificate: environment.certificate,
    version: environment.server_version,
    type,
    isClustered: environment.server_clustered,
    addresses: environment.addresses,
  };
}

/**
 * Incus shows a restricted client an empty configuration where LXD shows none. A server that is reached over the network
 * listens, so one that shows no listener then is hiding it, and must not read as "not listening".
 */
function isHidden(config: Readonly<Record<string, unknown>>, client: LxdClient): boolean {
  const listeners = ["core.https_address", "cluster.https_address"];
  return client.endpoint.kind === "https" && listeners.every((key) => config[key] === undefined);
}

/** Whether a server is the one that is expected: by its uuid, or its certificate, or its name and type. */
export function isSameServer(expected: ServerIdentity, actual: ServerIdentity): boolean {
  if (expected.uuid !== undefined && actual.uuid !== undefined) return expected.uuid === actual.uuid;
  const isOfOneType = (expected.type ?? actual.type) === actual.type;
  return expected.fingerprint === actual.fingerprint || (expected.name === actual.name && isOfOneType);
}

function describe({ uuid, name, fingerprint, type }: ServerIdentity): string {
  const kind = type === undefined ? "" : ` (${type === "incus" ? "Incus" : "LXD"})`;
  return `${JSON.stringify(name)}${kind} with ${uuid === undefined ? `certificate ${fingerprint}` : `uuid ${uuid}`}`;
}
