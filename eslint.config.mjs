import tseslint from "typescript-eslint";

/** Dependencies point one way: fronts -> registry -> resources -> (lxd, pki, client-config). */
function mayNotImport(files, patterns) {
  return {
    files,
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: patterns.map(([group, message]) => ({ group, message, allowTypeImports: false })) },
      ],
    },
  };
}

const pulumi = [["@pulumi/*"], "Only the fronts (dynamic.ts, sdk/) know Pulumi."];
const fronts = [["**/dynamic", "**/registry", "**/sdk/*"], "Dependencies point from the fronts inwards."];
const resources = [["**/resources/*", "**/handler"], "This layer does not know the resources."];

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "test/fixtures/", "**/node_modules/"] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  mayNotImport(["provider/resources/**"], [pulumi, fronts]),
  mayNotImport(["provider/lxd/**"], [pulumi, fronts, resources, [["**/client-config/*"], "lxd/ stands alone."]]),
  mayNotImport(["provider/pki/**"], [
    pulumi,
    fronts,
    resources,
    [["**/lxd/*", "**/client-config/*"], "pki/ stands alone."],
  ]),
  mayNotImport(["provider/client-config/**"], [
    pulumi,
    fronts,
    resources,
    [["**/lxd/*"], "client-config/ does not know the server."],
  ]),
  mayNotImport(["sdk/**"], [
    [["zod", "**/provider/*", "**/provider/**"], "The SDK is what a program loads: no zod, no provider code."],
  ]),
  {
    // mocha's `it` returns nothing to await, and chained assertions read as statements.
    files: ["test/**"],
    rules: { "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [] }] },
  },
  { files: ["**/*.mjs"], ...tseslint.configs.disableTypeChecked },
);
