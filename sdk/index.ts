/**
 * Expose LXD and Incus servers, invite clients with one-shot trust tokens, and join them, with Pulumi.
 * @packageDocumentation
 */
export { ClientCertificate } from "./client-certificate";
export { HttpsAddress } from "./https-address";
export { Remote } from "./remote";
export { TrustToken } from "./trust-token";

export type { ClientCertificateArgs } from "./client-certificate";
export type { Connection, Timeouts } from "./connection";
export type { HttpsAddressArgs } from "./https-address";
export type { RemoteArgs } from "./remote";
export type { TrustTokenArgs } from "./trust-token";
