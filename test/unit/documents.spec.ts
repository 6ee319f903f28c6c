/** What the documents say holds: their examples compile, the commands and files they name exist. */
import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as ts from "typescript";
import { profileNames } from "../support/double/double";
import { waysFor } from "../support/lifecycle";
import { lifecycleCases } from "../support/lifecycle-cases";
import { profileFor } from "../support/servers";

const root = resolve(__dirname, "../..");
const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/design.md"];
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

describe("the documents", () => {
  it("have examples that compile against the package", function () {
    this.timeout(60_000);
    const blocks = [...textOf("README.md").matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] ?? "");
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
      paths: { "pulumi-lxd-access": [join(root, "sdk/index.ts")] },
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
