/** The package schema (schema.json) of the plugin: from the handlers, and nothing that they do not say. */
import { type AnyHandler, functions, handlers } from "../registry";
import { configTypes, configuration, configVariables, providerInputs } from "./configuration";
import { functionDescription, resourceDescription } from "./documentation";
import { type Hosting, languages } from "./languages";
import { objectOf, propertiesOf, shownOf, tokenOf, typesIn } from "./properties";
import type { FunctionSpec, PackageSpec, ResourceSpec } from "./spec";
import { providerText } from "./texts";

/** The parts of package.json that the schema repeats. */
export interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly author?: string;
  readonly homepage?: string;
  readonly repository?: string | { readonly url: string };
}

/** Keywords of the Registry, and what people look for. */
const keywords = [
  ...["pulumi", "lxd", "incus", "trust-token", "remote"],
  ...["category/infrastructure", "kind/native"],
];

export function packageSchema(manifest: Manifest): PackageSpec {
  const { version, description, license, homepage, author: publisher } = manifest;
  const repository = repositoryOf(manifest);
  const hosting = { repository };
  const resources = entriesOf(handlers).map(
    ([name, handler]) => [tokenOf(name), resourceSpec(name, handler, hosting)] as const,
  );
  const asked = entriesOf(functions).map(
    ([name, { args, result }]) =>
      [
        tokenOf(name),
        {
          description: functionDescription(name, hosting),
          inputs: objectOf(args),
          outputs: objectOf(result),
        },
      ] as const satisfies readonly [string, FunctionSpec],
  );
  return {
    name: "lxd-access",
    displayName: "LXD Access",
    version,
    description,
    keywords,
    license,
    ...(homepage !== undefined && { homepage }),
    ...(publisher !== undefined && { publisher }),
    ...(repository !== undefined && { repository, pluginDownloadURL: downloadAddress(repository) }),
    language: languages(hosting, description),
    config: { variables: configVariables() },
    provider: { description: providerText, inputProperties: providerInputs() },
    types: {
      ...configTypes(),
      ...typesIn([
        configuration,
        ...Object.values(handlers).flatMap(({ args, state }) => [args, shownOf(state)]),
        ...Object.values(functions).flatMap(({ args, result }) => [args, result]),
      ]),
    },
    resources: Object.fromEntries(resources),
    functions: Object.fromEntries(asked),
  };
}

function resourceSpec(
  name: keyof typeof handlers,
  { args, state, nameInput }: AnyHandler,
  hosting: Hosting,
): ResourceSpec {
  const inputs = propertiesOf(args);
  const requiredInputs = inputs.required.filter((input) => input !== nameInput);
  const outputs = propertiesOf(shownOf(state));
  return {
    description: resourceDescription(name, hosting),
    inputProperties: inputs.properties,
    ...(requiredInputs.length > 0 && { requiredInputs }),
    properties: outputs.properties,
    required: outputs.required,
  };
}

function repositoryOf({ repository }: Manifest): string | undefined {
  const url = typeof repository === "object" ? repository.url : repository;
  return url?.replace(/^git\+/, "").replace(/\.git$/, "");
}

/** Where Pulumi looks for a release's archives of the plugin. */
function downloadAddress(repository: string): string {
  return repository.replace(/^https:\/\/github\.com\//, "github://api.github.com/");
}

function entriesOf<Table extends object>(table: Table): [keyof Table & string, Table[keyof Table]][] {
  return Object.entries(table) as [keyof Table & string, Table[keyof Table]][];
}
