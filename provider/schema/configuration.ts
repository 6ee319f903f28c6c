/**
 * The provider's configuration: `lxd-access:NAME` in the stack, the arguments of an explicit provider, and the variables of
 * the environment.
 */
import * as z from "zod";
import {
  configNames,
  connection,
  connectionVariables,
  onUnreachableVariable,
  timeoutVariables,
} from "../connection";
import { oneOf } from "../properties";
import { secretPaths } from "../schema";
import { propertiesOf, typesIn } from "./properties";
import type { Properties, PropertySpec, Types } from "./spec";

const onUnreachable = oneOf("OnUnreachable", "What to do with a server that does not answer.", {
  fail: "Fail.",
  keep: "Keep what is stored, with a warning.",
});

/** Schema of it. */
export const configuration = z.object({
  ...connection.shape,
  onUnreachable: onUnreachable.optional().meta({
    description: "What a refresh does with a server that does not answer. Default: fail.",
  }),
});

const variables: Readonly<Record<string, string>> = {
  ...connectionVariables,
  ...timeoutVariables,
  onUnreachable: onUnreachableVariable,
};

/** Of what is given as one text, all is secret if anything in it is. */
const secrets = secretPaths(configuration).map(([name]) => name);

/**
 * The arguments of an explicit provider. The environment is no default of theirs: generated SDKs would copy it into them, so
 * that secrets of the environment would stand in state, and a way in of the program would meet one of the environment. The
 * provider looks at the environment itself, at each call.
 */
export function providerInputs(): Properties {
  return named((name, property) => ({ ...property, description: withVariables(name, property.description) }));
}

/** The settings of a stack. Those that are an object have a variable for each property, so none of their own. */
export function configVariables(): Properties {
  const inputs = providerInputs();
  return named((name) => {
    const variable = variables[name];
    const input = asSetting(inputs[name] as PropertySpec);
    return variable === undefined ? input : { ...input, defaultInfo: { environment: [variable] } };
  });
}

/** The types of settings, by their tokens. */
export function configTypes(): Types {
  return asSetting(typesIn([configuration]));
}

/**
 * Settings have types of their own, as in other packages: Pulumi's generator for Java ends with an error where a function
 * has an argument of the same type as a setting.
 */
function asSetting<Spec>(spec: Spec): Spec {
  return JSON.parse(JSON.stringify(spec).replaceAll("lxd-access:index:", "lxd-access:config:")) as Spec;
}

function named(describe: (name: string, property: PropertySpec) => PropertySpec): Properties {
  const { properties } = propertiesOf(configuration);
  return Object.fromEntries(
    configNames.map((name) => {
      const property = properties[name] as PropertySpec;
      const isSecret = secrets.includes(name);
      return [name, describe(name, isSecret ? { ...property, secret: true } : property)];
    }),
  );
}

function withVariables(name: string, description: string): string {
  const own = Object.entries(variables)
    .filter(([path]) => path === name || path.startsWith(`${name}.`))
    .map(([, variable]) => `\`${variable}\``);
  return `${description} Environment: ${own.join(", ")}.`;
}
