/** What the documents say of the resources and functions as a whole. */
import type { FunctionName, ResourceName } from "../registry";

export const providerDescription =
  "The provider of the package lxd-access. Its configuration is the way in to the server of every resource that has no " +
  "`connection` of its own.";

const resources: Readonly<Record<ResourceName, string>> = {
  ClientCertificate: "A key pair and self-signed certificate for clients, as `lxc` makes for itself.",
  HttpsAddress: "The address a server listens on for clients (`core.https_address`).",
  Remote:
    "A server that this client trusts and that trusts this client, and a remote that `lxc` uses as it is.",
  TrustToken: "An invitation for one client: a one-shot token for Remote or for `lxc remote add`.",
};

const functions: Readonly<Record<FunctionName, string>> = {
  decodeTrustToken: "What a trust token says, but for the secret in it.",
  getDefaultRemote: "The remote to which a client's commands go that name none.",
  getServer: "What a server is, and where it listens.",
  getServerAddresses: "The addresses that a server has on its network interfaces.",
  listRemotes: "The remotes of a client directory, those built into the client included.",
};

export function resourceDescription(name: ResourceName): string {
  return resources[name];
}

export function functionDescription(name: FunctionName): string {
  return functions[name];
}
