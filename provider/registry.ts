/** Every resource by name, and what the fronts do with a handler whatever resource it is of. */
import { connectionVariables, onUnreachableVariable, type ProviderConfig } from "./connection";
import { printable, refuse } from "./errors";
import { decodeTrustToken } from "./functions/decode-trust-token";
import { getDefaultRemote } from "./functions/get-default-remote";
import { getServer } from "./functions/get-server";
import { getServerAddresses } from "./functions/get-server-addresses";
import { listRemotes } from "./functions/list-remotes";
import type { Context, ResourceHandler } from "./handler";
import type { ClientPool } from "./lxd/pool";
import { clientCertificate } from "./resources/client-certificate";
import { httpsAddress } from "./resources/https-address";
import { remote } from "./resources/remote";
import { trustToken } from "./resources/trust-token";
import { usualConfigDirs } from "./ways-in/client-remote";
import { defaultConnection, defaultTimeoutsOf } from "./ways-in/defaults";
import { resolveConnection } from "./ways-in/resolve";

/** A handler whose inputs and state the caller only passes on. */
export type AnyHandler = ResourceHandler<object, object>;

/** Handlers by the name of their resource, as in `lxd-access:index:NAME` and `pulumi-nodejs:dynamic/lxd-access:NAME`. */
export const handlers = {
  ClientCertificate: clientCertificate,
  HttpsAddress: httpsAddress,
  Remote: remote,
  TrustToken: trustToken,
} as const;
export type ResourceName = keyof typeof handlers;

/** Functions by name, as in `lxd-access:index:NAME`. */
export const functions = {
  decodeTrustToken,
  getDefaultRemote,
  getServer,
  getServerAddresses,
  listRemotes,
} as const;
export type FunctionName = keyof typeof functions;

/** What a front knows of the world around it. */
export interface Surroundings {
  readonly config: ProviderConfig;
  readonly environment: NodeJS.ProcessEnv;
  readonly programDirectory: string;
  readonly now: () => Date;
  readonly log: Context["log"];
}

/** The context in which handlers run; connections are shared through the pool. CONFIG_INVALID on a wrong configuration. */
export function contextFor(surroundings: Surroundings, pool: ClientPool): Context {
  const { environment, programDirectory, now, log } = surroundings;
  return {
    async connect(connection) {
      const { endpoint, timeouts } = await resolveConnection(connection, surroundings);
      return pool.client(endpoint, timeouts);
    },
    client: (endpoint, timeouts) => pool.client(endpoint, timeouts),
    claim: (what) => pool.claims.take(what),
    isClaimed: (what) => pool.claims.isTaken(what),
    onUnreachable: onUnreachable(surroundings),
    programDirectory,
    configDir: surroundings.config["configDir"] ?? (environment[connectionVariables.configDir] || undefined),
    usualConfigDirs: () => usualConfigDirs(surroundings),
    now,
    log: (level, message) => {
      log(level, printable(message));
    },
  };
}

/** Throws CONFIG_INVALID where a configuration, with what the environment adds to it, is wrong. One that names nothing is right. */
export function checkConfiguration(config: ProviderConfig, environment: NodeJS.ProcessEnv): void {
  if (Object.keys(config).length === 0) return;
  onUnreachable({ config, environment });
  defaultTimeoutsOf(config, environment);
  defaultConnection(config, environment);
}

function onUnreachable({
  config,
  environment,
}: Pick<Surroundings, "config" | "environment">): "fail" | "keep" {
  const configured = config["onUnreachable"];
  const value = configured ?? (environment[onUnreachableVariable] || "fail");
  if (value === "fail" || value === "keep") return value;
  const name = configured === undefined ? onUnreachableVariable : "lxd-access:onUnreachable";
  return refuse("CONFIG_INVALID", `${name} must be "fail" or "keep", not ${JSON.stringify(value)}`);
}
