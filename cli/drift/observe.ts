/** What became of the resources of stacks, of their servers, and of what expires. Nothing is changed by it. */
import { Call } from "../../provider/call";
import type { AccessError } from "../../provider/errors";
import { ClientPool } from "../../provider/lxd/pool";
import { isActive, isPending } from "../../provider/lxd/entities";
import { fingerprintIn } from "../../provider/pki/certificate-facts";
import { findClient } from "../../provider/resources/trusted-client";
import type { ServerAccess } from "../server-access";
import type { World } from "../world";
import { findExpiries } from "./expiries";
import { Fleet, type FleetServer, type Servers, statusOf } from "./fleet";
import { look, type Lookout, type Placed, recall } from "./look";
import { maskOf, withoutSecrets } from "./masking";
import { programFolder } from "../program-folder";
import type { Observation, RawFinding } from "./report";
import { type AnyState, bearings, type Remembered, type Seen } from "./seen";
import type { Stack, StackResource } from "./stack";
import { findUnmanaged, type Managed } from "./unmanaged";

/** A stack, and the folder of its project (an absolute path). */
export interface ProjectStack {
  readonly stack: Stack;
  readonly directory: string;
}

/** Is told how many of the resources were looked at, and what is waited for; empty where that is nothing. */
export type Progress = (done: number, total: number, doing: string) => void;

/** Looks at all resources of the stacks at once. Nothing secret is in what it answers. */
export async function observe(
  stacks: readonly ProjectStack[],
  { expiringDays }: { expiringDays: number },
  world: World,
  onProgress: Progress,
): Promise<Observation> {
  const mask = maskOf(stacks.flatMap(({ stack }) => [...stack.secrets]));
  const pool = new ClientPool();
  const lookout: Lookout = { world, pool, fleet: new Fleet() };
  try {
    const resources = await placedIn(stacks, (stack) => stack.resources);
    const others = await placedIn(stacks, (stack) => stack.others);
    const remembered = await Promise.all(others.map((placed) => recall(placed, lookout)));
    const seen = await lookAtAll(resources, lookout, (done, total, doing) => {
      onProgress(done, total, mask(doing));
    });
    const servers = await lookout.fleet.servers(mask);
    const expiring = { days: expiringDays, now: world.now() };
    return withoutSecrets(observation(stacks, seen, remembered, servers, expiring), mask);
  } finally {
    await pool.close();
  }
}

async function placedIn(
  stacks: readonly ProjectStack[],
  choose: (stack: Stack) => readonly StackResource[],
): Promise<Placed[]> {
  const lists = stacks.map(async ({ stack, directory }) => {
    const programDirectory = await programFolder(directory);
    return choose(stack).map((resource) => ({ stack: stack.name, resource, programDirectory }));
  });
  return (await Promise.all(lists)).flat();
}

async function lookAtAll(
  resources: readonly Placed[],
  lookout: Lookout,
  onProgress: Progress,
): Promise<Seen[]> {
  const waiting = new Set<Call>();
  const tell = (): void => {
    const [first] = waiting;
    onProgress(resources.length - waiting.size, resources.length, first?.doing ?? "");
  };
  const looks = resources.map(async (placed) => {
    const call = new Call({ readOnly: true });
    waiting.add(call);
    try {
      return await look(placed, lookout, call);
    } finally {
      waiting.delete(call);
      tell();
    }
  });
  tell();
  return Promise.all(looks);
}

function observation(
  stacks: readonly ProjectStack[],
  seen: readonly Seen[],
  others: readonly Remembered[],
  servers: Servers,
  expiring: { days: number; now: Date },
): Observation {
  const serverOf = (one: Remembered): FleetServer | undefined => findServer(one, servers);
  const holders = seen.flatMap((of) => {
    const state = of.status === "gone" ? undefined : (of.now ?? of.stored);
    return state === undefined ? [] : [{ of, state, isCurrent: of.now !== undefined, server: serverOf(of) }];
  });
  const { expiries, findings: due } = findExpiries(holders, expiring);
  const ofServers = servers.all.flatMap((server) => {
    const here = [...seen, ...others].filter((one) => serverOf(one) === server);
    return [
      ...untold(
        server,
        seen.filter((one) => here.includes(one)),
      ),
      ...findUnmanaged(server, managedBy(here, server, servers.ownClients)),
    ];
  });
  const ofResources = seen.flatMap((one) =>
    one.findings.map((finding) => ({ ...bearings(one, serverOf(one)), ...finding })),
  );
  return {
    stacks: stacks.map(({ stack: { name, resources } }) => ({ name, resources: resources.length })),
    resources: seen.map((one) => {
      const { stack, resource, status, notes } = one;
      const { urn, name, type, id } = resource;
      return { stack, urn, name, type, id, server: serverOf(one)?.name, status, notes: [...notes] };
    }),
    servers: servers.all.map(({ report }) => report),
    expiries,
    findings: [...ofResources, ...ofServers, ...due],
    notes: stacks.flatMap(({ stack }) => [...withoutResources(stack), ...stack.notes]),
  };
}

