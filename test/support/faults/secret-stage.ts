/** A project whose every trace is searched for secrets: what was printed and stored, files that came and went, processes. */
import * as assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { unknownValue } from "../../../provider/unknown";
import { PulumiProject } from "../pulumi-project";
import { type SeenFile, type SeenProcess, watchRun } from "./run-watch";
import { type Given, givenFile, secretProgram } from "./secret-program";
import { filesIn, SecretSearch } from "./secret-search";

/** Where a file may hold a secret: what the program was given, and the client directory. */
const expected = (path: string): boolean => path === givenFile || path.startsWith(`${clientDirectory}/`);
const clientDirectory = "lxc";

export class SecretStage {
  readonly search = new SecretSearch();
  /** The client directory, as the program names it. */
  readonly configDir = `./${clientDirectory}`;
  readonly clientFolder: string;
  private readonly files: SeenFile[] = [];
  private readonly processes: SeenProcess[] = [];

  private constructor(readonly project: PulumiProject) {
    this.clientFolder = join(project.directory, clientDirectory);
    mkdirSync(this.clientFolder, { mode: 0o700 });
  }

  static async set(config: Record<string, string> = {}): Promise<SecretStage> {
    return new SecretStage(await PulumiProject.create(secretProgram, { config }));
  }

  /** Has the program make this. */
  give(given: Given): void {
    this.project.write(givenFile, JSON.stringify(given));
  }

  /** Runs `pulumi` and watches it. */
  async run(...args: string[]): Promise<{ code: number; output: string }> {
    const watch = watchRun(this.project, this.clientFolder);
    try {
      return await this.project.run(args);
    } finally {
      const { files, processes } = watch.stop();
      this.files.push(...files);
      // What the test had set itself is the user's own.
      const given = new Set(
        Object.entries(this.project.env).map(([name, value]) => `${name}=${value ?? ""}`),
      );
      this.processes.push(
        ...processes.map((one) => ({ ...one, variables: one.variables.filter((text) => !given.has(text)) })),
      );
    }
  }

  /** The same, which must go well. */
  async runs(...args: string[]): Promise<string> {
    const { code, output } = await this.run(...args);
    assert.equal(code, 0, output);
    return output;
  }

  /** Remembers what the resources made; answers how many secrets these are. */
  async rememberMade(): Promise<number> {
    const { secrets } = await this.project.outputs();
    assert.ok(Array.isArray(secrets));
    const known = (secrets as unknown[]).filter(
      (secret): secret is string => typeof secret === "string" && secret !== unknownValue,
    );
    for (const secret of known) this.search.remember("what a resource made", secret);
    return known.length;
  }

  /** Every place in which a secret was, up to now, beyond where it belongs. */
  found(): string[] {
    const { project, search } = this;
    return [
      ...search.in(project.transcript).map((what) => `${what} in the output`),
      ...search.inFiles(project.directory, expected),
      ...this.files
        .filter(({ path }) => !path.startsWith(this.clientFolder))
        .flatMap(({ path, text }) => search.inBytes(text).map((what) => `${what} for a while in ${path}`)),
      ...this.processes.flatMap(({ role, args }) =>
        search.in(args).map((what) => `${what} in the arguments of ${role}`),
      ),
      ...this.variablesWithSecrets().map((where) => `a secret in ${where}`),
      ...this.keysUnguarded().map((path) => `a key for others to read in ${path}`),
    ];
  }

  /** What was left, as a phrase; fails where a secret was found. */
  left(): string {
    assert.deepEqual(this.found(), []);
    return `none of ${this.search.size} secrets in output, state, temporary files, arguments or environment`;
  }

  /** Variables of processes that hold a secret, as in "PULUMI_CONFIG of the program"; without those that a test had set. */
  variablesWithSecrets(): string[] {
    const found = this.processes.flatMap(({ role, variables }) =>
      variables
        .filter((variable) => this.search.in(variable).length > 0)
        .map((variable) => `${variable.split("=", 1).join("")} of the ${role}`),
    );
    return [...new Set(found)].sort();
  }

  /** Names of the files in the client directory that hold a secret. */
  clientFilesWithSecrets(): string[] {
    return filesIn(this.clientFolder).filter(
      (path) => this.search.inFiles(this.clientFolder, (other) => other !== path).length > 0,
    );
  }

  /** Where a text is that is no secret and goes the same ways: it shows that the search can find. */
  placesOf(marker: string): string[] {
    const { transcript, directory } = this.project;
    const seeker = new SecretSearch();
    seeker.remember(marker, marker);
    return [
      ...(transcript.includes(marker) ? ["output"] : []),
      ...(seeker.inFiles(join(directory, ".state")).length > 0 ? ["state"] : []),
      ...(this.processes.some(({ variables }) => seeker.in(variables.join("\n")).length > 0)
        ? ["environment"]
        : []),
    ];
  }

  /** Every role that was seen among the processes. */
  roles(): string[] {
    return [...new Set(this.processes.map(({ role }) => role))].sort();
  }

  remove(): void {
    this.project.remove();
  }

  /** A key is never in a file that others may read, not for a moment. */
  private keysUnguarded(): string[] {
    return this.files
      .filter(({ path, mode, text }) => {
        const isOurs = path.startsWith(this.clientFolder);
        return isOurs && (mode & 0o077) !== 0 && this.search.inBytes(text).length > 0;
      })
      .map(({ path }) => path);
  }
}
