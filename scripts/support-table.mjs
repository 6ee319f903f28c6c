/**
 * `npm run support-table`: runs the lifecycle table against every kind of server and over every way in, and writes into the
 * README what came of it. A unit test holds the numbers in the README to the table as it is.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "./ending.mjs";
import { isolatedEnvironment } from "./environment.mjs";
import { root, run } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { StepError, say } from "./steps.mjs";

const resources = ["HttpsAddress", "TrustToken", "Remote"];
const ways = ["unix", "https", "ssh"];
const readme = join(root, "README.md");

/** @typedef {{ server: string, way: string, resource: string, isPassed: boolean }} Result */

main(async () => {
  const { lxd, incus, sshd, reasons } = await setUp({ lxd: true, incus: true, sshd: true });
  if (!lxd || !incus || !sshd) {
    const missing = Object.values(reasons).join("; ");
    throw new StepError(
      `The table needs LXD, Incus and sshd, and not all of them can be had here: ${missing}`,
    );
  }
  /** @type {Record<string, string>} */
  const titles = {
    "lxd-daemon": `LXD ${lxd.version}`,
    "lxd-cluster": `LXD ${lxd.version}, cluster of two`,
    "incus-daemon": `Incus ${incus.version}`,
    "lxd-5.0": "LXD 5.0 (double)",
    "lxd-5.21": "LXD 5.21 (double)",
    "lxd-6": "LXD 6 (double)",
    "incus-6.0": "Incus 6.0 (double)",
  };
  say("running the lifecycle table, which takes some minutes");
  const results = await lifecycleResults();
  const failed = results.filter(({ isPassed }) => !isPassed).length;
  if (failed > 0) throw new StepError(`${failed} cases failed: see \`npm test -- --grep "the life of"\``);
  await write(tableOf(results, titles));
  say(`${results.length} cases passed; the table in README.md is up to date`);
  return 0;
});

/** @returns {Promise<Result[]>} */
async function lifecycleResults() {
  const mocha = join(root, "node_modules", "mocha", "bin", "mocha.js");
  const specs = ["test/server/lifecycle.spec.ts", "test/contract/lifecycle.spec.ts"];
  const { stdout } = await run(process.execPath, [mocha, "--reporter", "json", ...specs], {
    what: "running the lifecycle table",
    env: isolatedEnvironment(undefined),
    expect: [...Array(256).keys()], // the number of failures
  });
  /** @type {{ tests: { fullTitle: string, err: object }[], pending: object[] }} */
  const { tests, pending } = JSON.parse(stdout.slice(stdout.indexOf("{")));
  if (pending.length > 0) throw new StepError(`${pending.length} cases were skipped, so nothing is shown`);
  return tests.flatMap(({ fullTitle, err }) => {
    const { server, resource, way } =
      / on (?:the double of |a real )(?<server>\S+) (?<resource>\w+) over (?<way>\w+):/.exec(fullTitle)
        ?.groups ?? {};
    if (server === undefined || resource === undefined || way === undefined) return [];
    return [{ server, resource, way, isPassed: Object.keys(err).length === 0 }];
  });
}

/**
 * @param {readonly Result[]} results
 * @param {Readonly<Record<string, string>>} titles
 */
function tableOf(results, titles) {
  const rows = Object.keys(titles).flatMap((server) =>
    ways
      .filter((way) => results.some((one) => one.server === server && one.way === way))
      .map((way) => ({ server, way })),
  );
  const lines = rows.map(({ server, way }) => {
    const counts = resources.map((resource) => {
      const own = results.filter(
        (one) => one.server === server && one.way === way && one.resource === resource,
      );
      return own.length === 0 ? "" : `${own.filter(({ isPassed }) => isPassed).length} of ${own.length}`;
    });
    return `| ${[titles[server] ?? server, way, ...counts].join(" | ")} |`;
  });
  const head = `| ${["server", "way in", ...resources].join(" | ")} |`;
  return [head, head.replace(/[^|]+/g, " --- "), ...lines].join("\n");
}

/** @param {string} table */
async function write(table) {
  const marks = /(<!-- support-table -->\n).*?(\n<!-- \/support-table -->)/s;
  const text = readFileSync(readme, "utf8");
  if (!marks.test(text)) throw new StepError("README.md has no place for the table (<!-- support-table -->)");
  const { format, resolveConfig } = await import("prettier");
  const filled = text.replace(marks, `$1\n${table}\n$2`);
  writeFileSync(readme, await format(filled, { ...(await resolveConfig(readme)), filepath: readme }));
}