/** A stack that was named by mistake would be in sync for ever. */
function withoutResources({ name, resources }: Stack): string[] {
  return resources.length > 0
    ? []
    : [`${name} has no resource of pulumi-lxd-access, so nothing of it was looked at`];
}

function findServer({ by, stored, resource }: Remembered, servers: Servers): FleetServer | undefined {
  if (resource.type === "ClientCertificate") return undefined;
  const { server, serverFingerprint: fingerprint, serverName: name } = stored ?? {};
  return servers.find(by, server ?? (fingerprint === undefined ? undefined : { fingerprint, name }));
}

/** That it could not be told who has access to a server, unless a resource on it tells already. */
function untold({ name: server, error, unseen = [] }: FleetServer, here: readonly Seen[]): RawFinding[] {
  const blind = here.filter(({ status }) => status === "unreachable" || status === "failed");
  const finding = (problem: AccessError, name: string, what: string): RawFinding => ({
    ...{ kind: statusOf(problem), name, type: "server", server, code: problem.errorCode },
    message: `${server}: it could not be told ${what}: ${problem.summary}`,
  });
  if (error !== undefined) return blind.length > 0 ? [] : [finding(error, server, "who has access")];
  return unseen
    .filter(({ member }) => !blind.some(({ stored }) => stored?.server?.name === member))
    .map((one) => finding(one.error, one.member, `where its member ${JSON.stringify(one.member)} listens`));
}

/** What resources on a server have there, as the stack remembers it and as it is now. */
function managedBy(
  here: readonly (Remembered | Seen)[],
  { access }: FleetServer,
  ownClients: ReadonlySet<string>,
): Managed {
  const clients = new Set(ownClients);
  const tokens = new Set<string>();
  const listeners = new Set<string>();
  for (const one of here) {
    for (const state of [one.stored, "now" in one ? one.now : undefined]) {
      if (state === undefined) continue;
      const { clientFingerprint, nextPair, operation, identity } = state;
      for (const client of [clientFingerprint, fingerprintIn(nextPair?.certificate)])
        if (client !== undefined) clients.add(client);
      for (const token of [operation, identity]) if (token !== undefined) tokens.add(token);
    }
    if (one.resource.type === "HttpsAddress" && one.stored?.server !== undefined)
      listeners.add(one.stored.server.name);
    if (one.resource.type === "TrustToken" && one.stored !== undefined && mayBeRedeemed(one, access)) {
      const client = clientOf(one.stored, access);
      if (client !== undefined) clients.add(client);
    }
  }
  return { clients, tokens, listeners };
}

/** Whether a token may have a client that looking at the resource did not tell. */
function mayBeRedeemed(one: Remembered | Seen, access: ServerAccess | undefined): boolean {
  // A stack remembers a token as waiting until it is refreshed.
  if (!("now" in one) || one.now === undefined) return true;
  // One that waited when it was looked at, and no more when the clients were.
  const { state, operation, identity } = one.now;
  const waiting = [
    ...(access?.tokens ?? []).map((token) => token.operation),
    ...(access?.identities ?? []).filter(isPending).map(({ id }) => id),
  ];
  return state === "pending" && !waiting.some((id) => id === operation || id === identity);
}

/** The client that came of a token, by what the stack remembers of it. */
function clientOf(
  { given = {}, knownClients = [] }: AnyState,
  access: ServerAccess | undefined,
): string | undefined {
  const clients = [
    ...(access?.certificates ?? []).filter(({ type }) => type === "client"),
    ...(access?.identities ?? [])
      .filter(isActive)
      .map(({ name, id: fingerprint }) => ({ name, fingerprint })),
  ];
  const marks = { name: String(given["clientName"]), fingerprints: [], others: knownClients };
  const found = findClient(clients, marks);
  return typeof found === "string" ? undefined : found.fingerprint;
}
