/**
 * `npm run check:declarations`: programs without a TypeScript of their own are compiled by the one inside Pulumi, 3.8. So
 * it has to understand the types of this package, and zod's, which it does not understand, must not be among them.
 */
import { createRequire } from "node:module";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main } from "./ending.mjs";
import { root } from "./run.mjs";
import { compile } from "./setup.mjs";
import { detail, say } from "./steps.mjs";

/** @type {typeof import("typescript")} */
const ts = createRequire(import.meta.url)("@pulumi/pulumi/vendor/typescript@3.8.3/typescript.js");

const declarations = join(root, "dist", "sdk");
/** Not on disk: the example in docs/policy.md. */
const packProgram = join(root, "examples", "pack.ts");
const [, packText = ""] =
  /```ts\n(.*?)```/s.exec(readFileSync(join(root, "docs", "policy.md"), "utf8")) ?? [];
/** Not on disk. It shows that mistakes are seen at all, which they would not be if everything were `any`. */
const wrongProgram = join(root, "examples", "wrong.ts");
const wrongText = `import { HttpsAddress, TrustToken } from "pulumi-lxd-access";
import { noWildcardListener } from "pulumi-lxd-access/policy";
const server = new HttpsAddress("server", { adress: ":8443" });
const token: number = new TrustToken("token", { clientName: "ci" }).token;
const rule: number = noWildcardListener.name;
`;

main(async () => {
  await compile();
  // The other ones are in languages that the plugin serves.
  const onDisk = readdirSync(join(root, "examples"))
    .map((name) => join(root, "examples", name, "index.ts"))
    .filter((file) => existsSync(file));
  const examples = [...onDisk, packProgram];
  const program = compilerFor([...examples, wrongProgram]);
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(join(root, "dist")));
  const own = [...ours, ...examples.flatMap((name) => program.getSourceFile(name) ?? [])];
  const complaints = [
    ...own.flatMap((file) => mistakesIn(program, file)),
    ...ours
      .filter(({ fileName, text }) => !fileName.startsWith(declarations) || /\bzod\b/.test(text))
      .map(({ fileName }) => `${fileName}: programs must not load this: it is no part of sdk/, or names zod`),
    ...(packText === "" ? ["docs/policy.md shows no pack"] : []),
    ...(own.length < examples.length + 2 ? ["the examples do not load the types of this package"] : []),
    ...(mistakesIn(program, program.getSourceFile(wrongProgram)).length === 3
      ? []
      : ["a program with three mistakes does not show three"]),
  ];
  for (const complaint of complaints) detail(complaint);
  say(`TypeScript ${ts.version}: ${ours.length} declarations, ${examples.length} programs`);
  return complaints.length === 0 ? 0 : 1;
});

/** @param {readonly string[]} files */
function compilerFor(files) {
  /** @type {import("typescript").CompilerOptions} */
  const options = {
    noEmit: true,
    strict: true,
    target: ts.ScriptTarget.ES2018,
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.NodeJs,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  const texts = new Map([
    [wrongProgram, wrongText],
    [packProgram, packText],
  ]);
  host.getSourceFile = (name, ...rest) => {
    const text = texts.get(name);
    return text === undefined ? getSourceFile(name, ...rest) : ts.createSourceFile(name, text, rest[0]);
  };
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  return ts.createProgram([...files], options, host);
}

/**
 * What the compiler says about one file. About other packages' files it may say what it likes.
 * @param {import("typescript").Program} program
 * @param {import("typescript").SourceFile | undefined} file
 */
function mistakesIn(program, file) {
  if (file === undefined) return ["a program was not compiled"];
  return ts.getPreEmitDiagnostics(program, file).map(({ messageText, start = 0 }) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    return `${file.fileName}:${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}
