/** `npm run verify`: everything that needs no server. Each step is an npm script of its own, too: `npm run check:lint`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "./ending.mjs";
import { runNpm } from "./npm.mjs";
import { root, run } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail, say } from "./steps.mjs";

const help = `npm run verify [-- STEP...]

Looks at the code, at what would be published, and runs the tests that need no server. All steps run, whatever the
earlier ones find; with arguments only those named. The exit code is 0 when none of them found anything.`;

/** What a step looks at, in the order in which they run. The rest of the npm scripts `check:NAME` fits in here. */
const steps = {
  format: "Prettier",
  types: "compiler",
  lint: "ESLint, import boundaries",
  unused: "files, exports and dependencies nobody uses",
  schema: "schema.json is that of the sources",
  package: "what npm would publish: content, publint, resolution of types",
  declarations: "types of the package, read by TypeScript 3.8",
  tests: "unit and contract tests",
};

/** @typedef {keyof typeof steps} Step */

main(async () => {
  const names = process.argv.slice(2);
  if (names.includes("--help")) {
    console.log(help);
    return 0;
  }
  const unknown = names.filter((name) => !Object.hasOwn(steps, name));
  if (unknown.length > 0)
    throw new StepError(
      `There is no step ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}.`,
    );
  requireAllScripts();
  await setUp({});
  const wanted = /** @type {Step[]} */ (Object.keys(steps)).filter(
    (name) => names.length === 0 || names.includes(name),
  );
  /** @type {{ name: Step, isClean: boolean, seconds: number }[]} */
  const results = [];
  for (const name of wanted) {
    say(`${name}: ${steps[name]}`);
    const started = Date.now();
    const isClean = await take(name);
    results.push({ name, isClean, seconds: (Date.now() - started) / 1000 });
  }
  say("done");
  for (const { name, isClean, seconds } of results)
    detail(`${name.padEnd(14)}${isClean ? "clean " : "FAILED"}  (${seconds.toFixed(1)} s)`);
  return results.every(({ isClean }) => isClean) ? 0 : 1;
});

/** A check that is added to package.json and forgotten here would never run. */
function requireAllScripts() {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const forgotten = Object.keys(scripts)
    .filter((name) => name.startsWith("check:"))
    .filter((name) => !Object.hasOwn(steps, name.slice("check:".length)));
  if (forgotten.length > 0) throw new StepError(`${forgotten.join(", ")}: not among the steps of verify.`);
}

/**
 * Runs one step, with its output on the screen.
 * @param {Step} name
 * @returns {Promise<boolean>} whether it found nothing
 */
async function take(name) {
  try {
    if (name === "tests") {
      const script = join(root, "scripts", "test.mjs");
      await run(process.execPath, [script, "--layer", "unit", "--layer", "contract"], { show: true });
    } else await runNpm(["run", "--silent", `check:${name}`], { what: `check:${name}`, show: true });
    return true;
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return false;
  }
}
