/** The page on drift, and what else shows the command: what stands there can be typed. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseIgnoreFile } from "../../cli/drift/ignore";
import { driftOptions, type GivenOptions, stackChoices } from "../../cli/drift/options";

const root = resolve(__dirname, "../..");
const page = readFileSync(join(root, "docs/drift.md"), "utf8");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** What commander makes of the words after `lxd-access drift`. */
function parsed(...words: string[]): GivenOptions {
  const command = driftOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse(words, { from: "user" }).opts<GivenOptions>();
}

describe("the page on drift", () => {
  const commands = [...`${page}\n${readme}`.matchAll(/lxd-access drift( -[^\n#`]+)/g)].map(([, rest = ""]) =>
    rest.trim(),
  );

  it("shows commands that the command takes", () => {
    assert.ok(commands.length >= 8);
    for (const command of commands) parsed(...command.replaceAll('"', "").split(" "));
  });

  it("shows a file of rules that can be read", () => {
    const [, example = ""] = /```yaml\n(# drift-ignore.*?)```/s.exec(page) ?? [];
    assert.deepEqual(
      parseIgnoreFile("drift-ignore.yaml", example).map(({ type, until }) => [type, until]),
      [
        ["client", undefined],
        ["TrustToken", "2027-01-31"],
      ],
    );
  });
});

describe("the options of lxd-access drift", () => {
  const chosen = (...words: string[]): (string | undefined)[][] =>
    stackChoices(parsed(...words), "/here").map(({ directory, stack }) => [directory, stack]);

  it("mean the selected stack of the project here, where none is named", () => {
    assert.deepEqual(chosen(), [["/here", undefined]]);
  });

  it("mean the stacks that are named, each once, wherever the one folder is named", () => {
    const wanted = [
      ["/here/p", "a"],
      ["/here/p", "b"],
    ];
    assert.deepEqual(chosen("--stack", "a", "--cwd", "p", "--stack", "b", "--stack", "a"), wanted);
    assert.deepEqual(chosen("--cwd", "p", "--stack", "a", "--stack", "b"), wanted);
  });

  it("mean of several folders the stacks that are named after each", () => {
    assert.deepEqual(
      chosen("--cwd", "p", "--stack", "a", "--cwd", "/q", "--cwd", "r", "--stack", "a", "--stack", "b"),
      [
        ["/here/p", "a"],
        ["/q", undefined],
        ["/here/r", "a"],
        ["/here/r", "b"],
      ],
    );
    assert.throws(
      () => chosen("--stack", "a", "--cwd", "p", "--cwd", "q"),
      /--stack a: .* \(--cwd\) before its stacks/,
    );
  });

  const times: [text: string, days: number][] = [
    ["30d", 30],
    ["30", 30],
    ["4w", 28],
    ["12h", 0.5],
    ["0d", 0],
  ];
  for (const [text, days] of times)
    it(`take ${text} for ${days} days`, () => {
      assert.equal(parsed("--expiring", text).expiring, days);
    });

  for (const words of [
    ["--expiring", "soon"],
    ["--expiring", "-1d"],
    ["--expiring", "1.5d"],
    ["--format", "sarif"],
    ["--format", "json="],
    ["--stack"],
    ["--nope"],
    ["prod"],
  ])
    it(`do not take ${words.join(" ")}`, () => {
      assert.throws(() => parsed(...words), { name: "CommanderError" });
    });
});
