/** Programs in Python: the SDK that Pulumi makes of schema.json, its types, and the example. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { documentedPrograms, makeSdk, pythonProgram, succeeds } from "../support/language-sdk";
import { exampleDoesTheMainJob, exampleFolder } from "../support/main-job-example";
import { describeWith } from "../support/skip";

/** Makes the SDK and has pip install it into `packages`, which then is a folder for PYTHONPATH. */
async function installSdk(folder: string, packages: string): Promise<void> {
  mkdirSync(folder);
  await makeSdk("python", folder);
  // What it depends on is in the environment.
  const install = ["-m", "pip", "install", "--no-deps", "--no-build-isolation", "--target", packages, folder];
  await succeeds(pythonProgram("python3"), ["-I", ...install], folder);
}

describeWith(["languages", "python"], "the Python SDK", function () {
  this.timeout(300_000);
  let folder: string;
  let packages: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-python-"));
    packages = join(folder, "packages");
    await installSdk(join(folder, "sdk"), packages);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("compiles", async () => {
    await succeeds(pythonProgram("python3"), ["-m", "compileall", "-q", packages], folder);
  });

  it("has types, by which the example and the documents are right", async () => {
    const programs = join(folder, "programs");
    cpSync(exampleFolder("python"), programs, { recursive: true });
    const documented = documentedPrograms("python").map((program, index) => {
      writeFileSync(join(programs, `documented_${index}.py`), program);
      return `documented_${index}.py`;
    });
    const env = { ...process.env, MYPYPATH: packages };
    // What Pulumi's generator writes is not strict itself.
    const args = [
      "-m",
      "mypy",
      "--strict",
      "--follow-imports",
      "silent",
      "--cache-dir",
      join(folder, "cache"),
    ];
    await succeeds(pythonProgram("python3"), [...args, "__main__.py", ...documented], programs, env);
  });
});

exampleDoesTheMainJob("python", ["languages", "python"], async (project) => {
  const packages = join(project.directory, "packages");
  await installSdk(join(project.directory, "sdk"), packages);
  // For hosts that know the option `virtualenv`, and for older ones.
  symlinkSync(dirname(dirname(pythonProgram("python3"))), join(project.directory, "venv"));
  project.env["PATH"] = [dirname(pythonProgram("python3")), project.env["PATH"]].join(delimiter);
  project.env["PYTHONPATH"] = packages;
});
