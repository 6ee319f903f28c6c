/** What can be taken over, each with its inputs and outputs as the engine stores them, and what cannot, with the reason. Only looks. */
import { asAccessError, quoted } from "../../provider/errors";
import type { Context } from "../../provider/handler";
import { resourceFront } from "../../provider/resource-front";
import { type Described, namesIn, subjectOf } from "./in-stack";
import { namesFor } from "./names";
import { type Candidate, type LeftOut, type Survey, surveyDirectory, surveyServer } from "./survey";

/** A resource as it is to be in the stack and in the program. */
export interface Taken {
  readonly resource: Candidate["resource"];
  readonly name: string;
  readonly id: string;
  /** Secrets are marked; of what exists already no input is one. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Secrets are marked. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A server or a client directory, and what is taken over of it. */
export interface Group {
  /** For people. */
  readonly title: string;
  readonly taken: readonly Taken[];
}

/** All that was found. */
export interface Finds {
  readonly groups: readonly Group[];
  /** What is there and is not taken over. */
  readonly leftOut: readonly LeftOut[];
  /** Servers and directories that could not be looked at. */
  readonly unseen: readonly LeftOut[];
}

/** Which servers and client directories are meant. */
export interface Wanted {
  /** Each a remote's name; undefined for the server of resources without a connection. */
  readonly servers: readonly (string | undefined)[];
  /** Each as `configDir` takes it. */
  readonly directories: readonly string[];
  /** What the stack has already. */
  readonly inStack: readonly (Described & { readonly type: string; readonly name: string })[];
}

/** Looks at everything that is meant. One thing that cannot be looked at, or not be taken over, hides nothing of the others. */
export async function takeAll(context: Context, { servers, directories, inStack }: Wanted): Promise<Finds> {
  const surveys = await Promise.all([
    ...servers.map((remote) =>
      orWhyNot(
        remote === undefined ? "the server" : `the server of the remote ${JSON.stringify(remote)}`,
        () => surveyServer(context, remote),
      ),
    ),
    ...directories.map((configDir) =>
      orWhyNot(`the client directory ${configDir}`, () => surveyDirectory(context, configDir)),
    ),
  ]);
  const seen = surveys.filter((survey): survey is Survey => "candidates" in survey);
  const { programDirectory } = context;
  const nameInStack = await namesIn(inStack, programDirectory);
  const tried = eachOnce(
    await Promise.all(
      seen.map(({ candidates }) =>
        Promise.all(candidates.map((one) => tryTaking(context, one, nameInStack))),
      ),
    ),
  );
  const found = tried.flat().filter((one): one is Found => "inputs" in one);
  const names = namesFor(
    found,
    inStack.map(({ name }) => name),
  );
  const named = new Map(found.map((one, index) => [one, names[index] ?? ""]));
  const groups = seen.map(({ title }, index) => ({
    title,
    taken: (tried[index] ?? []).flatMap((one) =>
      "inputs" in one ? [{ ...one, name: named.get(one) ?? "" }] : [],
    ),
  }));
  return {
    groups: groups.filter(({ taken }) => taken.length > 0),
    leftOut: [
      ...seen.flatMap(({ leftOut }) => leftOut),
      ...tried.flat().filter((one): one is LeftOut => "why" in one),
    ],
    unseen: surveys.filter((one): one is LeftOut => "why" in one),
  };
}

const fronts = {
  HttpsAddress: resourceFront("HttpsAddress"),
  Remote: resourceFront("Remote"),
  TrustToken: resourceFront("TrustToken"),
};

/** A candidate with what it is, and what it is about where that can be told. */
type Found = Candidate & Pick<Taken, "inputs" | "outputs"> & { readonly subject: string | undefined };

/** `nameInStack` answers by what name the stack has something already. */
async function tryTaking(
  context: Context,
  candidate: Candidate,
  nameInStack: (subject: string | undefined, found: Described) => string | undefined,
): Promise<Found | LeftOut> {
  const { resource, id, what } = candidate;
  return orWhyNot(what, async () => {
    const front = fronts[resource];
    const found = await front.handler.import(context, id);
    if (found === undefined) return { what, why: "it is not there any more" };
    const described = { inputs: front.inputs(found.args), outputs: front.outputs(found.state) };
    const subject = await subjectOf(resource, described, context.programDirectory);
    const name = nameInStack(subject, described);
    if (name !== undefined) return { what, why: `the stack has it already, as ${JSON.stringify(name)}` };
    const { changed } = front.handler.diff(found.state, described.inputs, context.now());
    if (changed.length > 0) {
      const deviations = front.handler.deviations(found.state, described.inputs, context.now());
      const why = deviations.flatMap(({ reason = [] }) => reason).join("; ") || quoted(changed);
      return { what, why: `the next update would change it: ${why}` };
    }
    return { ...candidate, ...described, subject };
  });
}

/** What two remotes, or two paths of a client directory, lead to is taken where it was found first. */
function eachOnce(tried: readonly (readonly (Found | LeftOut)[])[]): (Found | LeftOut)[][] {
  const taken = new Map<string, string>();
  return tried.map((all) =>
    all.map((one) => {
      if ("why" in one || one.subject === undefined) return one;
      const first = taken.get(one.subject);
      if (first !== undefined) return { what: one.what, why: `it is taken already, as ${first}` };
      taken.set(one.subject, one.what);
      return one;
    }),
  );
}

async function orWhyNot<Result>(what: string, look: () => Promise<Result>): Promise<Result | LeftOut> {
  try {
    return await look();
  } catch (error) {
    return { what, why: asAccessError(what, error).message };
  }
}
