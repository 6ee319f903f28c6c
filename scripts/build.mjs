/** `npm run build`: compiles the package into dist/. */
import { main } from "./ending.mjs";
import { compile } from "./setup.mjs";
import { speakOnStandardError } from "./steps.mjs";

if (process.argv.includes("--help")) {
  console.log(
    "npm run build\n\nCompiles provider/, sdk/ and cli/ into dist/. Nothing of the old dist/ is left.",
  );
  process.exit(0);
}

// npm reads the standard output of `npm pack --json`, which calls this.
speakOnStandardError();
main(async () => {
  await compile({ always: true });
  return 0;
});
