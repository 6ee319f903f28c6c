import tseslint from "typescript-eslint";
import { imports } from "./eslint-layers.mjs";

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "provider/cmd/", "test/fixtures/", "**/node_modules/"] },
  tseslint.configs.strictTypeChecked,
  {
    // No file is let off a rule by a comment.
    linterOptions: { noInlineConfig: true },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // `const { one: _, ...rest } = all` leaves one out.
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    // Loaded when the first function is called, and not by every program.
    files: ["sdk/invoke.ts"],
    rules: { "@typescript-eslint/no-require-imports": ["error", { allow: ["/provider/invoke$"] }] },
  },
  {
    files: ["provider/**/*.ts", "sdk/**/*.ts", "cli/**/*.ts", "policy-pack/**/*.js", "examples/**/*.ts"],
    plugins: { layers: { rules: { imports } } },
    rules: { "layers/imports": "error" },
  },
  {
    // Pulumi runs a pack as it is, and by require().
    files: ["policy-pack/**/*.js"],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  { files: ["**/*.mjs", "bench/**/*.cjs"], ...tseslint.configs.disableTypeChecked },
  {
    // Run by Pulumi, which requires them.
    files: ["bench/**/*.cjs"],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
