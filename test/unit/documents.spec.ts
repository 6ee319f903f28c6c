/** What the documents say holds: their examples compile, the commands and files they name exist. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import * as ts from "typescript";
import { profileNames } from "../support/double/double";
import { waysFor } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { profileFor } from "../support/servers";

const root = resolve(__dirname, "../..");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "docs/design.md",
  "docs/drift.md",
  "docs/import.md",
  "docs/policy.md",
  "docs/reliability.md",
];
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

/** The title of every test by its file, whether this machine has what it needs or not. Nothing is run. */
function titlesByFile(): Map<string, string[]> {
  const mocha = join(root, "node_modules/mocha/bin/mocha.js");
  const args = [...process.execArgv, mocha, "--dry-run", "--reporter", "json", "test/**/*.spec.ts"];
  const env = { ...process.env, LXD_ACCESS_TEST_THOROUGH: "1" };
  const options = { cwd: root, env, encoding: "utf8", maxBuffer: Infinity } as const;
  const list = execFileSync(process.execPath, args, options);
  const { tests } = JSON.parse(list.slice(list.indexOf("{"))) as {
    tests: { fullTitle: string; file: string }[];
  };
  const titles = new Map<string, string[]>();
  for (const { fullTitle, file } of tests) {
    const name = relative(root, file);
    titles.set(name, [...(titles.get(name) ?? []), fullTitle.replace(/ \(skipped: [^)]*\)/, "")]);
  }
  return titles;
}

/** The last cell of each row of the tables in a text, without their heads. */
function lastCells(text: string): string[] {
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  const isHead = (row: string, index: number): boolean =>
    row.startsWith("| -") || rows[index + 1]?.startsWith("| -") === true;
  return rows
    .filter((row, index) => !isHead(row, index))
    .map((row) => /(?<=[^\\]\| )(?:[^|\\]|\\.)*(?= \|$)/.exec(row)?.[0].trim() ?? row);
}

