/** The pages for the Pulumi Registry say what schema.json and package.json say. */
import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connectionVariables, timeoutVariables } from "../../provider/connection";

const root = resolve(__dirname, "../..");
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

interface Property {
  readonly description: string;
  readonly secret?: boolean;
  readonly $ref?: string;
  readonly defaultInfo?: { readonly environment: readonly [string] };
}
type Properties = Readonly<Record<string, Property>>;

const schema = JSON.parse(textOf("schema.json")) as {
  displayName: string;
  version: string;
  pluginDownloadURL?: string;
  language: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  config: { variables: Properties };
  types: Readonly<Record<string, { properties: Properties }>>;
  resources: Readonly<Record<string, { description: string }>>;
};
const overview = textOf("docs/_index.md");
const installation = textOf("docs/installation-configuration.md");

/** The property at a path such as `ssh.proxyJump.host`, through the types of objects. */
function propertyAt(path: string): Property {
  return path.split(".").reduce<{ found?: Property; in: Properties }>(
    (place, name) => {
      const found = place.in[name];
      assert.ok(found, path);
      const type = found.$ref?.replace("#/types/", "");
      return { found, in: (type === undefined ? undefined : schema.types[type]?.properties) ?? {} };
    },
    { in: schema.config.variables },
  ).found as Property;
}

const codeBlocks = (text: string): string[][] =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language = "", code = ""]) => [language, code]);

describe("the pages for the Pulumi Registry", () => {
  it("have the Registry's front matter", () => {
    for (const [text, title] of [
      [overview, schema.displayName],
      [installation, `${schema.displayName} Installation & Configuration`],
    ] as const)
      assert.match(text, new RegExp(`^---\ntitle: ${title}\nmeta_desc: .+\nlayout: package\n---\n`));
    assert.match(overview, /\]\(\.\/installation-configuration\/\)/);
  });

  it("show the schema's example, in each language", () => {
    const described = schema.resources["lxd-access:index:Remote"]?.description ?? "";
    const expected = codeBlocks(described.slice(0, described.indexOf("{{% /example %}}")));
    const languages = expected.map(([language]) => language);
    assert.deepEqual([...languages].sort(), ["csharp", "go", "java", "python", "typescript", "yaml"]);
    assert.deepEqual(codeBlocks(overview), expected);
    assert.ok(overview.includes(`{{< chooser language "${languages.join(",")}" >}}`));
    const choices = [...overview.matchAll(/{{% choosable language (\w+) %}}\n\n```(\w+)\n/g)];
    assert.deepEqual(
      choices.map(([, choice, language]) => [choice, language]),
      languages.map((language) => [language, language]),
    );
  });

  it("name every resource", () => {
    for (const token of Object.keys(schema.resources))
      assert.ok(overview.includes(`\`${String(token.split(":").at(-1))}\``), token);
  });

  it("have every setting, with its variable, and whether it is a secret", () => {
    const variables: Readonly<Record<string, string>> = { ...connectionVariables, ...timeoutVariables };
    const parts = Object.keys(variables).filter((path) => path.includes("."));
    const expected = [...Object.keys(schema.config.variables), ...parts].map((path) => {
      const { secret, defaultInfo } = propertyAt(path);
      const variable = path.includes(".") ? variables[path] : defaultInfo?.environment[0];
      return [
        `\`lxd-access:${path}\``,
        variable === undefined ? "one for each part, below" : `\`${variable}\``,
        secret === true ? "yes" : "no",
      ];
    });
    const rows = [...installation.matchAll(/^\| (`lxd-access:.*) \|$/gm)].map(([, row = ""]) =>
      row.split(/(?<!\\)\|/).map((cell) => cell.trim()),
    );
    assert.deepEqual(
      rows.map((row) => row.slice(0, 3)),
      expected,
    );
    for (const [name = "", , , meaning = ""] of rows) {
      const path = name.slice("`lxd-access:".length, -1);
      if (path.includes("proxyJump.")) continue;
      assert.equal(meaning, propertyAt(path).description.replace(/ Environment: .*/, ""), path);
    }
  });

  it("name the version, what it needs, and what the SDKs are called", () => {
    const { engines } = JSON.parse(textOf("package.json")) as { engines: { node: string } };
    assert.ok(installation.includes(`Node.js ${engines.node.replace(">=", "")} or newer`));
    assert.deepEqual([...new Set(installation.match(/(?<=lxd-access |-v)\d+\.\d+\.\d+/g))], [schema.version]);
    const { nodejs, python, go, csharp, java } = schema.language;
    const names = [
      nodejs?.["packageName"],
      python?.["packageName"],
      go?.["importBasePath"],
      `${String(csharp?.["rootNamespace"])}.Access`,
      `${String(java?.["basePackage"])}.lxdaccess`,
    ];
    const rows = [...installation.matchAll(/^\| (?:TypeScript|Python|Go|\.NET|Java) +\| `(.*)` +\|$/gm)];
    assert.deepEqual(
      rows.map(([, name]) => name),
      names,
    );
    if (schema.pluginDownloadURL !== undefined) assert.ok(installation.includes(schema.pluginDownloadURL));
    assert.ok(existsSync(join(root, /CHECKOUT\/(\S+)`/.exec(installation)?.[1] ?? "?")));
  });
});
