import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programFolder } from "../../cli/program-folder";

describe("the folder in which relative paths of a program start", () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "lxa-program-")));
    mkdirSync(join(folder, "src", "deep"), { recursive: true });
    writeFileSync(join(folder, "src", "app.ts"), "");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const cases: [what: string, file: string, project: string, wanted: string][] = [
    ["that of the project", "Pulumi.yaml", "name: a\nruntime: nodejs\n", "."],
    ["the one that main names", "Pulumi.yaml", "main: src/\n", "src"],
    ["the one of the file that main names", "Pulumi.yml", "main: src/app.ts\n", "src"],
    ["that of the project, where main is not there", "Pulumi.yaml", "main: nowhere\n", "."],
    ["that of the project, where its file is damaged", "Pulumi.yaml", "name: [a\n", "."],
    ["that of the project, where its file is empty", "Pulumi.yaml", "", "."],
    ["the one that main names, in JSON", "Pulumi.json", '{ "main": "src" }', "src"],
  ];
  for (const [what, file, project, wanted] of cases)
    it(`is ${what}`, async () => {
      writeFileSync(join(folder, file), project);
      assert.equal(await programFolder(folder), join(folder, wanted));
      assert.equal(
        await programFolder(join(folder, "src", "deep")),
        join(folder, wanted),
        "asked from below",
      );
    });

  it("is the one that main names by an absolute path", async () => {
    writeFileSync(join(folder, "Pulumi.yaml"), `main: ${join(folder, "src")}\n`);
    assert.equal(await programFolder(folder), join(folder, "src"));
  });

  it("is the folder itself where there is no project", async () => {
    assert.equal(await programFolder(join(folder, "src")), join(folder, "src"));
  });
});
