/**
 * The plugin's configuration: the connection that resources have where they name none. Stack config gives it
 * (`lxd-access:address`), or the inputs of an explicit provider.
 */
import { isDeepStrictEqual } from "node:util";
import { configNames, configurationOf, connection } from "../connection";
import { isAccessError, printable } from "../errors";
import type { CheckFailure, RawInputs } from "../handler";
import { checkConfiguration } from "../registry";
import { secretPaths } from "../schema";
import { withSecrets } from "../secrets";
import { hasUnknown } from "../unknown";

/** Inputs of a provider that are the engine's business. */
const ofTheEngine = ["version", "pluginDownloadURL"];

const secrets = secretPaths(connection);
/** Parts of `ssh` that are secret: where one is inside a text, all of the text is. */
const secretsOfSsh = secrets.filter(([name]) => name === "ssh").map((path) => path.at(-1) ?? "");

/** The inputs with their secrets marked, and every mistake in them. `environment` fills in what they leave out. */
export function checkProviderInputs(
  inputs: RawInputs,
  environment: NodeJS.ProcessEnv,
): { inputs: Record<string, unknown>; failures: CheckFailure[] } {
  return { inputs: withSecrets(inputs, secretsIn(inputs)), failures: mistakesIn(inputs, environment) };
}

/** Names of the inputs that differ. */
export function changedConfiguration(before: RawInputs, after: RawInputs): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !isOfTheEngine(name) && !isDeepStrictEqual(before[name], after[name]),
  );
}

function mistakesIn(inputs: RawInputs, environment: NodeJS.ProcessEnv): CheckFailure[] {
  const known: readonly string[] = configNames;
  const strangers = Object.keys(inputs).filter((name) => !known.includes(name) && !isOfTheEngine(name));
  if (strangers.length > 0)
    return strangers.map((name) => ({
      property: "",
      reason: printable(
        `lxd-access:${name} is nothing that can be configured. There are ${known.join(", ")} [CONFIG_INVALID]`,
      ),
    }));
  // What is not known yet is judged when it is.
  if (hasUnknown(inputs)) return [];
  try {
    checkConfiguration(configurationOf(inputs), environment);
    return [];
  } catch (error) {
    if (!isAccessError(error)) throw error;
    return [{ property: "", reason: error.message }];
  }
}

function secretsIn(inputs: RawInputs): readonly (readonly string[])[] {
  const { ssh } = inputs;
  const inText = typeof ssh === "string" && secretsOfSsh.some((name) => ssh.includes(`"${name}"`));
  return inText ? [...secrets, ["ssh"]] : secrets;
}

function isOfTheEngine(name: string): boolean {
  return ofTheEngine.includes(name) || name.startsWith("__");
}
