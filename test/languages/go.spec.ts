/** Programs in Go: the SDK that Pulumi makes of schema.json, its types, and the example. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { documentedPrograms, makeSdk, succeeds } from "../support/language-sdk";
import { exampleDoesTheMainJob, exampleFolder } from "../support/main-job-example";
import { describeWith } from "../support/skip";

/** Where Go programs import the SDK from: the module of its go.mod. */
const sdkModule = "pulumi-lxd-access/sdk/go";
/** Sums are written as modules are met, as `go mod tidy` does at `pulumi package add`. */
const goEnvironment = { GOFLAGS: "-mod=mod -buildvcs=false", GOWORK: "off" };

/** Gives a folder the example's module, with the SDK in it as `pulumi package add` does. */
async function addSdk(folder: string): Promise<void> {
  const sdk = join(folder, "sdks", "lxd-access");
  mkdirSync(sdk, { recursive: true });
  await makeSdk("go", sdk);
  cpSync(join(exampleFolder("go"), "go.mod"), join(folder, "go.mod"));
  const edits = [`-require=${sdkModule}@v0.0.0`, `-replace=${sdkModule}=./sdks/lxd-access`];
  await succeeds("go", ["mod", "edit", ...edits], folder);
}

describeWith(["languages"], "the Go SDK", function () {
  this.timeout(900_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-go-"));
    await addSdk(folder);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("passes go vet, and so do the example and the documents", async () => {
    cpSync(join(exampleFolder("go"), "main.go"), join(folder, "main.go"));
    for (const [index, program] of documentedPrograms("go").entries()) {
      mkdirSync(join(folder, `documented${index}`));
      writeFileSync(join(folder, `documented${index}`, "main.go"), program);
    }
    const env = { ...process.env, ...goEnvironment };
    await succeeds("go", ["vet", "./...", `${sdkModule}/...`], folder, env);
  });
});

exampleDoesTheMainJob("go", ["languages"], async (project) => {
  await addSdk(project.directory);
  Object.assign(project.env, goEnvironment);
});
