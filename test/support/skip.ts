/** Skipping tests for which this machine lacks something, with the reason printed. */
import { findBrowser } from "./browser";
import { unavailableReason as serverReason, type ServerKind } from "./servers";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A `describe` that needs something of this machine; where that is missing, its tests are skipped and say why. */
export function describeWith(
  needed: readonly (ServerKind | "pulumi" | "sshd" | "nss" | "chromium" | "languages" | "python" | "java")[],
  title: string,
  body: (this: Mocha.Suite) => void,
): void {
  const reason = needed
    .map((what) => {
      if (what === "pulumi") return engineReason();
      if (what === "nss") return nssReason();
      if (what === "chromium") return browserReason();
      if (what === "java") return javaReason();
      if (what === "languages" || what === "python") return languageReason(what);
      return what === "sshd" ? sshdReason() : serverReason(what);
    })
    .find((found) => found !== undefined);
  if (reason === undefined) {
    describe(title, body);
    return;
  }
  const suite = describe.skip(`${title} (skipped: ${reason})`, body);
  // Read by the reporter of `npm test`.
  if (suite) Reflect.set(suite, "skipReason", reason);
}

function engineReason(): string | undefined {
  const missing = process.env["LXD_ACCESS_TEST_PULUMI_MISSING"];
  if (missing !== undefined) return missing;
  return isOnPath("pulumi") ? undefined : "there is no pulumi on PATH; `npm test` finds or builds one";
}

function sshdReason(): string | undefined {
  const missing = process.env["LXD_ACCESS_TEST_SSHD_MISSING"];
  if (missing !== undefined) return missing;
  const given = process.env["SSHD_BIN"] ?? "";
  if (given !== "") return existsSync(given) ? undefined : `SSHD_BIN names ${given}, which is not there`;
  return isOnPath("sshd", "/usr/sbin") && isOnPath("ssh-keygen")
    ? undefined
    : "there is no sshd or no ssh-keygen on PATH";
}

function nssReason(): string | undefined {
  const missing = process.env["LXD_ACCESS_TEST_NSS_MISSING"];
  if (missing !== undefined) return missing;
  return isOnPath("pk12util") ? undefined : "there is no pk12util on PATH (package libnss3-tools)";
}

function browserReason(): string | undefined {
  const missing = process.env["LXD_ACCESS_TEST_CHROMIUM_MISSING"];
  if (missing !== undefined) return missing;
  return findBrowser() === undefined ? "there is no chromium-headless-shell on PATH" : undefined;
}

function languageReason(what: "languages" | "python"): string | undefined {
  const missing = process.env[`LXD_ACCESS_TEST_${what.toUpperCase()}_MISSING`];
  if (missing !== undefined) return missing;
  const place =
    process.env[what === "python" ? "LXD_ACCESS_TEST_PYTHON" : "LXD_ACCESS_TEST_SDK_GENERATOR"] ?? "";
  return existsSync(place) ? undefined : "what it needs is brought by `npm run test:languages` only";
}

function javaReason(): string | undefined {
  return isOnPath("mvn") && isOnPath("javac") ? undefined : "there is no mvn or no javac on PATH";
}

function isOnPath(program: string, ...others: string[]): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...others];
  return folders.some((folder) => existsSync(join(folder, program)));
}
