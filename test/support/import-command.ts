/** `lxd-access import` as people run it, and what it wrote, read by others than its own code. */
import * as assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import * as ts from "typescript";
import { parse } from "yaml";
import { run } from "../../cli/lxd-access";

type Properties = Record<string, unknown>;

/** What a run came to. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `lxd-access import` in a folder. `environment` is all that it sees of one. */
export async function runImport(
  directory: string,
  environment: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<CommandRun> {
  let out = "";
  let err = "";
  const code = await run(["import", ...args], {
    ...{ environment, directory, now: () => new Date() },
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    isTerminal: { out: false, err: false },
  });
  return { code, out, err };
}

/** An entry of the import file, secrets in plain form. */
export interface Entry {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly inputs?: Properties;
  readonly outputs?: Properties;
}

/** The import file in a folder, which nobody else may read. */
export function entriesIn(folder: string): Entry[] {
  const file = join(folder, "import.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { resources } = JSON.parse(readFileSync(file, "utf8"), (_key, value: unknown) =>
    isSecret(value) ? (JSON.parse(value.plaintext) as unknown) : value,
  ) as { resources: Entry[] };
  return resources;
}

/** What nobody may see of the secrets in the import file of a folder: tokens, and the lines of keys. Certificates have lines in common. */
export function secretsIn(folder: string): string[] {
  const secrets: string[] = [];
  JSON.parse(readFileSync(join(folder, "import.json"), "utf8"), (_key, value: unknown) => {
    if (isSecret(value)) secrets.push(String(JSON.parse(value.plaintext)));
    return value;
  });
  return secrets
    .filter((secret) => !secret.startsWith("-----BEGIN CERTIFICATE"))
    .flatMap((secret) => secret.split("\n").filter((line) => line.length > 40));
}

function isSecret(value: unknown): value is { plaintext: string } {
  return typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
}

/** A resource as a program says it. */
export interface Said {
  readonly resource: string;
  readonly name: string;
  readonly inputs: Properties;
  readonly options: unknown;
}

/** The resources that a program in TypeScript makes, when it is run. It can reach nothing but their classes. */
export function saidInTypescript(text: string): Said[] {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    reportDiagnostics: true,
  });
  assert.deepEqual(
    diagnostics.map(({ messageText }) => messageText),
    [],
  );
  const said: Said[] = [];
  const classOf = (resource: string) =>
    function (name: string, inputs: Properties, options: unknown) {
      said.push({ resource, name, inputs, options });
    };
  const classes = Object.fromEntries(
    ["HttpsAddress", "Remote", "TrustToken"].map((name) => [name, classOf(name)]),
  );
  const require = (module: string): unknown => {
    assert.equal(module, "pulumi-lxd-access");
    return classes;
  };
  runInNewContext(outputText, { require, exports: {} });
  // What was made in there has other prototypes.
  return JSON.parse(JSON.stringify(said)) as Said[];
}

/** The resources that a program in YAML has. */
export function saidInYaml(text: string): Said[] {
  const { resources } = parse(text) as {
    resources: Record<string, { type: string; properties: Properties; options: unknown }>;
  };
  return Object.entries(resources).map(([name, { type, properties, options }]) => {
    assert.match(type, /^lxd-access:/);
    return { resource: type.replace("lxd-access:", ""), name, inputs: interpolated(properties), options };
  });
}

/** As Pulumi reads the texts of a program: `$$` is a dollar, and nothing here refers to another resource. */
function interpolated(properties: Properties): Properties {
  return JSON.parse(JSON.stringify(properties), (_key, value: unknown) => {
    if (typeof value !== "string") return value;
    assert.doesNotMatch(value.replaceAll("$$", ""), /\$/);
    return value.replaceAll("$$", () => "$");
  }) as Properties;
}
