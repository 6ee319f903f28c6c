/** What docs/policy.md says of the rules is what they are. Its pack of one's own is run by test/engine/policy.spec.ts. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { noWildcardListener, policies } from "../../sdk/policy";
import { judge } from "../support/policy-rule";

const root = resolve(__dirname, "../..");
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");
const page = textOf("docs/policy.md");

/** The cells of a table's rows, that begins with these columns. */
function rowsOf(...columns: string[]): string[][] {
  const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const start = rows.findIndex((cells) => columns.every((column, index) => cells[index + 1] === column));
  const end = rows.findIndex((cells, index) => index > start && cells.length < 2);
  return rows.slice(start + 2, end).map((cells) => cells.slice(1, -1));
}

/** What a rule can be configured with, besides what all can. */
function keysOf({ configSchema }: (typeof policies)[number]): string[] {
  return Object.keys(configSchema?.properties ?? {}).filter((key) => key !== "except");
}

describe("the page about the policy", () => {
  it("has a row for each rule, with its level, severity and configuration", () => {
    const shown = rowsOf("rule", "level", "severity").map(
      ([rule, level, severity, about, configuration = ""]) => {
        assert.match(about ?? "", /\w{3}/);
        return [rule, level, severity, ...configuration.split(" ").filter((key) => key !== "")];
      },
    );
    const there = policies.map((rule) => [
      ...[`\`${rule.name}\``, rule.enforcementLevel, rule.severity],
      ...keysOf(rule).map((key) => `\`${key}\``),
    ]);
    assert.deepEqual(shown, there);
  });

  it("says what each key means, whose it is, and which default it has", () => {
    const [except, ...shown] = rowsOf("key", "of");
    assert.deepEqual(except?.slice(0, 2), ["`except`", "every rule"]);
    assert.deepEqual(
      shown.map(([key, of]) => [key, of]),
      policies.flatMap((rule) => keysOf(rule).map((key) => [`\`${key}\``, `\`${rule.name}\``])),
    );
    for (const [key = "", , , said = ""] of shown) {
      const schemas = policies.map(({ configSchema }) => configSchema?.properties[key.replaceAll("`", "")]);
      const value = schemas.find((schema) => schema !== undefined)?.default;
      if (typeof value === "number" || typeof value === "boolean") assert.equal(said, `\`${String(value)}\``);
      if (key === "`stages`")
        for (const stage of Object.keys(value ?? {})) assert.ok(said.includes(`\`${stage}\``));
    }
  });

  it("shows a violation as it is", async () => {
    const [message = ""] = (await judge(noWildcardListener, "HttpsAddress", { address: ":8443" })) ?? [];
    const { name, description, severity, enforcementLevel } = noWildcardListener;
    for (const line of [
      `[${String(enforcementLevel)}] [severity: ${String(severity)}]  ${name}  (`,
      description,
      message,
    ])
      assert.ok(page.includes(line), line);
  });

  it("shows the example that is beside the pack, whose rules and keys there are", () => {
    const example = /```json\n(.*?)```/s.exec(page)?.[1] ?? "";
    assert.equal(example, textOf("policy-pack/example-config.json"));
    for (const [name, config] of Object.entries(JSON.parse(example) as Record<string, object | string>)) {
      const rule = policies.find((one) => one.name === name);
      assert.ok(rule !== undefined, name);
      const known = ["enforcementLevel", "except", ...keysOf(rule)];
      if (typeof config === "object")
        for (const key of Object.keys(config)) assert.ok(known.includes(key), key);
    }
  });
});

describe("the policy pack", () => {
  it("has the version of the package", () => {
    const versionOf = (file: string): unknown => (JSON.parse(textOf(file)) as { version?: unknown }).version;
    assert.equal(versionOf("policy-pack/package.json"), versionOf("package.json"));
    assert.ok(page.includes(`lxd-access@v${String(versionOf("package.json"))} `));
  });
});
