/** Remotes of a user who is not root, in a client directory of which something is another's; and of one without a home. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ClientFlavor } from "../client-command";
import type { Stage } from "../joined-server";
import { makePair } from "../openssl-pair";
import { snapshotOf } from "./directory-snapshot";
import { codeIn, type FaultFinding, serverNamed } from "./finding";
import { RemoteCrowd } from "./remote-crowd";

const root = 0;
const nobody = 65534;
const provider = resolve(__dirname, "../../../dist/provider/dynamic.js");

interface Case {
  readonly fault: string;
  /** Below the client directory; empty for itself. */
  readonly file: string;
  readonly deny: (path: string) => void;
  readonly mend: (path: string) => void;
  /** What the error says of it. */
  readonly problem: RegExp;
}

const belong = (path: string): void => {
  chownSync(path, nobody, nobody);
};

const cases: readonly Case[] = [
  {
    fault: "a config.yml that belongs to root, in a directory of the user's",
    file: "config.yml",
    deny: (path) => {
      chownSync(path, root, root);
    },
    mend: belong,
    problem: /belongs to another user/,
  },
  {
    fault: "a config.yml that the user may not read",
    file: "config.yml",
    deny: (path) => {
      chmodSync(path, 0);
    },
    mend: (path) => {
      chmodSync(path, 0o644);
    },
    problem: /EACCES/,
  },
  {
    fault: "a key that the user may not read",
    file: "client.key",
    deny: (path) => {
      chownSync(path, root, root);
    },
    mend: belong,
    problem: /EACCES/,
  },
  {
    fault: "a directory that the user may not write to",
    file: "",
    deny: (path) => {
      chownSync(path, root, root);
    },
    mend: belong,
    problem: /EACCES/,
  },
];

/** Why another user cannot run the provider here; undefined where one can. */
export function unreadablePackage(): string | undefined {
  const words = ["-e", "require(process.argv[1])", provider];
  try {
    execFileSync(process.execPath, words, { uid: nobody, gid: nobody, cwd: tmpdir(), stdio: "ignore" });
    return undefined;
  } catch {
    return "another user cannot read this checkout, or it is not built";
  }
}

/** One Remote for each case, all of them in one provider process of a user who is not root. */
export async function meetAsUser(stage: Stage, flavor: ClientFlavor): Promise<FaultFinding[]> {
  const folder = mkdtempSync(join(tmpdir(), "lxa-user-"));
  try {
    belong(folder);
    const inputs = new Map<
      string,
      { name: string; token: string; configDir: string; configFlavor: string }
    >();
    for (const [index, { file, deny }] of cases.entries()) {
      const name = `user-${index}`;
      const configDir = join(folder, name);
      lay(configDir);
      deny(join(configDir, file));
      inputs.set(name, { name, token: await stage.token(name), configDir, configFlavor: flavor });
    }
    const crowd = new RemoteCrowd(folder, 1, nobody);
    const untouched = snapshotOf(folder);
    const errors = await crowd.up(inputs);
    assert.equal(errors.length, cases.length);
    assert.deepEqual(snapshotOf(folder), untouched);
    assert.equal(crowd.state.size, 0);
    const pending = await stage.view.pendingTokens();
    for (const [index, { file, mend, problem }] of cases.entries()) {
      assert.match(errors[index] ?? "", problem);
      assert.ok(errors[index]?.includes(join(folder, `user-${index}`, file)), errors[index]);
      assert.ok(pending.includes(`user-${index}`), `the token is spent: ${errors[index] ?? ""}`);
      mend(join(folder, `user-${index}`, file));
    }
    assert.deepEqual(await crowd.up(inputs), []);
    assert.deepEqual(await crowd.destroy(), []);
    return cases.map(({ fault }, index) => ({
      ...{ kind: "fault", fault, server: serverNamed(stage.server.name) },
      happened: `create: ${codeIn(errors[index] ?? "")}, and the next run finishes`,
      left: "directory untouched, token not spent",
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without HOME, and with it in the next run. */
export async function meetWithoutHome(stage: Stage): Promise<FaultFinding> {
  const home = process.env["HOME"];
  const given = { name: "homeless", token: await stage.token("homeless"), configDir: "~/lxd-access" };
  try {
    process.env["HOME"] = "";
    const { message, recorded } = await stage.stack.createFails("Remote", given);
    assert.match(message, /configDir: "~\/lxd-access" needs a home directory.* Set HOME/);
    assert.equal(recorded, undefined);
    assert.ok((await stage.view.pendingTokens()).includes("homeless"));
    process.env["HOME"] = stage.newDirectory();
    await stage.stack.destroy(await stage.stack.create("Remote", given));
    return {
      ...{ kind: "fault", fault: "~ without a home directory", server: serverNamed(stage.server.name) },
      happened: `create: ${codeIn(message)}, and the next run finishes`,
      left: "token not spent",
    };
  } finally {
    if (home === undefined) delete process.env["HOME"];
    else process.env["HOME"] = home;
  }
}

/** A directory of the user's, as a client leaves it. */
function lay(directory: string): void {
  const { certificate, privateKey } = makePair("user");
  mkdirSync(directory, { mode: 0o750 });
  writeFileSync(join(directory, "config.yml"), "default-remote: local\nremotes: {}\naliases: {}\n");
  writeFileSync(join(directory, "client.crt"), certificate);
  writeFileSync(join(directory, "client.key"), privateKey, { mode: 0o600 });
  for (const file of ["", "config.yml", "client.crt", "client.key"]) belong(join(directory, file));
}