describe("the documents", () => {
  let titles: Map<string, string[]>;
  before(function () {
    this.timeout(120_000);
    titles = titlesByFile();
  });

  it("have examples that compile against the package", function () {
    this.timeout(60_000);
    const pages = ["README.md", "docs/performance.md", "docs/policy.md"].map(textOf).join("\n");
    const blocks = [...pages.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] ?? "");
    assert.ok(blocks.length >= 5);
    const files = new Map(blocks.map((text, index) => [join(root, `readme-${index}.ts`), text]));
    const options: ts.CompilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.Node16,
      moduleResolution: ts.ModuleResolutionKind.Node16,
      types: ["node"],
      paths: {
        "pulumi-lxd-access": [join(root, "sdk/index.ts")],
        "pulumi-lxd-access/policy": [join(root, "sdk/policy/index.ts")],
      },
    };
    const host = ts.createCompilerHost(options);
    const plain = ts.createCompilerHost(options);
    host.readFile = (name) => files.get(name) ?? plain.readFile(name);
    host.fileExists = (name) => files.has(name) || plain.fileExists(name);
    host.getSourceFile = (name, version, ...rest) => {
      const text = files.get(name);
      return text === undefined
        ? plain.getSourceFile(name, version, ...rest)
        : ts.createSourceFile(name, text, version);
    };
    const compiled = ts.createProgram([...files.keys()], options, host);
    const problems = ts
      .getPreEmitDiagnostics(compiled)
      .map(
        ({ file, messageText }) =>
          `${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
      );
    assert.deepEqual(problems, []);
  });

  it("name npm scripts that exist", () => {
    const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
    for (const document of documents) {
      const named = [...textOf(document).matchAll(/`npm (?:run )?(test|(?<=run )[a-z:-]+)/g)].map(
        (match) => match[1] ?? "",
      );
      for (const name of named) assert.ok(scripts[name] !== undefined, `${document} names npm run ${name}`);
    }
  });

  it("show the lifecycle table as it is: `npm run support-table` writes it", () => {
    const table =
      /<!-- support-table -->\n\n(.*?)\n\n<!-- \/support-table -->/s.exec(textOf("README.md"))?.[1] ?? "";
    const rows = table.split("\n").map((row) => row.split("|").map((cell) => cell.trim()));
    const shown = rows.slice(2).map(([, server = "", way = "", ...counts]) => {
      const profile = /^(LXD|Incus) (\d+\.\d+|\d+)/.exec(server)?.[0].toLowerCase().replace(" ", "-") ?? "";
      const kind = server.endsWith("(double)")
        ? profile
        : server.endsWith("cluster of two")
          ? "lxd-cluster"
          : `${profile.split("-")[0] ?? ""}-daemon`;
      return [kind, way, ...counts.filter((count) => count !== "")];
    });
    const kinds = ["lxd-daemon", "lxd-cluster", "incus-daemon", ...profileNames] as const;
    const ran = kinds.flatMap((kind) =>
      (["unix", "https", "ssh"] as const).map((way) => {
        const counts = ["HttpsAddress", "TrustToken", "Remote"].map(
          (resource) =>
            lifecycleCases.filter((one) => one.resource === resource && waysFor(one, kind).includes(way))
              .length,
        );
        return [kind, way, ...counts.filter((count) => count > 0).map((count) => `${count} of ${count}`)];
      }),
    );
    // The table is made with the LXD that distributions package; another one that is installed here has other cases.
    const isOther = profileFor("lxd-daemon") !== "lxd-5.0";
    const comparable = (rows: string[][]): string[][] =>
      rows.filter(([kind = ""]) => !isOther || !["lxd-daemon", "lxd-cluster"].includes(kind));
    assert.deepEqual(comparable(shown), comparable(ran.filter((row) => row.length > 2)));
  });

  it("tell of each file of the fault suite, and of no test that is not there: `npm run test:faults` writes it", () => {
    const [faults = "", inputs = ""] = textOf("docs/reliability.md")
      .replace(/<!-- soak -->.*/s, "")
      .split("<!-- inputs -->");
    const told = faults.split("\n### ").flatMap((section) => {
      const [suite = ""] = section.split("\n");
      return lastCells(section).map((test) => `${suite}: ${test}`);
    });
    // One row tells of what came out the same on both servers.
    const plain = (title: string): string =>
      title
        .replaceAll("\\|", "|")
        .replaceAll(":", "")
        .replaceAll(/(lxd|incus)-daemon/g, "*-daemon");
    const written = new Set([...told, ...lastCells(inputs)].map(plain));
    const suite = [...titles].filter(([file]) => file.startsWith("test/faults/"));
    const there = new Set(suite.flatMap(([, all]) => all.map(plain)));
    assert.deepEqual(
      {
        notThere: [...written].filter((title) => !there.has(title)),
        untold: suite.filter(([, all]) => !all.some((title) => written.has(plain(title)))),
      },
      { notThere: [], untold: [] },
    );
  });

  it("name tests that are there for each promise of SECURITY.md", () => {
    const promises = /## What is promised\n(.*?)\n## /s.exec(textOf("SECURITY.md"))?.[1] ?? "";
    const rows = promises.split("\n").filter((line) => line.startsWith("| **"));
    assert.ok(rows.length > 15);
    for (const row of rows) {
      const tests = [...row.matchAll(/\]\((test\/[^)]+)\)(?: "([^"]+)")?/g)];
      assert.ok(tests.length > 0, row);
      for (const [, file = "", title = ""] of tests)
        assert.ok(
          titles.get(file)?.some((one) => one.includes(title)),
          `${file} has no test ${title}`,
        );
    }
  });

  it("link to files that exist", () => {
    for (const document of documents) {
      const links = [...textOf(document).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(
        (match) => match[1] ?? "",
      );
      for (const link of links)
        assert.ok(existsSync(join(root, dirname(document), link)), `${document} links to ${link}`);
    }
  });
});
