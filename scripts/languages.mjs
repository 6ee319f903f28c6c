/**
 * Brings what Pulumi programs in Python, Go and Java need beside the engine: the hosts of these languages, a generator of SDKs,
 * and for Python an environment with Pulumi's packages. All of it is kept in the user's cache folder, by version.
 */
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { engineModule, engineVersion } from "./engine.mjs";
import { buildGoPrograms, findGo, sourceOf } from "./go-programs.mjs";
import { inNewFolder, keptFolder } from "./kept-folder.mjs";
import { findProgram, isProgram, root, run } from "./run.mjs";
import { say } from "./steps.mjs";

/**
 * @typedef {object} Languages
 * @property {string} sdkGenerator makes SDKs from schema.json, but for Java, for which there is `pulumi-java-gen` beside it
 * @property {readonly string[]} folders that have to be on PATH, behind the engine's, which may have hosts of its own
 */

const pythonHost = "pulumi-language-python";
/** The part of the Python host that is a script. */
const pythonStarter = `${pythonHost}-exec`;
const sdkModule = "github.com/pulumi/pulumi/sdk/v3";
const javaModule = "github.com/pulumi/pulumi-java/pkg";
const javaRequires = `require ${javaModule} v0.9.0\n`;

/**
 * Hosts of the engine's own release have no version that a module proxy serves; these are the last that have one.
 * @type {readonly import("./go-programs.mjs").GoProgram[]}
 */
const programs = [
  {
    name: pythonHost,
    source: `${sdkModule}/python/cmd/${pythonHost}`,
    requires: `require ${sdkModule} v3.68.0\n`,
  },
  {
    name: "pulumi-language-go",
    source: `${sdkModule}/go/pulumi-language-go`,
    requires: `require ${sdkModule} v3.52.0\n`,
  },
  { name: "pulumi-language-java", source: `${javaModule}/cmd/pulumi-language-java`, requires: javaRequires },
  { name: "pulumi-java-gen", source: `${javaModule}/cmd/pulumi-java-gen`, requires: javaRequires },
  {
    name: "sdk-generator",
    source: ".",
    text: readFileSync(join(root, "scripts", "sdk-generator.go"), "utf8"),
    requires: engineModule,
  },
];

/** @returns {Promise<Languages | { reason: string }>} */
export async function provideLanguages() {
  const go = await findGo();
  if ("reason" in go) return go;
  const directory = keptFolder(`languages-${engineVersion}`, programs);
  const binDirectory = join(directory, "bin");
  const isWhole = () =>
    [...programs.map(({ name }) => name), pythonStarter].every((name) => isProgram(join(binDirectory, name)));
  if (!isWhole()) {
    say(`building Pulumi's hosts of Python, Go and Java with Go ${go.version}; once`);
    try {
      await inNewFolder(directory, isWhole, async (folder) => {
        const made = await buildGoPrograms(go, programs, folder);
        const source = await sourceOf(go, sdkModule, folder, pythonHost);
        const starter = join(made, "bin", pythonStarter);
        copyFileSync(join(source, "python", "cmd", pythonStarter), starter);
        chmodSync(starter, 0o755);
        return made;
      });
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }
  return { sdkGenerator: join(binDirectory, "sdk-generator"), folders: [binDirectory, dirname(go.command)] };
}

/** What programs in Python import, what generated packages of it are installed with, and what checks their types. */
const pythonPackages = [`pulumi==${engineVersion}`, "parver", "setuptools>=77", "mypy==2.4.1"];

/** @returns {Promise<{ environment: string } | { reason: string }>} folder of a virtual environment */
export async function providePython() {
  const python = findProgram("python3");
  if (python === undefined) return { reason: "there is no python3 on PATH" };
  try {
    const { stdout } = await run(python, ["-c", "import platform; print(platform.python_version())"]);
    const environment = keptFolder(`python-${stdout.trim()}-pulumi-${engineVersion}`, pythonPackages);
    // A link to a Python that has gone since is no program.
    const isWhole = () => isProgram(join(environment, "bin", "python3"));
    if (isWhole()) return { environment };
    say(`installing Pulumi's packages for Python ${stdout.trim()} (pip); once`);
    await inNewFolder(environment, isWhole, async (folder) => {
      const made = join(folder, "made");
      await run(python, ["-m", "venv", made], { what: "making a virtual environment" });
      const pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"];
      const what = "installing Pulumi's packages for Python";
      await run(join(made, "bin", "python3"), [...pip, ...pythonPackages], { what });
      return made;
    });
    return { environment };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
