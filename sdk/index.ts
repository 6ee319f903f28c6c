/**
 * Expose LXD and Incus servers, invite clients with one-shot trust tokens, and join them, with Pulumi.
 * @packageDocumentation
 */
export { ClientCertificate } from "./client-certificate";
export { HttpsAddress } from "./https-address";
export { Onboarding } from "./onboarding";
export { Remote } from "./remote";
export { TrustToken } from "./trust-token";
export {
  decodeTrustToken,
  decodeTrustTokenOutput,
  getDefaultRemote,
  getDefaultRemoteOutput,
  getServer,
  getServerAddresses,
  getServerAddressesOutput,
  getServerOutput,
  listRemotes,
  listRemotesOutput,
} from "./functions";

export type { ClientCertificateArgs } from "./client-certificate";
export type { Connection, Ssh, SshHop, Timeouts } from "./connection";
export type {
  ClientDirectoryArgs,
  ClientDirectoryOutputArgs,
  DecodeTrustTokenArgs,
  DecodeTrustTokenOutputArgs,
  DecodeTrustTokenResult,
  GetDefaultRemoteResult,
  GetServerAddressesArgs,
  GetServerAddressesOutputArgs,
  GetServerAddressesResult,
  GetServerArgs,
  GetServerOutputArgs,
  GetServerResult,
  ListedRemote,
  ListRemotesResult,
  ServerAddress,
} from "./functions";
export type { HttpsAddressArgs } from "./https-address";
export type { FunctionOptions } from "./invoke";
export type { OnboardingArgs } from "./onboarding";
export type { RemoteArgs } from "./remote";
export type { TrustTokenArgs } from "./trust-token";
