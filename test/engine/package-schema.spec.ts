/** schema.json is what the real CLI takes for a package schema. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PulumiProject } from "../support/pulumi-project";
import { describeWith } from "../support/skip";

const text = readFileSync(join(resolve(__dirname, "../.."), "schema.json"), "utf8");

describeWith(["pulumi"], "the package schema, read by the CLI", function () {
  this.timeout(120_000);

  let project: PulumiProject;

  before(async () => {
    project = await PulumiProject.create("", { language: "yaml" });
  });

  after(() => {
    project.remove();
  });

  it("is a package schema", async () => {
    project.write("schema.json", text);
    await project.expect(0, "schema", "check", "schema.json");
  });

  it("would be refused with a type that is not there", async () => {
    project.write(
      "wrong.json",
      text.replaceAll('"lxd-access:index:Connection": {', '"lxd-access:index:Way": {'),
    );
    const { code, output } = await project.run(["schema", "check", "wrong.json"]);
    assert.notEqual(code, 0);
    assert.match(output, /lxd-access:index:Connection/);
  });
});
