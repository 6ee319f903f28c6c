/** `lxd-access import`. */
import { join, relative, resolve } from "node:path";
import { Command, Option } from "commander";
import { Call } from "../../provider/call";
import { removeTemporaries } from "../../provider/client-config/atomic-file";
import { printable, quoted, refuse } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import { ClientPool } from "../../provider/lxd/pool";
import { contextFor, type Surroundings } from "../../provider/registry";
import { requireFree, writeNewFiles } from "../new-file";
import { programOfProject } from "../program-folder";
import type { World } from "../world";
import { type Front, fronts, importFile } from "./import-file";
import { asConfigDir, isDirectory, none, readStackOf, type StackNow, usualDirectories } from "./place";
import { list } from "./program";
import { type Finds, type Taken, takeAll } from "./take";
import { typescriptProgram } from "./typescript-program";
import { yamlProgram } from "./yaml-program";

/** As commander makes them of the arguments. */
interface Options {
  readonly front: Front;
  readonly server: boolean;
  readonly remote: readonly string[];
  readonly remotes: boolean;
  readonly configDir?: string;
  readonly cwd?: string;
  readonly stack?: string;
  readonly out?: string;
  readonly force: boolean;
}

/** What the import file is called. */
const importName = "import.json";

/** By the front: what the program is called and what makes it, and what is to be done and to be known. */
const programs = {
  dynamic: {
    name: "access.ts",
    write: typescriptProgram,
    warning:
      "It holds keys and tokens in plain text: nobody else may read it, and it is of no more use after the import.",
    using: (module: string) =>
      `Then have the program use it: \`import "${module}";\` in index.ts (\`"${module}.js"\` in an ES module).`,
  },
  plugin: {
    name: "access.yaml",
    write: yamlProgram,
    warning: "It holds nothing secret, and is of no more use after the import.",
    using: () => "Then put its resources into the program, Pulumi.yaml or Main.yaml.",
  },
} as const;

const example = `
Examples, in the folder of a Pulumi project:
  lxd-access import                        the server of this machine, and the remotes of lxc and incus
  lxd-access import --remote edge --no-remotes --out edge
  lxd-access import --no-server --config-dir ~/.config/lxc
  pulumi import --file import.json --generate-code=false`;

export function importCommand(world: World, exit: (code: number) => void): Command {
  return new Command("import")
    .description(
      "Looks at servers and client directories as they are, and writes what makes them part of a stack: a file for `pulumi import " +
        "--file`, and a program that says the same. Changes nothing there.",
    )
    .addOption(
      new Option(
        "--front <front>",
        "what makes the resources: the TypeScript package (dynamic), or the plugin, for YAML",
      )
        .choices(fronts)
        .default("dynamic"),
    )
    .addOption(
      new Option("--remote <name>", "server of this remote, as lxc calls it (repeatable)")
        .argParser((name: string, earlier: readonly string[]) => [...earlier, name])
        .default([], "the server of resources without a connection"),
    )
    .addOption(new Option("--no-server", "take only remotes").conflicts("remote"))
    .option(
      "--config-dir <folder>",
      "client directory whose remotes are taken, and of --remote (default: as stack config or the environment say, else those " +
        "of lxc and incus)",
    )
    .addOption(new Option("--no-remotes", "take only what is on servers").conflicts("server"))
    .option("--cwd <folder>", "folder of the Pulumi project (default: here)")
    .option(
      "--stack <name>",
      "stack that they become part of, whose configuration counts (default: the selected one)",
    )
    .option("--out <folder>", "folder for what is written (default: that of the project)")
    .option("--force", "overwrite what is there", false)
    .addHelpText("after", example)
    .allowExcessArguments(false)
    .action(async (options: Options) => {
      exit(await takeOver(options, world));
    });
}

