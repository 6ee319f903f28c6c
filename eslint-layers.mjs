/**
 * Dependencies point one way: fronts -> registry -> resources -> (lxd, pki, client-config). The table says what each
 * part of the code may use, and the rule holds every form of import to it: types, re-exports and `import()` too.
 */
import { dirname, relative, resolve, sep } from "node:path";

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {readonly string[]} files modules without their ending, or folders, which end in "/"
 * @property {readonly string[]} uses names of other parts
 * @property {readonly string[]} packages
 */

/** @type {readonly Part[]} */
const parts = [
  {
    name: "ground",
    files: [
      "provider/errors",
      "provider/json",
      "provider/unknown",
      "provider/waiting",
      "provider/call",
      "provider/package",
      "provider/recent",
    ],
    uses: [],
    packages: ["zod"],
  },
  { name: "pki", files: ["provider/pki/"], uses: ["ground"], packages: ["node-forge"] },
  { name: "lxd", files: ["provider/lxd/"], uses: ["ground"], packages: ["ssh2", "undici", "zod"] },
  {
    name: "client-config",
    files: ["provider/client-config/"],
    uses: ["ground", "pki"],
    packages: ["proper-lockfile", "yaml"],
  },
  {
    name: "terms",
    files: [
      ...["provider/handler", "provider/connection", "provider/connection-rules"],
      ...["provider/misplaced-secret", "provider/properties", "provider/schema"],
    ],
    uses: ["ground", "lxd", "pki"],
    packages: ["zod"],
  },
  {
    name: "resources",
    files: ["provider/resources/", "provider/functions/"],
    uses: ["ground", "terms", "lxd", "pki", "client-config"],
    packages: ["zod"],
  },
  {
    name: "ways in",
    files: ["provider/ways-in", "provider/ways-in/"],
    uses: ["ground", "terms", "lxd", "pki", "client-config"],
    packages: ["zod"],
  },
  {
    name: "registry",
    files: ["provider/registry"],
    uses: ["ground", "terms", "ways in", "resources", "lxd"],
    packages: [],
  },
  // What the fronts have in common.
  {
    name: "front",
    files: ["provider/resource-front", "provider/function-front", "provider/secrets"],
    uses: ["ground", "terms", "registry"],
    packages: [],
  },
  {
    name: "dynamic front",
    files: ["provider/dynamic", "provider/dynamic-provider"],
    uses: ["ground", "terms", "registry", "lxd", "front"],
    packages: ["@pulumi/pulumi"],
  },
  {
    name: "function front",
    files: ["provider/invoke"],
    uses: ["ground", "terms", "registry", "lxd", "front"],
    packages: [],
  },
  {
    name: "plugin",
    files: ["provider/plugin/"],
    uses: ["ground", "terms", "registry", "lxd", "front"],
    packages: ["@grpc/grpc-js", "@pulumi/pulumi", "google-protobuf", "zod"],
  },
  {
    name: "package schema",
    files: ["provider/schema/"],
    uses: ["ground", "terms", "registry"],
    packages: ["yaml", "zod"],
  },
  {
    name: "command",
    files: ["cli/"],
    uses: [
      ...["ground", "terms", "registry", "resources", "lxd", "pki", "client-config", "front"],
      "dynamic type",
    ],
    packages: ["commander", "yaml", "zod"],
  },
  { name: "dynamic type", files: ["sdk/dynamic-type"], uses: [], packages: [] },
  // Rules for programs, which look at inputs and outputs as the engine shows them.
  { name: "policy", files: ["sdk/policy/"], uses: ["dynamic type"], packages: ["@pulumi/policy"] },
  {
    name: "policy pack",
    files: ["policy-pack/"],
    uses: [],
    packages: ["@pulumi/policy", "pulumi-lxd-access"],
  },
  // What a program loads: none of the provider's code, nor what that needs.
  {
    name: "sdk's functions",
    files: ["sdk/invoke"],
    uses: ["sdk", "function front"],
    packages: ["@pulumi/pulumi"],
  },
  { name: "sdk", files: ["sdk/"], uses: ["sdk's functions", "dynamic type"], packages: ["@pulumi/pulumi"] },
  { name: "examples", files: ["examples/"], uses: [], packages: ["@pulumi/pulumi", "pulumi-lxd-access"] },
];

/**
 * ESLint's rule for the files of these parts. A file that no part names is a mistake, too.
 * @type {import("eslint").Rule.RuleModule}
 */
export const imports = {
  create(context) {
    const own = partOf(context.filename);
    /** @param {unknown} from the node that holds what is imported */
    const check = (from) => {
      const node = /** @type {import("eslint").Rule.Node | null | undefined} */ (from);
      if (own === undefined || node === null || node === undefined) return;
      const wanted = node.type === "Literal" ? String(node.value) : undefined;
      const complaint = complaintAbout(own, context.filename, wanted);
      if (complaint !== undefined) context.report({ node, message: complaint });
    };
    return {
      Program(node) {
        if (own === undefined) context.report({ node, message: "Name this file in eslint-layers.mjs." });
      },
      ImportDeclaration: ({ source }) => check(source),
      ExportNamedDeclaration: ({ source }) => check(source),
      ExportAllDeclaration: ({ source }) => check(source),
      ImportExpression: ({ source }) => check(source),
      "CallExpression[callee.name='require']": (/** @type {{ arguments: unknown[] }} */ call) =>
        check(call.arguments[0]),
      TSImportType: (/** @type {{ source: unknown }} */ { source }) => check(source),
      TSExternalModuleReference: (/** @type {{ expression: unknown }} */ { expression }) => check(expression),
    };
  },
};

/**
 * @param {Part} own
 * @param {string} file that imports
 * @param {string | undefined} wanted as it is written; undefined where it is computed
 */
function complaintAbout(own, file, wanted) {
  if (wanted === undefined) return "Write out what is imported, so that it can be checked.";
  // It makes a `require` that nobody could check.
  if (wanted.startsWith("node:") && wanted !== "node:module") return undefined;
  if (!wanted.startsWith(".")) {
    const isAllowed = own.packages.some((name) => wanted === name || wanted.startsWith(`${name}/`));
    return isAllowed ? undefined : `The part "${own.name}" may not use the package "${wanted}".`;
  }
  const other = partOf(resolve(dirname(file), wanted));
  if (other === own || (other !== undefined && own.uses.includes(other.name))) return undefined;
  return `The part "${own.name}" may not use ${other === undefined ? wanted : `the part "${other.name}"`}.`;
}

/** @param {string} path of a file, with or without its ending */
function partOf(path) {
  const module = relative(import.meta.dirname, path)
    .replaceAll(sep, "/")
    .replace(/(\.d)?\.ts$/, "");
  return parts.find(({ files }) =>
    files.some((file) => (file.endsWith("/") ? module.startsWith(file) : module === file)),
  );
}
