/** Programs in Java: the example, with the SDK that Pulumi makes of schema.json compiled into it by Maven. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { documentedPrograms, makeSdk } from "../support/language-sdk";
import { exampleDoesTheMainJob, exampleFolder } from "../support/main-job-example";

exampleDoesTheMainJob("java", ["languages", "java"], async (project) => {
  const { directory } = project;
  const sdk = join(directory, "sdks", "lxd-access");
  mkdirSync(sdk, { recursive: true });
  await makeSdk("java", sdk);
  cpSync(join(sdk, "src"), join(directory, "src"), { recursive: true });
  // What the documents show is compiled with the example.
  for (const [index, program] of documentedPrograms("java").entries())
    project.write(`src/main/java/documented${index}/App.java`, `package documented${index};\n${program}`);
  cpSync(join(exampleFolder("java"), "pom.xml"), join(directory, "pom.xml"));
});
