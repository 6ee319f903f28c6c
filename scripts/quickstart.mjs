/** `npm run quickstart`: the whole job once, for real, and nothing of it left in the end. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { removeDirectory } from "./background.mjs";
import { atEnd, leaveAsIs, main, undoAll } from "./ending.mjs";
import { requestLxd } from "./lxd-request.mjs";
import { endServer, startPrivateServer } from "./quickstart-server.mjs";
import { createStack, stackIn } from "./quickstart-stack.mjs";
import { pathFolders, run } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { StepError, ask, detail, hasTerminal, say } from "./steps.mjs";
import { findUsersServer } from "./users-server.mjs";

const help = `npm run quickstart [-- OPTIONS]

Brings one LXD server under Pulumi: starts a private LXD in a throwaway folder, exposes it, issues a trust token that
is restricted to one project, joins it, lets lxc use it, and takes everything down again.

  --keep             leave everything up, and print how to look around
  --end FOLDER       take down what --keep left up
  --server NAME      use your own server instead of a private one: a remote of your lxc or incus, or a socket's path;
                     shows what it is going to change, and asks
  --address ADDRESS  where that server is to listen, if it does not listen yet (default 127.0.0.1:8443)
  --yes              do not ask
  --help`;

const project = "quickstart";
const remote = "quickstart";
/** What --end has to know, in the folder. */
const notes = "quickstart.json";

/** @typedef {import("./quickstart-server.mjs").Server} Server */
/** @typedef {Pick<Server, "process" | "reach"> & { removeProject: boolean }} Notes */

main(async () => {
  const { values } = readArguments();
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (values.end !== undefined) return endKept(values.end);
  return show(values);
});

