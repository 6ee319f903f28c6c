/** What generated SDKs are called in the registries of their languages. */

/** Where the package is published from, as far as its manifest says so. */
export interface Hosting {
  /** Address of the repository, without `git+` and `.git`. */
  readonly repository?: string;
}

/** Names by which programs import the SDK. */
export const importNames = {
  // The package `pulumi-lxd-access` of npm is this one: the classes written by hand, over dynamic resources, and the plugin.
  nodejs: "pulumi-lxd-access-sdk",
  python: "pulumi_lxd_access",
  csharp: "PulumiLxd.Access",
  java: "pulumilxd.lxdaccess",
} as const;

/** Path by which Go programs import the SDK: below the repository, which Go finds it by. */
export function goImportPath({ repository }: Hosting): string {
  return `${repository?.replace(/^https:\/\//, "") ?? "pulumi-lxd-access"}/sdk/go/lxdaccess`;
}

/** The `language` of the package schema. */
export function languages(hosting: Hosting, description: string): Readonly<Record<string, object>> {
  return {
    nodejs: {
      packageName: importNames.nodejs,
      packageDescription: description,
      respectSchemaVersion: true,
    },
    python: {
      packageName: importNames.python,
      respectSchemaVersion: true,
      pyproject: { enabled: true },
    },
    go: {
      importBasePath: goImportPath(hosting),
      generateResourceContainerTypes: true,
      respectSchemaVersion: true,
    },
    // NuGet's name is made of the two: PulumiLxd.Access.
    csharp: {
      rootNamespace: "PulumiLxd",
      namespaces: { "lxd-access": "Access" },
      packageReferences: { Pulumi: "3.*" },
      respectSchemaVersion: true,
    },
    // Maven's coordinates are pulumilxd:lxd-access.
    // Without the repository's address the generator refuses to write files for Gradle.
    java: {
      basePackage: "pulumilxd",
      ...(hosting.repository !== undefined && { buildFiles: "gradle" }),
    },
  };
}
