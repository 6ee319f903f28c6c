/**
 * What the engine's process for dynamic resources loads, by the constant text in each resource's `__provider`. The
 * exported names are part of every stack's state and must never change.
 */
import type { dynamic } from "@pulumi/pulumi";
import { dynamicProvider } from "./dynamic-provider";
import { ClientPool } from "./lxd/pool";
import type { ResourceName } from "./registry";

/** One process serves every resource of a stack, so connections are shared by all of them. */
const pool = new ClientPool();

const surroundings = {
  // A copy, as each call looks through all of it, and that is slow in the live one.
  environment: { ...process.env },
  programDirectory: process.cwd(),
  now: () => new Date(),
  // The engine shows what this process prints; nothing secret is ever logged.
  log: (level: "info" | "warning", message: string) => {
    console.log(level === "warning" ? `warning: ${message}` : message);
  },
};

export const ClientCertificate = provider("ClientCertificate");
export const HttpsAddress = provider("HttpsAddress");
export const Remote = provider("Remote");
export const TrustToken = provider("TrustToken");

function provider(name: ResourceName): dynamic.ResourceProvider {
  return dynamicProvider(name, surroundings, pool);
}
