/** The provider's process from its start to its first answer, over one whose provider does nothing, and what takes the time. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "../../scripts/ending.mjs";
import { root } from "../../scripts/run.mjs";
import { byModule, readProfile } from "../ground/profile.mjs";
import { startAndCheck } from "../ground/provider-process.mjs";
import { interleave, medianOf } from "../ground/statistics.mjs";

export const name = "provider-process";
export const title = "The provider's process";

/** Modules that a table lists. */
const listed = 16;

/** @param {import("../measures.mjs").Bench} bench */
export async function measure({ isQuick }) {
  const folder = mkdtempSync(join(tmpdir(), "lxa-bench-"));
  atEnd(`removing ${folder}`, () => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "name": "bench" }\n');
  const noOp = join(root, "bench", "program", "no-op.cjs");
  /** @type {{ empty: string } & Record<string, string>} */
  const texts = {
    empty: `exports.handler=()=>require(${JSON.stringify(noOp)}).NoOp;`,
    ...Object.fromEntries(
      ["TrustToken", "Remote", "HttpsAddress", "ClientCertificate"].map((resource) => [
        resource,
        `exports.handler=()=>require("pulumi-lxd-access/provider").${resource};`,
      ]),
    ),
  };
  /** @type {Record<string, number[]>} */
  const memory = {};
  const sides = Object.fromEntries(
    Object.entries(texts).map(([side, text]) => [
      side,
      async () => {
        const { firstAnswer, memory: used } = await startAndCheck(folder, {
          clientName: "ci",
          __provider: text,
        });
        (memory[side] ??= []).push(used / 1024);
        return firstAnswer;
      },
    ]),
  );
  await startAndCheck(folder, { __provider: texts["TrustToken"] ?? "" }); // so that the disk's cache has it all
  const samples = await interleave(isQuick ? 3 : 15, sides);
  const { empty = [] } = samples;

  /** @type {import("../measures.mjs").Result} */
  const result = { figures: [], samples: {}, plots: [], tables: [] };
  for (const [side, values] of Object.entries(samples)) {
    result.samples[`first answer, ${side}`] = { unit: "ms", values };
    result.samples[`memory after it, ${side}`] = { unit: "MB", values: memory[side] ?? [] };
    if (side === "empty") continue;
    const added = values.map((value, round) => value - (empty[round] ?? NaN));
    result.figures.push({
      what: `first answer of a ${side}, over the empty provider's`,
      ...{ ratio: medianOf(values) - medianOf(empty), min: Math.min(...added), max: Math.max(...added) },
      ...{ unit: "ms", bar: 200 },
    });
  }
  const profile = await profileOf(folder, texts["TrustToken"] ?? "");
  const floor = byModule(await profileOf(folder, texts.empty));
  const modules = [...byModule(profile)]
    .map(([module, { own, all }]) => ({ module, own, all, empty: floor.get(module)?.all ?? 0 }))
    .filter(({ module, all, empty: below }) => module !== "all" && all - below > 1)
    .sort((one, other) => other.all - other.empty - (one.all - one.empty));
  result.tables?.push({
    title: "Modules that cost most at the start, with the profiler on: milliseconds",
    head: ["module", "itself", "with what it loads and calls", "the same in the empty provider"],
    rows: modules.slice(0, listed).map(({ module, own, all, empty: below }) => [module, own, all, below]),
  });
  result.plots.push({
    kind: "flame",
    file: "start-up",
    title: "From the start to the first answer",
    top: profile,
  });
  return result;
}

/**
 * @param {string} folder
 * @param {string} text
 */
async function profileOf(folder, text) {
  const directory = mkdtempSync(join(folder, "profile-"));
  const end = join(root, "bench", "ground", "end-when-told.cjs");
  const flags = ["--cpu-prof", "--cpu-prof-interval", "200", "--cpu-prof-dir", directory, "--require", end];
  await startAndCheck(folder, { clientName: "ci", __provider: text }, flags);
  const [file = ""] = readdirSync(directory);
  return readProfile(join(directory, file));
}
