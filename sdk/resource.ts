/** What every resource class of this package has in common with Pulumi's dynamic resources. */
import * as pulumi from "@pulumi/pulumi";
import { providerText } from "./dynamic-type";
import { refusal } from "./refusal";

/** Names of the secret inputs and outputs of a resource; nested inputs as a path. */
export interface Secrets {
  readonly inputs: readonly (readonly string[])[];
  readonly outputs: readonly string[];
}

/** The properties to register: the inputs with secrets marked, and every output that the engine is to fill in. */
export function properties(
  resource: string,
  args: object,
  outputs: readonly string[],
  secrets: Secrets,
): Record<string, unknown> {
  const inputs: Record<string, unknown> = { ...args };
  if ("connection" in args) inputs["connection"] = presentConnection(inputs["connection"]);
  for (const path of secrets.inputs) markSecret(inputs, path);
  const unset = Object.fromEntries(outputs.map((name) => [name, undefined]));
  return { ...unset, ...inputs, __provider: providerText(resource) };
}

/** The options of a resource, with its secret outputs. Refuses an import, which Pulumi cannot do for dynamic resources. */
export function options(
  resource: string,
  secrets: Secrets,
  given: pulumi.CustomResourceOptions | undefined,
): pulumi.CustomResourceOptions {
  if (given && given.import !== undefined) {
    throw refusal(
      `${resource}: the option "import" does not work for dynamic resources. Leave it out: what exists already is adopted`,
    );
  }
  return pulumi.mergeOptions(given, { additionalSecretOutputs: [...secrets.outputs] });
}

/** The secrets of a resource that may make an archive: without a password there is none, and nothing that a stack would encrypt. */
export function secretsWith(secrets: Secrets, { pkcs12Password }: { pkcs12Password?: unknown }): Secrets {
  if (pkcs12Password !== undefined) return secrets;
  return { ...secrets, outputs: secrets.outputs.filter((name) => !name.startsWith("pkcs12")) };
}

/** An output that may be absent. The provider says null then, because in a preview the engine takes nothing for unknown. */
export function optional(output: pulumi.Output<string | undefined>): pulumi.Output<string | undefined> {
  return output.apply((value: string | null | undefined) => value ?? undefined);
}

/** A connection that is there but empty is a slip, in a loop say, and must not end up at the local server. */
export function presentConnection(connection: unknown): unknown {
  if (connection === undefined || connection === null) return {};
  if (!pulumi.Output.isInstance(connection) && !(connection instanceof Promise)) return connection;
  return pulumi.output(connection as pulumi.Input<object | null | undefined>).apply((known) => known ?? {});
}

function markSecret(inputs: Record<string, unknown>, [name, ...rest]: readonly string[]): void {
  if (name === undefined) return;
  const value = inputs[name];
  if (value === undefined || value === null) return;
  if (rest.length === 0) {
    inputs[name] = pulumi.secret(value);
  } else if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    // What is inside cannot be marked without knowing it, so all of it is.
    inputs[name] = pulumi.secret(value);
  } else if (typeof value === "object") {
    const inner: Record<string, unknown> = { ...value };
    markSecret(inner, rest);
    inputs[name] = inner;
  }
}
