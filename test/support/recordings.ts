import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProfileName } from "./double/profiles";
import type { Case } from "./facts/exchanges";

/** What one real server answered, word for word, when it was asked these things. */
export interface Recording {
  /** Name and version. */
  server: string;
  /** The double that must answer the same. */
  profile: ProfileName;
  cases: Case[];
}

const FOLDER = join(__dirname, "..", "fixtures");

/** All recordings among the fixtures. */
export function recordings(): Recording[] {
  return readdirSync(FOLDER)
    .filter((file) => /^recordings-.*\.json$/.test(file))
    .map((file) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Recording);
}
