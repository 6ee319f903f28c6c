import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import type { ProfileName } from "../double/profiles";
import { recordings } from "../recordings";
import { serverFacts } from "../server-facts";
import type { Case } from "./exchanges";
import { play, type Player } from "./play";
import { reset } from "./reset";

/** Declares a test that plays a case against a server, which is as new afterwards. */
function prove(server: () => Player, proof: Case): void {
  it(proof.name, async function () {
    for (const need of proof.needs ?? []) {
      if (await isThere(need)) continue;
      // Read by the reporter of `npm test`.
      Object.assign(this.test ?? {}, { skipReason: `this machine has no ${need} to spare` });
      this.skip();
    }
    try {
      await play(server(), proof);
    } finally {
      await reset(server().socketPath);
    }
  });
}

/** Declares the tests of everything that is known of a version: the facts, and what recorded servers answered. */
export function proveProfile(server: () => Player, profile: ProfileName): void {
  const proveAll = (proofs: Case[]): void => {
    for (const proof of proofs) prove(server, proof);
  };
  proveAll(serverFacts(profile));
  // The recordings were made elsewhere; that a server here repeats them shows that they are read rightly.
  for (const recording of recordings().filter((candidate) => candidate.profile === profile))
    describe(`answers as ${recording.server} did`, () => {
      proveAll(recording.cases);
    });
}

async function isThere(need: "port 8443" | "IPv6"): Promise<boolean> {
  if (need === "IPv6")
    return Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === "IPv6"));
  const attempt = createServer();
  return new Promise((resolve) => {
    attempt.once("error", () => {
      resolve(false);
    });
    attempt.listen(8443, () => {
      attempt.close(() => {
        resolve(true);
      });
    });
  });
}
