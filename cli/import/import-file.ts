/** The file that `pulumi import --file` reads. */
import { asExported } from "../../provider/secrets";
import { providerText, typeOf } from "../../sdk/dynamic-type";
import type { Taken } from "./take";

/** How the resources are made: by the TypeScript package, or by the plugin. */
export const fronts = ["dynamic", "plugin"] as const;
export type Front = (typeof fronts)[number];

/** The text of the file. For dynamic resources it holds all of their state, keys and tokens in plain text too; for the plugin's nothing secret. */
export function importFile(front: Front, resources: readonly Taken[]): string {
  const entry = front === "plugin" ? pluginEntry : dynamicEntry;
  return `${JSON.stringify({ resources: resources.map(entry) }, null, 2)}\n`;
}

/** The plugin reads by itself what there is of an id. */
function pluginEntry({ resource, name, id }: Taken): object {
  return { type: `lxd-access:index:${resource}`, name, id };
}

/** Of a dynamic resource the engine can read nothing before it has its provider, so it is given all of it. */
function dynamicEntry({ resource, name, id, inputs, outputs }: Taken): object {
  const provider = { __provider: providerText(resource) };
  return {
    ...{ type: typeOf(resource), name, id },
    inputs: { ...(asExported(inputs) as object), ...provider },
    outputs: { ...(asExported(outputs) as object), ...provider },
  };
}
