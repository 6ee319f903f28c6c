import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import type { Case } from "./exchanges";
import { play, type Player } from "./play";
import { reset } from "./reset";

/** Declares a test that plays a case against a server, which is as new afterwards. */
export function prove(server: () => Player, proof: Case): void {
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
