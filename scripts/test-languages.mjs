/** `npm run test:languages`: programs in Python, Go and Java, and the SDKs that Pulumi makes of schema.json. */
import { parseArgs } from "node:util";
import { main } from "./ending.mjs";
import { describe, environmentFor, layers, portionsOf, runPortions, summarize } from "./layers.mjs";
import { setUp } from "./setup.mjs";
import { StepError, detail } from "./steps.mjs";

const help = `npm run test:languages [-- OPTIONS]

Makes SDKs for Python, Go, Java and Node.js of schema.json, has the tools of these languages check them, and runs the
examples by the real engine. Needs Go, and Python and Maven for theirs; the first run builds and installs for some minutes.

  --grep TEXT   only tests whose name holds this text
  --help`;

main(async () => {
  const { grep, help: isHelp } = readArguments();
  if (isHelp) {
    console.log(help);
    return 0;
  }
  const found = await setUp(layers.languages);
  for (const line of describe(found)) detail(line);
  const env = environmentFor(found);
  return summarize(await runPortions(portionsOf("languages"), { atOnce: 1, env, grep }));
});

function readArguments() {
  try {
    return parseArgs({ options: { grep: { type: "string" }, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}
