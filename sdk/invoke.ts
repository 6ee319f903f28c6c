/** How the functions of this package run: in the program's own process, with the provider's code loaded at the first call. */
import * as pulumi from "@pulumi/pulumi";
import type * as front from "../provider/invoke";
import { refusal } from "./refusal";
import { presentConnection } from "./resource";

/** Names of the functions. */
type FunctionName =
  "decodeTrustToken" | "getDefaultRemote" | "getServer" | "getServerAddresses" | "listRemotes";

/** Options of a function's `…Output` form. */
export interface FunctionOptions {
  /**
   * Resources that have to be there before the function is called, such as the HttpsAddress of a server. Of a component,
   * such as an Onboarding, name a resource in it (`onboarding.remote`): when all of it is there cannot be told.
   */
  dependsOn?: pulumi.Input<pulumi.Input<pulumi.CustomResource>[]> | pulumi.Input<pulumi.CustomResource>;
}

/** Calls a function. Rejects with the provider's error, as text for the user. */
export async function call<Result>(name: FunctionName, args: object): Promise<Result> {
  // A program that calls no function does not load the provider's code.
  const { invoke } = require("../provider/invoke") as typeof front;
  const config = new pulumi.Config("lxd-access");
  const log = (level: "info" | "warning", message: string): void => {
    void (level === "warning" ? pulumi.log.warn(message) : pulumi.log.info(message));
  };
  try {
    return (await invoke(name, present(args), { config: (key) => config.get(key), log })) as Result;
  } catch (error) {
    // A user's mistake or a server's refusal: the program's stack trace would say nothing.
    throw refusal(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Calls a function once its arguments are known and the resources it depends on are there; in a preview that may be never.
 * What it answers holds nothing secret, even where an argument is secret.
 */
export function callOutput<Result>(
  name: FunctionName,
  args: object,
  options: FunctionOptions = {},
): pulumi.Output<Result> {
  const ready = pulumi.output(options.dependsOn).apply((resources) => marksOf(resources));
  const answer = pulumi.all([pulumi.output(args), ready]).apply(([known]) => call<Result>(name, known));
  return pulumi.unsecret(answer);
}

/** What is known of a resource only when it is there: the id of one that is still to be made is not, in a preview. */
function marksOf(resources: unknown): pulumi.Output<unknown> {
  const list = Array.isArray(resources) ? (resources as unknown[]) : [resources];
  return pulumi.output(
    list.map((resource) => {
      if (pulumi.CustomResource.isInstance(resource)) return resource.id;
      if (!pulumi.Resource.isInstance(resource)) return undefined;
      throw refusal("dependsOn: a component is there before what is in it; name a resource in it");
    }),
  );
}

function present(args: object): Record<string, unknown> {
  const inputs: Record<string, unknown> = { ...args };
  if ("connection" in inputs) inputs["connection"] = presentConnection(inputs["connection"]);
  return Object.fromEntries(
    Object.entries(inputs).filter(([, value]) => value !== undefined && value !== null),
  );
}
