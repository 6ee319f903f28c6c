/** The command lxd-access drift, with a `pulumi` that only exports a stack: what is asked of it, and what it writes where. */
import { strict as assert } from "node:assert";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { run } from "../../cli/lxd-access";
import { exported } from "../support/drift";
import { Stack } from "../support/stack";

interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe("lxd-access drift", () => {
  let folder: string;
  let stack: unknown;
  let now: Date;

  before(async () => {
    const maker = new Stack(tmpdir(), "plugin");
    // In half of that time it is due to be replaced, which is drift.
    const of = await maker.create("ClientCertificate", {
      commonName: "ci",
      validityDays: 30,
      rotateBeforeDays: 20,
    });
    stack = exported("plugin", [
      { name: "key", of, more: { sourcePosition: "project:///src/index.ts#7,1" } },
    ]);
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-drift-command-"));
    now = new Date(Date.now() + 15 * 24 * 60 * 60 * 1000);
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "stack.json"), JSON.stringify(stack));
    pulumi(`echo "$@" >> asked; cat stack.json`);
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** What `pulumi` does, as a shell script. */
  function pulumi(script: string): void {
    writeFileSync(join(folder, "bin", "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  async function drift(words: string[], env: NodeJS.ProcessEnv = {}, isTerminal = false): Promise<Done> {
    let [out, err] = ["", ""];
    const code = await run(["drift", ...words], {
      environment: { PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter), ...env },
      directory: folder,
      now: () => now,
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      isTerminal: { out: isTerminal, err: isTerminal },
    });
    return { code, out, err };
  }

  const asked = (): string[] =>
    existsSync(join(folder, "asked")) ? readFileSync(join(folder, "asked"), "utf8").trim().split("\n") : [];

  it("only has stacks exported, each once, and looks once at one that has two names", async () => {
    const { code, out } = await drift(["--stack", "a", "--stack", "b", "--stack", "a"]);
    assert.equal(code, 2);
    assert.match(out, /0 of 1 resource in sync, 0 servers, 1 stack\.$/m);
    assert.match(out, /ClientCertificate "key".*expiresAt: found .*is to be replaced 20 days before$/ms);
    assert.deepEqual(asked().sort(), [
      "stack export --show-secrets --stack a --non-interactive",
      "stack export --show-secrets --stack b --non-interactive",
    ]);
  });

  it("writes each format where it is wanted, and nothing besides to standard output", async () => {
    const words = ["json", "junit=j.xml", "markdown=m.md", "html=h.html"].flatMap((one) => ["--format", one]);
    const { out, err } = await drift(words);
    assert.equal((JSON.parse(out) as { outcome: string }).outcome, "drift");
    assert.equal(err, "");
    for (const [file, start] of [
      ["j.xml", "<?xml"],
      ["m.md", "<!-- "],
      ["h.html", "<!doctype html>"],
    ] as const)
      assert.ok(readFileSync(join(folder, file), "utf8").toLowerCase().startsWith(start), file);
  });

  it("is in colour only on a terminal whose user wants it", async () => {
    const escape = String.fromCharCode(27);
    assert.ok((await drift([], {}, true)).out.includes(escape));
    assert.ok(!(await drift([], { NO_COLOR: "1" }, true)).out.includes(escape));
    assert.ok(!(await drift([])).out.includes(escape));
  });

  it("leaves nothing of its progress on a terminal", async () => {
    const { err } = await drift([], {}, true);
    assert.match(err, /^\rlooked at 0 of 1/);
    assert.match(err, /\r +\r$/);
  });

  it("annotates by paths from the top of the repository", async () => {
    const { err, out } = await drift(["--annotate"], { GITHUB_WORKSPACE: tmpdir() });
    const inRepository = folder.slice(tmpdir().length + 1);
    assert.match(err, new RegExp(`^::error file=${inRepository}/src/index.ts,line=7,`, "m"));
    assert.doesNotMatch(out, /^::/m);
    assert.match((await drift(["--annotate"])).err, /^::error file=src\/index.ts,line=7,/m);
  });

  it("annotates the same from a folder below the project's, and where the repository has another path by a link", async () => {
    const top = join(folder, "repository");
    const below = join(top, "network", "src", "deep");
    mkdirSync(below, { recursive: true });
    writeFileSync(join(top, "network", "Pulumi.yaml"), "name: fleet\nmain: src\n");
    symlinkSync(top, join(folder, "link"));
    pulumi(`cat ${join(folder, "stack.json")}`);
    for (const workspace of [top, join(folder, "link")]) {
      const { err } = await drift(["--annotate", "--cwd", below], { GITHUB_WORKSPACE: workspace });
      assert.match(err, /^::error file=network\/src\/index.ts,line=7,/m);
    }
  });

  it("takes its own report for what is known, and one that is not there yet for none", async () => {
    const words = ["--format", "json=last.json", "--new-since", "last.json"];
    const first = await drift(words);
    assert.equal(first.code, 2);
    assert.match(first.err, /There is no earlier report .*last\.json, so all is new/);
    const second = await drift(words);
    assert.deepEqual([second.code, second.err], [0, ""]);
    assert.equal((await drift(words)).code, 0);
  });

  it("refuses a stack of another project, whose client directories would be looked for in the wrong place", async () => {
    writeFileSync(join(folder, "Pulumi.yaml"), "name: other\n");
    const { code, out, err } = await drift(["--stack", "organization/fleet/test"]);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(
      err,
      /--stack organization\/fleet\/test: fleet\/test is a stack of another project .*which is other\. .*--cwd/,
    );
    writeFileSync(join(folder, "Pulumi.yaml"), "name: fleet\n");
    assert.equal((await drift(["--stack", "organization/fleet/test"])).code, 2);
  });

  it("takes an earlier report that cannot be read, or is none of this release, for none, and says so", async () => {
    for (const text of ["", "{}", '{"version":2}']) {
      writeFileSync(join(folder, "old.json"), text);
      const { code, err } = await drift(["--new-since", "old.json"]);
      assert.equal(code, 2);
      assert.match(err, /old\.json is no report of this release .*, so all is new/);
    }
  });

  const refused: [what: string, words: string[], said: RegExp][] = [
    [
      "two formats in one place",
      ["--format", "json", "--format", "text"],
      /two formats go to standard output/,
    ],
    ["two formats in one file", ["--format", "json=x", "--format", "text=./x"], /two formats go to .*\/x\./],
    ["a folder that is not there", ["--format", "json=no/x"], /nothing can be written to .*\/no: ENOENT/],
    [
      "rules that cannot be read",
      ["--ignore-file", "none.yaml"],
      /--ignore-file: .*none\.yaml cannot be read: ENOENT/,
    ],
    ["a rule that is none", ["--ignore", "what"], /"what" is no rule/],
    ["an earlier report that is a folder", ["--new-since", "bin"], /\/bin cannot be read: EISDIR/],
    [
      "stacks of nobody knows which folder",
      ["--stack", "a", "--cwd", "x", "--cwd", "y"],
      /--stack a: of several/,
    ],
  ];
  for (const [what, words, said] of refused)
    it(`refuses ${what} before it asks for anything`, async () => {
      const { code, out, err } = await drift(words);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, said);
      assert.match(err, /\[INPUT_INVALID\]\n$/);
      assert.deepEqual(asked(), []);
    });

  it("tells what pulumi says, and never what it prints of the stack", async () => {
    pulumi('echo "sekrit in the stack"; echo "error: no stack selected" >&2; exit 1');
    const { code, out, err } = await drift([]);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /Reading the selected stack in .*: pulumi said: no stack selected \[CONFIG_INVALID\]/);
    assert.doesNotMatch(err, /sekrit/);
    pulumi('echo "sekrit that is no JSON"');
    assert.match(
      (await drift(["--stack", "a"])).err,
      /the stack a in .* answered with something that is no JSON/,
    );
    assert.doesNotMatch((await drift([])).err, /sekrit/);
  });

  it("says what to do where there is no pulumi", async () => {
    const { code, err } = await drift([], { PATH: "/nonexistent" });
    assert.equal(code, 1);
    assert.match(err, /no `pulumi` on PATH.*Install Pulumi.*\[CONFIG_INVALID\]/);
  });

  it("writes to what is no file, and to where a link leads, and a file as a whole", async () => {
    writeFileSync(join(folder, "real.json"), "{}");
    symlinkSync("real.json", join(folder, "link.json"));
    const words = ["json=link.json", "junit=/dev/null", "text=t.txt"].flatMap((one) => ["--format", one]);
    assert.equal((await drift(words)).code, 2);
    assert.match(readFileSync(join(folder, "real.json"), "utf8"), /"outcome": "drift"/);
    const before = statSync(join(folder, "t.txt")).ino;
    await drift(words);
    assert.notEqual(statSync(join(folder, "t.txt")).ino, before, "another file in its place");
    assert.deepEqual(readdirSync(folder).sort(), [
      "asked",
      "bin",
      "link.json",
      "real.json",
      "stack.json",
      "t.txt",
    ]);
  });

  it("says so where a report cannot be written in the end", async () => {
    mkdirSync(join(folder, "taken"));
    const { code, err } = await drift(["--format", "json=taken"]);
    assert.equal(code, 1);
    assert.match(err, /Writing .*taken: EISDIR.*\[INPUT_INVALID\]/);
  });
});
