/** What the package brings along: few packages, each known by its hash, and none that has to run a script when installed. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { itFinds } from "../support/faults/finding";
import { runProgram } from "../support/pulumi-project";

const checkout = resolve(__dirname, "../..");
const { packages } = JSON.parse(readFileSync(join(checkout, "package-lock.json"), "utf8")) as {
  packages: Record<string, LockedPackage>;
};

interface LockedPackage {
  readonly dependencies?: Record<string, string>;
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

/** By name, without the package itself. */
const locked = Object.entries(packages)
  .filter(([path]) => path !== "")
  .map(([path, one]) => ({ ...one, path, name: path.replace(/^.*node_modules\//, "") }));
/** A program has the SDK anyway, with all that it needs. */
const ofTheSdk = neededBy("node_modules/@pulumi/pulumi");
const installed = locked.filter(
  ({ path, dev, devOptional }) => dev !== true && devOptional !== true && !ofTheSdk.has(path),
);

/** The paths of a package and of all that it needs. */
function neededBy(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const name of Object.keys(packages[path]?.dependencies ?? {})) neededBy(placeOf(name, path), found);
  return found;
}

/** Where Node finds a package that another one needs: in its own folder, or in one around it. */
function placeOf(name: string, from: string): string {
  const place = `${from}${from === "" ? "" : "/"}node_modules/${name}`;
  if (place in packages || from === "") return place;
  return placeOf(name, from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))));
}

/** Whether this is the address under which a registry has a release. */
function isOfRegistry(url: string, name: string, version: string): boolean {
  return url.startsWith("https:") && url.endsWith(`/${name}/-/${name.replace(/^.*\//, "")}-${version}.tgz`);
}

describe("Dependencies", () => {
  itFinds("each is a release of a registry, known by its hash", () => {
    const strange = locked.filter(
      // A registry's address may be left out of the lock file; any other is always there.
      ({ name, version = "", integrity = "", resolved, link }) =>
        !/^\d+\.\d+\.\d+/.test(version) ||
        !integrity.startsWith("sha512-") ||
        (resolved !== undefined && !isOfRegistry(resolved, name, version)) ||
        link === true,
    );
    assert.deepEqual(strange, []);
    const left = `${locked.length} of ${locked.length} locked with their SHA-512, none from git or a bare URL`;
    return Promise.resolve({
      kind: "fault",
      fault: "what the lock file holds",
      server: "none",
      happened: "all from a registry",
      left,
    });
  });

  itFinds("those that a user installs are few, and none needs its install script", () => {
    const needed = installed.filter(({ optional }) => optional !== true).map(({ name }) => name);
    assert.deepEqual(needed.sort(), [
      ...["asn1", "bcrypt-pbkdf", "commander", "node-forge", "proper-lockfile", "retry", "safer-buffer"],
      ...["ssh2", "tweetnacl", "undici", "yaml", "zod"],
    ]);
    const scripts = installed.filter(({ hasInstallScript }) => hasInstallScript === true);
    // That of ssh2 builds what makes it faster; without a compiler it goes on without.
    assert.deepEqual(scripts.map(({ name }) => name).sort(), ["cpu-features", "ssh2"]);
    const left = `${needed.length} packages, ${installed.length - needed.length} more that are optional`;
    return Promise.resolve({
      kind: "fault",
      fault: "what a user installs beside the SDK",
      server: "none",
      happened: "no script is needed but for optional parts",
      left,
    });
  });

  itFinds("the lock file says what package.json says", async function () {
    this.timeout(120_000);
    const tree = await runProgram("npm", ["ls", "--all", "--package-lock-only"], {
      cwd: checkout,
      env: process.env,
    });
    assert.equal(tree.code, 0, tree.output);
    return {
      kind: "fault",
      fault: "`npm ls --package-lock-only`",
      server: "none",
      happened: "no complaint",
      left: "package.json and package-lock.json agree",
    };
  });
});
