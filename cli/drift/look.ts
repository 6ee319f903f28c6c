/** Looks at a resource with its handler, in a call that may change nothing. */
import type { Call } from "../../provider/call";
import { AccessError, asAccessError } from "../../provider/errors";
import { type Context, type Deviation, deviating } from "../../provider/handler";
import type { ClientPool } from "../../provider/lxd/pool";
import { contextFor } from "../../provider/registry";
import { type ResourceFront, resourceFront } from "../../provider/resource-front";
import type { World } from "../world";
import { type Fleet, type Glimpse, statusOf } from "./fleet";
import type { AnyState, Remembered, Seen } from "./seen";
import { isKnown, type StackResource } from "./stack";

/** A deviation in a report. */
type Told = Pick<Seen["findings"][number], "property" | "expected" | "found" | "reason">;

/** What there is to look with. */
export interface Lookout {
  readonly world: World;
  readonly pool: ClientPool;
  readonly fleet: Fleet;
}

/** A resource of a stack, and where relative paths of its program start. */
export interface Placed {
  readonly stack: string;
  readonly resource: StackResource;
  readonly programDirectory: string;
}

/** What the stack remembers of a resource, without looking at it. */
export async function recall(placed: Placed, { world, pool, fleet }: Lookout): Promise<Remembered> {
  const { stack, resource } = placed;
  try {
    const { stored } = storedIn(resource);
    const known = stored as AnyState;
    const client = isAdministered(resource)
      ? await contextOf(placed, world, pool, () => undefined).connect(known.connection)
      : undefined;
    if (client !== undefined) fleet.use(client);
    return { stack, resource, stored: known, by: client };
  } catch {
    // Nobody asked about it.
    return { stack, resource, stored: undefined, by: undefined };
  }
}

/** Looks at a resource, and has its server looked at. `call` tells meanwhile what is waited for. */
export async function look(placed: Placed, { world, pool, fleet }: Lookout, call: Call): Promise<Seen> {
  const { stack, resource } = placed;
  const notes: string[] = [];
  const seen = { stack, resource, notes };
  let stored: object | undefined;
  let by: Seen["by"];
  try {
    const known = storedIn(resource);
    stored = known.stored;
    const context = contextOf(placed, world, pool, (message) => notes.push(message));
    const { connection, server } = known.stored as AnyState;
    const client = isAdministered(resource) ? await context.connect(connection) : undefined;
    by = client;
    const asked = client && fleet.ask(client, server);
    const read = call.run(() => known.front.handler.read(context, resource.id, known.stored));
    const [now] = await Promise.allSettled([read, asked]);
    if (now.status === "rejected") throw now.reason;
    by ??= glimpse(resource, now.value ?? known.stored, "seen");
    return { ...seen, stored: known.stored, by, ...outcome(known.front, resource, now.value, world.now()) };
  } catch (thrown) {
    const error = asAccessError("looking at it", thrown);
    const status = statusOf(error);
    by ??= stored && glimpse(resource, stored, status);
    const about = `${resource.type} ${resource.name}: `;
    const message = error.summary.startsWith(about) ? error.summary : `${about}${error.summary}`;
    const findings = [{ kind: status, code: error.errorCode, message }];
    return { ...seen, stored, by, status, now: undefined, findings };
  } finally {
    if (by !== undefined && "place" in by) fleet.glimpse(by);
  }
}

function storedIn({ type, outputs }: StackResource): { front: ResourceFront; stored: object } {
  if (!isKnown(type))
    throw new AccessError(
      "INPUT_INVALID",
      "this release has no such resource. It was made by a newer one: update pulumi-lxd-access",
    );
  const front = resourceFront(type);
  return { front, stored: front.state(outputs) };
}

/** What does not answer is told here, whatever the stack says to do about it in a refresh. */
function contextOf(
  { resource: { config }, programDirectory }: Placed,
  { environment, now }: World,
  pool: ClientPool,
  note: (message: string) => void,
): Context {
  const surroundings = { config, environment, programDirectory, now };
  const log = (_level: string, message: string): void => {
    note(message);
  };
  return { ...contextFor({ ...surroundings, log }, pool), onUnreachable: "fail" };
}

function isAdministered({ type }: StackResource): boolean {
  return type === "HttpsAddress" || type === "TrustToken";
}

/** What a Remote knows of its server; of an image server that is never dialled, nothing. */
function glimpse({ type }: StackResource, state: AnyState, status: Glimpse["status"]): Glimpse | undefined {
  const { address, serverFingerprint: fingerprint, given = {} } = state;
  if (type !== "Remote" || address === undefined || fingerprint === undefined) return undefined;
  if (given["protocol"] === "simplestreams") return undefined;
  const { serverName, serverType, serverVersion: version } = state;
  return { status, fingerprint, place: `https://${address}`, serverName, type: serverType, version };
}

/** What it means that a resource is now so; undefined where it is gone. */
function outcome(
  { handler }: ResourceFront,
  { type, name, id, inputs }: StackResource,
  now: object | undefined,
  time: Date,
): Pick<Seen, "status" | "now" | "findings"> {
  if (now === undefined) {
    const message = `${type} ${name} (${id}) is not there any more`;
    return { status: "gone", now, findings: [{ kind: "gone", message }] };
  }
  const deviations = handler.deviations(now, inputs, time);
  const told = deviating(deviations);
  const others = handler
    .diff(now, inputs, time)
    .changed.filter((property) => !told.includes(property))
    .map((property) => ({ property, reason: `${property} is not what the program gave last` }));
  const findings = [...deviations, ...others].map((deviation) => ({
    ...{ kind: "changed" as const, ...asJson(deviation) },
    message: `${type} ${name}: ${describe(deviation)}`,
  }));
  return { status: findings.length === 0 ? "in-sync" : "changed", now, findings };
}

function describe({ property, expected, found, reason }: Deviation): string {
  if (reason !== undefined) return reason;
  const was = expected === undefined ? "" : ` instead of ${JSON.stringify(expected)}`;
  return `${property} is ${found === undefined ? "not there" : JSON.stringify(found)}${was}`;
}

/** As a report has it: JSON has no undefined. */
function asJson({ property, expected, found, reason }: Deviation): Told {
  return JSON.parse(JSON.stringify({ property, expected, found, reason })) as Told;
}
