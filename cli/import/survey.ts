/** What could be taken over of a server, and of a client directory: the ids of all that is there. Nothing is changed. */
import type { ListedRemote } from "../../provider/client-config/remote-list";
import { describeUnsafeName } from "../../provider/client-config/remote-name";
import { asAccessError, quoted, refuse } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import type { LxdClient } from "../../provider/lxd/client";
import { functions } from "../../provider/registry";
import { splitRemote } from "../../provider/resources/import-id";
import { describeClientNameProblem } from "../../provider/resources/trusted-client";
import { readAccess, type ServerAccess } from "../server-access";
import { isDirectory } from "./place";

/** Something that is there, and may become a resource. */
export interface Candidate {
  readonly resource: "HttpsAddress" | "Remote" | "TrustToken";
  /** As the handler's `import` takes it. */
  readonly id: string;
  /** For people. */
  readonly what: string;
  /** What its name in the program is made of. */
  readonly words: readonly string[];
  /** What tells it from others with the same words, such as a fingerprint. */
  readonly mark?: string;
}

/** Something that is there and is not taken over, for people. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

/** A server or a client directory that was looked at. */
export interface Survey {
  /** For people. */
  readonly title: string;
  readonly candidates: readonly Candidate[];
  readonly leftOut: readonly LeftOut[];
}

/** As much of a fingerprint as people compare. */
const shownDigits = 12;

/**
 * Who has access to a server and where it listens: that of a remote, as `lxc` calls it, or the one of resources without a connection.
 * The errors of {@link readAccess} and of finding the server; INPUT_INVALID for what can be no remote's name.
 */
export async function surveyServer(context: Context, remote: string | undefined): Promise<Survey> {
  const prefix = remote === undefined ? "" : `${remote}:`;
  const { connection, rest } = splitRemote(context, prefix);
  if (rest !== "" || remote === "")
    refuse("INPUT_INVALID", `--remote ${JSON.stringify(remote)} can be no remote's name`);
  const client = await context.connect(connection);
  const unseen: LeftOut[] = [];
  const access = await readAccess(client, (member, error) => {
    const what = `the listener of the member ${JSON.stringify(member)} on ${client.name}`;
    unseen.push({ what, why: asAccessError(what, error).message });
  });
  const place = { prefix, words: remote === undefined ? [] : [remote], on: `on ${client.name}` };
  const { version, type, identity } = access.server;
  const kind = type === "incus" ? "Incus" : "LXD";
  const found = [
    ...unseen,
    ...listeners(access, place),
    ...clients(access, client, place),
    ...tokens(access, place),
  ];
  return {
    title: `The server ${JSON.stringify(identity.name)} (${kind} ${version}) at ${client.name}`,
    ...parted(found),
  };
}

/** The remotes of a client directory. CLIENT_CONFIG where it is not there or cannot be read. */
export async function surveyDirectory(context: Context, configDir: string): Promise<Survey> {
  if (!isDirectory(configDir, context)) refuse("CLIENT_CONFIG", `There is no directory ${configDir}`);
  const { remotes } = await functions.listRemotes.call(context, { configDir });
  const builtIn = remotes.filter((remote) => remote.static).map(({ name }) => name);
  const found = remotes.filter((remote) => !remote.static).map((remote) => joined(remote, configDir));
  const title = `Remotes of the client directory ${configDir}`;
  const { candidates, leftOut } = parted(found);
  const note = { what: `${quoted(builtIn)} of ${configDir}`, why: "every client has this built in" };
  return { title, candidates, leftOut: [note, ...leftOut] };
}

/** Where something was found on a server, and what its ids and names begin with. */
interface Place {
  readonly prefix: string;
  readonly words: readonly string[];
  readonly on: string;
}

function listeners({ listeners: all }: ServerAccess, { prefix, words, on }: Place): Candidate[] {
  return all.map(({ member, address }) => {
    const id = `${prefix}core.https_address${member === undefined ? "" : `@${member}`}`;
    const what = `the listener ${address} ${member === undefined ? on : `of the member ${member} ${on}`}`;
    const name = member === undefined ? [] : [member];
    return { resource: "HttpsAddress", id, what, words: [...words, "listener", ...name] };
  });
}

function clients(
  { certificates, identities }: ServerAccess,
  { ownFingerprint }: LxdClient,
  { prefix, words, on }: Place,
): (Candidate | LeftOut)[] {
  const all = [
    ...certificates.map(({ name, fingerprint, type }) => ({
      ...{ name, fingerprint, type },
      id: `${prefix}certificate/${name}/${fingerprint}`,
      problem: describeClientNameProblem(name),
    })),
    ...identities.map(({ name, id }) => ({
      ...{ name, fingerprint: id, type: "client" },
      id: `${prefix}identity/${name}`,
      problem: undefined,
    })),
  ];
  return byName(all).map(({ name, fingerprint, type, id, problem }) => {
    const which = `${JSON.stringify(name)} (${fingerprint.slice(0, shownDigits)}) ${on}`;
    if (type !== "client")
      return { what: `the certificate ${which}`, why: `it is of type ${type}, no client's` };
    const what = `the client ${which}`;
    if (fingerprint === ownFingerprint)
      return { what, why: "it is the connection's own client, which nothing should take away" };
    if (problem !== undefined) return { what, why: unsayable(problem) };
    return { resource: "TrustToken", id, what, words: [...words, "client", name], mark: fingerprint };
  });
}

function tokens({ tokens: all }: ServerAccess, { prefix, words, on }: Place): (Candidate | LeftOut)[] {
  const named = all.map((token) => ({ ...token, name: token.token.request.name }));
  return byName(named).map(({ operation, token: { request } }) => {
    const what = `the token that waits for ${JSON.stringify(request.name)} ${on}`;
    if (request.type !== "client") return { what, why: `it is for a certificate of type ${request.type}` };
    const problem = describeClientNameProblem(request.name);
    if (problem !== undefined) return { what, why: unsayable(problem) };
    const id = `${prefix}certificate/${request.name}/${operation}`;
    return { resource: "TrustToken", id, what, words: [...words, "token", request.name], mark: operation };
  });
}

function joined(remote: ListedRemote, configDir: string): Candidate | LeftOut {
  const { name, address } = remote;
  const what = `the remote ${JSON.stringify(name)} (${address}) of ${configDir}`;
  if (address.startsWith("unix:")) return { what, why: "it is a socket of this machine, which nobody joins" };
  const problem = describeUnsafeName(name);
  if (problem !== undefined) return { what, why: unsayable(problem) };
  return { resource: "Remote", id: `${name}:${configDir}`, what, words: ["remote", name] };
}

function unsayable(problem: string): string {
  return `no program can say its name: ${problem}`;
}

function parted(found: readonly (Candidate | LeftOut)[]): Pick<Survey, "candidates" | "leftOut"> {
  return {
    candidates: found.filter((one): one is Candidate => "id" in one),
    leftOut: found.filter((one): one is LeftOut => "why" in one),
  };
}

/** Servers list things in no order that lasts. */
function byName<One extends { name: string }>(all: readonly One[]): One[] {
  return [...all].sort((one, other) => (one.name < other.name ? -1 : 1));
}