async function takeOver(options: Options, world: World): Promise<number> {
  const folder = resolve(world.directory, options.cwd ?? ".");
  if (!isDirectory(folder, { programDirectory: folder }))
    refuse("INPUT_INVALID", `--cwd: there is no folder ${folder}`);
  const program = await programOfProject(folder);
  const programDirectory = program ?? folder;
  const out = options.out === undefined ? programDirectory : resolve(world.directory, options.out);
  const { name, write, warning, using } = programs[options.front];
  const programFile = join(out, name);
  const file = join(out, importName);
  if (!options.force) requireFree([file, programFile]);

  const hasStack = program !== undefined || options.stack !== undefined;
  const stack = hasStack ? await readStackOf({ directory: folder, stack: options.stack }, world) : none;
  const finds = await look(options, stack, { ...world, programDirectory });
  const { groups, leftOut, unseen } = finds;
  for (const line of [...list("Left out:", leftOut), ...list("Could not be looked at:", unseen)])
    world.err(`${printable(line)}\n`);
  const taken = groups.flatMap((group) => group.taken);
  if (taken.length === 0) {
    world.out("There is nothing to take over. Nothing was written.\n");
    return unseen.length === 0 ? 0 : 1;
  }

  const named = options.stack === undefined ? "" : ` --stack ${inShell(options.stack)}`;
  const importing = `pulumi import --file ${inShell(relative(folder, file))} --generate-code=false${named}`;
  const content = write({ ...finds, at: world.now(), importing });
  // Keys may be in what a run that was killed has left.
  await removeTemporaries(out, `${importName}.`);
  await writeNewFiles(
    [
      { path: programFile, content, mode: 0o666 },
      { path: file, content: importFile(options.front, taken), mode: 0o600 },
    ],
    options.force,
  );
  const module = relative(programDirectory, programFile)
    .replace(/\.\w+$/, "")
    .replace(/^(?!\.\.?\/)/, "./");
  world.out(`Taken over, once that is imported: ${summary(taken)}.

  ${programFile}
  ${file}
${warning}

Next, in ${folder}:

  ${importing}
  rm ${inShell(relative(folder, file))}

${using(module)}
\`pulumi preview --expect-no-changes${named}\` finds nothing to do then.
`);
  return 0;
}

/** Looks at all that is meant. Nothing can be changed meanwhile, neither on a server nor in a directory. */
async function look(
  options: Options,
  { config, resources }: StackNow,
  world: World & { readonly programDirectory: string },
): Promise<Finds> {
  const { environment, programDirectory, now } = world;
  const surroundings: Surroundings = {
    ...{ config, environment, programDirectory, now },
    log: (level, message) => {
      world.err(`${level}: ${message}\n`);
    },
  };
  const pool = new ClientPool();
  try {
    const usual = contextFor(surroundings, pool);
    const context = options.configDir === undefined ? usual : withDirectory(usual, options, world.directory);
    const servers = options.remote.length === 0 ? [undefined] : [...new Set(options.remote)];
    const wanted = {
      servers: options.server ? servers : [],
      directories: options.remotes ? usualDirectories(context) : [],
      inStack: resources,
    };
    return await new Call({ readOnly: true }).run(() => takeAll(context, wanted));
  } finally {
    await pool.close();
  }
}

/** The context in which the client directory is the one of --config-dir. */
function withDirectory(usual: Context, { configDir = "", front, remote }: Options, here: string): Context {
  const meant = asConfigDir(configDir, here);
  if (front === "plugin" && remote.length > 0 && meant !== usual.configDir)
    refuse(
      "INPUT_INVALID",
      `--config-dir: the plugin looks for the remote ${quoted(remote)} where stack config says, as ids of \`pulumi import\` name no ` +
        `directory. Say \`pulumi config set lxd-access:configDir ${inShell(meant)}\` and leave out --config-dir`,
    );
  return { ...usual, configDir: meant };
}

/** As in "1 HttpsAddress, 3 TrustToken". */
function summary(taken: readonly Taken[]): string {
  const names = [...new Set(taken.map(({ resource }) => resource))].sort();
  return names
    .map((name) => `${taken.filter(({ resource }) => resource === name).length} ${name}`)
    .join(", ");
}

/** A word for a shell. */
function inShell(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
