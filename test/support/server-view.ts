/** A server seen behind the provider's back: raw requests, nothing of the code under test. */
import * as assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type ClientPair, makePair, type OpensslPair } from "./openssl-pair";
import { rawRequest } from "./raw-request";
import type { TestServer } from "./servers";

/** An entry of the trust store. */
export interface TrustedClient {
  readonly name: string;
  /** "client", or "server" for another member of the cluster. */
  readonly type: string;
  readonly fingerprint: string;
  readonly restricted: boolean;
  readonly projects: readonly string[];
}

/** A client as the identities API shows it. */
export interface SeenIdentity {
  readonly name: string;
  readonly id: string;
  readonly type: string;
  readonly groups: readonly string[] | null;
}

/** Looks at a server and changes it by hand, over its unix socket. */
export interface ServerView {
  /** `core.https_address`; empty where it is unset. */
  address(): Promise<string>;
  setAddress(value: string): Promise<void>;
  clients(): Promise<TrustedClient[]>;
  removeClient(fingerprint: string): Promise<void>;
  /** Names of the clients for which a token waits to be redeemed. */
  pendingTokens(): Promise<string[]>;
  /** Revokes every pending token. */
  revokeTokens(): Promise<void>;
  createProject(name: string): Promise<void>;
  /** Listens on a free loopback port, unless the server listens already; answers the address. */
  listen(): Promise<string>;
  /** Issues a token as `lxc config trust add` does, and answers its text. */
  issueToken(
    name: string,
    restriction: { restricted: boolean; projects: readonly string[] },
  ): Promise<string>;
  /** Redeems a token of either kind as `lxc remote add` does. */
  redeem(token: string, pair: ClientPair): Promise<void>;
  /** The client `old` puts the certificate of another pair in the place of its own, as it may. */
  rotateClient(old: OpensslPair, next: ClientPair): Promise<void>;
  /** Everybody that the identities API shows: entries of the trust store, too. */
  identities(): Promise<SeenIdentity[]>;
  /** Makes a group whose members have these rights: on the server, or as in `default: viewer` on a project. */
  createGroup(name: string, ...entitlements: string[]): Promise<void>;
  /** Makes a pending identity as `lxc auth identity create` does, and answers the text of its token. */
  invite(name: string, groups: readonly string[]): Promise<string>;
  /** Trusts a client as `lxc config trust add CERTIFICATE` does. */
  trust(name: string, certificate: string): Promise<void>;
  request(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** A client certificate that the server trusts fully, and the listener it comes in through. */
export interface AdminClient {
  readonly address: string;
  readonly fingerprint: string;
  /** `connection` for resources. */
  readonly connection: Record<"address" | "clientCertificate" | "clientKey" | "serverFingerprint", string>;
}

interface TokenOperation {
  readonly id: string;
  readonly class: string;
  readonly metadata: { readonly request?: { readonly name: string } };
}

export function viewOf({ socketPath }: Pick<TestServer, "socketPath">): ServerView {
  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const reply = await rawRequest({ socketPath }, method, path, body);
    assert.ok(reply.status < 400, `${method} ${path} by hand: ${reply.status} ${reply.body.error}`);
    return reply.body.metadata;
  };
  const tokens = async (): Promise<TokenOperation[]> => {
    const lists = (await request("GET", "/1.0/operations?recursion=1")) as Record<
      string,
      TokenOperation[] | undefined
    >;
    return (lists["running"] ?? []).filter((operation) => operation.class === "token");
  };
  const address = async (): Promise<string> => {
    const server = (await request("GET", "/1.0")) as { config?: Record<string, string> };
    return server.config?.["core.https_address"] ?? "";
  };
  const setAddress = async (value: string): Promise<void> => {
    await request("PATCH", "/1.0", { config: { "core.https_address": value } });
  };
  return {
    request,
    address,
    setAddress,
    async listen() {
      const held = await address();
      if (held !== "") return held;
      const chosen = `127.0.0.1:${await freePort()}`;
      await setAddress(chosen);
      return chosen;
    },
    async issueToken(name, restriction) {
      const operation = (await request("POST", "/1.0/certificates", {
        name,
        type: "client",
        token: true,
        ...restriction,
      })) as {
        metadata: { addresses: string[]; fingerprint: string; secret: string; expiresAt?: string };
      };
      const { addresses, fingerprint, secret, expiresAt } = operation.metadata;
      const token = {
        client_name: name,
        fingerprint,
        addresses,
        secret,
        expires_at: expiresAt ?? "0001-01-01T00:00:00Z",
      };
      return Buffer.from(JSON.stringify(token)).toString("base64");
    },
    async redeem(token, pair) {
      const { api_extensions: extensions } = (await request("GET", "/1.0")) as { api_extensions: string[] };
      const isModern =
        extensions.includes("explicit_trust_token") || extensions.includes("certificate_description");
      const { type } = JSON.parse(Buffer.from(token, "base64").toString()) as { type?: string };
      const path = type === "Client certificate" ? "/1.0/auth/identities/tls" : "/1.0/certificates";
      const body = { [isModern ? "trust_token" : "password"]: token };
      const reply = await rawRequest({ address: await address(), ...pair }, "POST", path, body);
      assert.equal(reply.status, 201, reply.body.error);
    },
    async rotateClient(old, { certificate }) {
      const asOld = { address: await address(), ...old };
      const identity = `/1.0/auth/identities/tls/${old.fingerprint}`;
      const found = await rawRequest({ socketPath }, "GET", identity);
      const { type, groups } = (found.body.metadata ?? {}) as Partial<SeenIdentity>;
      const isIdentity = type === "Client certificate";
      const path = isIdentity ? identity : `/1.0/certificates/${old.fingerprint}`;
      const entry = isIdentity ? {} : ((await request("GET", path)) as object);
      const changed = isIdentity ? { groups, tls_certificate: certificate } : { ...entry, certificate };
      const reply = await rawRequest(asOld, "PUT", path, changed);
      assert.equal(reply.status, 200, reply.body.error);
    },
    identities: async () => (await request("GET", "/1.0/auth/identities/tls?recursion=1")) as SeenIdentity[],
    async createGroup(name, ...entitlements) {
      const permissions = entitlements.map((text) => {
        const [project = "", entitlement] = text.split(": ");
        return entitlement === undefined
          ? { entity_type: "server", url: "/1.0", entitlement: text }
          : { entity_type: "project", url: `/1.0/projects/${project}`, entitlement };
      });
      await request("POST", "/1.0/auth/groups", { name, permissions });
    },
    async invite(name, groups) {
      const token = await request("POST", "/1.0/auth/identities/tls", { name, token: true, groups });
      return Buffer.from(JSON.stringify(token)).toString("base64");
    },
    async trust(name, certificate) {
      const der = new X509Certificate(certificate).raw.toString("base64");
      await request("POST", "/1.0/certificates", { name, type: "client", certificate: der });
    },
    clients: async () => (await request("GET", "/1.0/certificates?recursion=1")) as TrustedClient[],
    async removeClient(fingerprint) {
      await request("DELETE", `/1.0/certificates/${fingerprint}`);
    },
    pendingTokens: async () => (await tokens()).map((operation) => operation.metadata.request?.name ?? ""),
    async revokeTokens() {
      for (const { id } of await tokens()) await request("DELETE", `/1.0/operations/${id}`);
    },
    async createProject(name) {
      await request("POST", "/1.0/projects", { name, config: {} });
    },
  };
}

/** A port of a loopback address that nobody listens on, and that nobody gets by chance. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const ports = await import("../../scripts/free-port.mjs");
  return ports.freePort(host);
}

/** Opens a listener by hand and has a client trusted by it, so that resources can use the server over HTTPS. */
export async function openHttps(
  server: Pick<TestServer, "socketPath">,
  pair = makePair("admin"),
): Promise<AdminClient> {
  const view = viewOf(server);
  const address = await view.listen();
  const { certificate, privateKey, fingerprint } = pair;
  await view.trust("admin", certificate);
  const { environment } = (await view.request("GET", "/1.0")) as {
    environment: { certificate_fingerprint: string };
  };
  const connection = {
    address,
    clientCertificate: certificate,
    clientKey: privateKey,
    serverFingerprint: environment.certificate_fingerprint,
  };
  return { address, fingerprint, connection };
}