function readArguments() {
  const text = /** @type {const} */ ({ type: "string" });
  const flag = /** @type {const} */ ({ type: "boolean" });
  const options = { keep: flag, end: text, server: text, address: text, yes: flag, help: flag };
  try {
    return parseArgs({ options });
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/**
 * @param {{ keep?: boolean, server?: string, address?: string, yes?: boolean }} options
 * @returns {Promise<number>}
 */
async function show({ keep = false, server: name, address, yes = false }) {
  say("setting up what is missing");
  const found = await setUp({ pulumi: true, lxd: name === undefined });
  if (found.pulumi === undefined) throw new StepError(found.reasons.pulumi ?? "");
  say(`Pulumi ${found.pulumi.version} (${found.pulumi.origin})`);

  const users = name === undefined ? undefined : await agreeOn(name, address, yes);
  const folder = mkdtempSync(join(tmpdir().length > 40 ? "/tmp" : tmpdir(), "lxa-"));
  atEnd(`removing ${folder}`, () => removeDirectory(folder));
  const server = users ?? (await startPrivateServer(found, folder));
  const removeProject = !users?.hasProject;
  if (removeProject) await createProject(server, users !== undefined);

  const configDirectory = join(folder, "client");
  const settings = { address: server.address, project, configDirectory, remoteName: remote };
  const own = Object.entries(settings).map(([key, value]) => [`lxd-access-quickstart:${key}`, value]);
  const config = { ...server.config, ...Object.fromEntries(own) };
  const stack = await createStack(found.pulumi, folder, { config, secrets: server.secrets });
  // Written now already: should this process be killed, --end can still give the user's server back.
  /** @type {Notes} */
  const kept = { process: server.process, reach: server.reach, removeProject };
  writeFileSync(join(folder, notes), JSON.stringify(kept), { mode: 0o600 });
  atEnd("taking everything back", () => takeBack(stack, users === undefined ? undefined : folder));

  say("exposing the server, inviting a client and joining: pulumi up");
  await stack.up();
  await useRemote(server, configDirectory, folder);
  say("nothing more to do: pulumi preview --expect-no-changes");
  await stack.previewWithoutChanges();
  if (keep) {
    server.leaveRunning();
    leaveAsIs();
    explainKept(server, folder, configDirectory, stack.variables);
    return 0;
  }
  const isGone = await undoAll();
  if (isGone) say(users ? "done: your server is as it was" : "done: no process, mount or file is left");
  return isGone ? 0 : 1;
}

/**
 * @param {import("./quickstart-stack.mjs").Stack} stack
 * @param {string | undefined} folder the stack's, where it must not be lost as long as something is left on the server
 */
async function takeBack(stack, folder) {
  say("taking everything back: pulumi destroy");
  try {
    await stack.destroy();
  } catch (error) {
    if (folder !== undefined) {
      leaveAsIs();
      say(`not everything was taken back. To try again: npm run quickstart -- --end ${folder}`);
    }
    throw error;
  }
}

/**
 * @param {string} name
 * @param {string | undefined} address
 * @param {boolean} yes
 */
async function agreeOn(name, address, yes) {
  const server = await findUsersServer(name, address, project);
  say("this is going to be changed:");
  detail(server.changes.join("\n"));
  if (yes) return server;
  if (!hasTerminal())
    throw new StepError("Nobody is here to agree to that. Say --yes, or run it on a terminal.");
  if (!(await ask("Go on?"))) throw new StepError("Nothing was changed.");
  return server;
}

/**
 * The project that the client is restricted to. A private server is thrown away with it.
 * @param {Server} server
 * @param {boolean} remove
 */
async function createProject({ reach }, remove) {
  say(`creating the project "${project}"`);
  // Remembered first: an interrupted request may have created it all the same.
  if (remove) atEnd(`removing the project "${project}"`, () => deleteProject(reach));
  await requestLxd(reach, "POST", "/1.0/projects", { name: project });
}

/** @param {import("./lxd-request.mjs").Reach} reach */
async function deleteProject(reach) {
  const projects = await requestLxd(reach, "GET", "/1.0/projects");
  if (!projects.includes(`/1.0/projects/${project}`)) return;
  say(`removing the project "${project}"`);
  await requestLxd(reach, "DELETE", `/1.0/projects/${project}`);
}

/**
 * Lets the real client list and use the new remote, by nothing but the configuration that was written.
 * @param {Server} server
 * @param {string} configDirectory
 * @param {string} folder
 */
async function useRemote({ client, flavor }, configDirectory, folder) {
  const name = flavor === "lxd" ? "lxc" : "incus";
  if (client === undefined) {
    say(`no real \`${name}\` can use the new remote here; what it would go by:`);
    detail(readFileSync(join(configDirectory, "config.yml"), "utf8"));
    return;
  }
  const variable = configVariable(flavor);
  const env = { PATH: pathFolders().join(":"), HOME: folder, LANG: "C.UTF-8", [variable]: configDirectory };
  for (const args of [
    ["remote", "list"],
    ["list", `${remote}:`],
  ]) {
    say(`${variable}=${configDirectory} ${name} ${args.join(" ")}`);
    await run(client, args, { env, cwd: folder, show: true, seconds: 60 });
  }
}

/** @param {"lxd" | "incus"} flavor */
function configVariable(flavor) {
  return flavor === "lxd" ? "LXD_CONF" : "INCUS_CONF";
}

/**
 * @param {Server} server
 * @param {string} folder
 * @param {string} configDirectory
 * @param {Record<string, string>} variables
 */
function explainKept({ flavor, reach }, folder, configDirectory, variables) {
  const client = flavor === "lxd" ? "lxc" : "incus";
  const stack = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const asAdministrator =
    "socketPath" in reach
      ? `${flavor === "lxd" ? "LXD" : "INCUS"}_SOCKET=${reach.socketPath} ${client} config trust list`
      : `${client} config trust list ${reach.remote}:`;
  say("everything is up. To look around:");
  detail(`  ${configVariable(flavor)}=${configDirectory} ${client} list ${remote}:`);
  detail(`  ${asAdministrator}`);
  detail(`  ${stack.join(" ")} npm run --silent pulumi -- stack --stack quickstart`);
  detail(`To take it down:\n  npm run quickstart -- --end ${folder}`);
}

/**
 * @param {string} given the folder that --keep has named
 * @returns {Promise<number>}
 */
async function endKept(given) {
  const folder = resolve(given);
  const path = join(folder, notes);
  if (!existsSync(path)) throw new StepError(`${folder} is no folder that the quickstart left up.`);
  /** @type {Notes} */
  const kept = JSON.parse(readFileSync(path, "utf8"));
  // A private server goes with all that was done to it; the user's own has to be given back.
  if (kept.process.kind === "users") {
    const { pulumi, reasons } = await setUp({ pulumi: true });
    if (pulumi === undefined) throw new StepError(reasons.pulumi ?? "");
    await takeBack(stackIn(pulumi, folder), folder);
    if (kept.removeProject) await deleteProject(kept.reach);
  }
  say("ending what is left");
  await endServer(kept.process);
  removeDirectory(folder);
  say("done: nothing of it is left");
  return 0;
}
