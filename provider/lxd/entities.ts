/** What LXD and Incus answer, as far as this provider reads it. Unknown members are ignored; absent and null are one. */
import * as z from "zod";
import { parseSubnet } from "./subnet";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
/** A list of names or URLs. */
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);

/** Names of things that a server lists by their URLs, as in "/1.0/projects/a%20b?target=x". */
export const namesInUrls = texts.transform((urls, context) =>
  urls.flatMap((url, index) => {
    const name = decoded(url.replace(/\?.*$/s, "").replace(/^.*\//s, ""));
    if (name === undefined) context.addIssue({ code: "custom", message: "is no URL", path: [index] });
    return name ?? [];
  }),
);

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A name that can be part of a path: half a character cannot. */
const nameInPath = z.string().refine((name) => !/\p{Cs}/u.test(name));

/** The envelope of every reply. https://documentation.ubuntu.com/lxd/latest/rest-api/#return-values */
export const replyEnvelope = z.object({
  type: z.enum(["sync", "async", "error"]),
  error: text,
  operation: text,
  metadata: z.unknown(),
});

/** GET /1.0. A client that is not trusted sees no environment; one that may not read the configuration sees no config. */
export const serverEntity = z.object({
  api_extensions: texts,
  auth: z.enum(["trusted", "untrusted", "guest"]),
  config: z.record(z.string(), z.unknown()).nullish(),
  environment: z
    .object({
      addresses: texts,
      certificate: text,
      certificate_fingerprint: text,
      server: text,
      server_name: text,
      server_version: text,
      server_clustered: flag,
    })
    .nullish(),
});
export type Server = z.infer<typeof serverEntity>;

/** An entry of the trust store: GET /1.0/certificates. `certificate` is PEM. */
export const certificateEntity = z.object({
  name: text,
  type: text,
  restricted: flag,
  projects: texts,
  certificate: text,
  fingerprint: nameInPath,
});
export type Certificate = z.infer<typeof certificateEntity>;

/** An operation; a certificate add token is one of class "token" whose metadata holds the request and the secret. */
export const operationEntity = z.object({
  id: nameInPath,
  class: text,
  status_code: z.number(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
export type Operation = z.infer<typeof operationEntity>;

/** What the metadata of a certificate add token's operation says. */
export const tokenOperationMetadata = z.object({
  addresses: texts,
  fingerprint: z.string(),
  /** Empty where it is not shown. */
  secret: text,
  expiresAt: text,
  request: z.object({
    name: text,
    type: text,
    restricted: flag,
    projects: texts,
  }),
});
export type TokenOperationMetadata = z.infer<typeof tokenOperationMetadata>;

/** GET /1.0/operations?recursion=1: lists by status. */
export const operationLists = z.record(z.string(), z.array(operationEntity).nullish());

/**
 * A client as the identities API shows it, entries of the trust store included: GET /1.0/auth/identities/tls. `id` is a
 * UUID while the identity is pending, and from then on the SHA-256 (hex) of its certificate.
 */
export const identityEntity = z.object({ id: nameInPath, name: text, type: text, groups: texts });
export type Identity = z.infer<typeof identityEntity>;

/** Whether an identity waits for its client. */
export function isPending({ type }: Identity): boolean {
  return type === "Client certificate (pending)";
}

/** Whether an identity is that of a client with fine-grained rights, and not an entry of the trust store. */
export function isActive({ type }: Identity): boolean {
  return type === "Client certificate";
}

/** GET /1.0/auth/identities/current. */
export const currentIdentity = identityEntity.extend({
  fine_grained: flag,
  effective_permissions: z
    .array(z.object({ entity_type: text, url: text, entitlement: text }))
    .nullish()
    .transform((value) => value ?? []),
});
export type CurrentIdentity = z.infer<typeof currentIdentity>;

/** Whether a client is an identity with fine-grained rights; else it is an entry of the trust store. */
export function isFineGrained(current: CurrentIdentity | undefined): current is CurrentIdentity {
  return current !== undefined && (current.fine_grained || isActive(current));
}

/** The answer to POST /1.0/auth/identities/tls that asks for a token. The secret in it is told only there. */
export const identityToken = z.object({
  client_name: z.string(),
  fingerprint: z.string(),
  addresses: texts,
  secret: z.string(),
  expires_at: text,
});
export type IdentityToken = z.infer<typeof identityToken>;

/** GET /1.0/networks/NAME/state. What is no IP address with the length of its prefix is left out. */
export const networkState = z.object({
  addresses: z
    .array(z.object({ family: text, address: z.string(), netmask: text, scope: text }))
    .nullish()
    .transform((value) =>
      (value ?? []).filter(
        ({ family, address, netmask }) => parseSubnet(`${address}/${netmask}`)?.family === family,
      ),
    ),
});

/** GET /1.0/networks?recursion=1. */
export const networkEntity = z.object({ name: nameInPath });

/** A member of a cluster: GET /1.0/cluster/members?recursion=1. `status` is "Online", or says why it cannot be used. */
export const clusterMemberEntity = z
  .object({ server_name: z.string(), status: text })
  .transform(({ server_name: name, status }) => ({ name, status }));
export type ClusterMember = z.infer<typeof clusterMemberEntity>;
