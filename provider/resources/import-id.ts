/** Ids by which `pulumi import` and `get` name what exists already: their form, and the remote that one may begin with. */
import type { Connection } from "../connection";
import { connection } from "../connection";
import { refuse } from "../errors";
import type { Context, RawInputs, ResourceHandler } from "../handler";
import { checkInputs } from "../schema";

/** Bytes. Nothing that ids hold is longer than a path, which the system takes no longer. */
const longestId = 4096;

/** As much of an id as is repeated in messages, in characters. */
const longestShown = 80;

/** What `parse` makes of an id of a resource; INPUT_INVALID, with the form that its ids have, where that is nothing. */
export function readId<Parts>(
  resource: string,
  form: string,
  id: string,
  parse: (text: string) => Parts | undefined,
): Parts {
  const isUsable = id !== "" && Buffer.byteLength(id) <= longestId && !/[\p{Cc}\p{Cs}]/u.test(id);
  const parts = isUsable ? parse(id) : undefined;
  if (parts !== undefined) return parts;
  const shown = id.length > longestShown ? `${id.slice(0, longestShown)}…` : id;
  return refuse(
    "INPUT_INVALID",
    `The id ${JSON.stringify(shown)} is none of a resource ${resource}. Give one of the form ${form}`,
  );
}

/** The server that an id names in front, by a remote of `lxc` or `incus` as these do (`edge:`), and the rest of it. */
export function splitRemote(
  { configDir }: Pick<Context, "configDir">,
  id: string,
): { connection?: Connection; rest: string } {
  const [, remote, rest = ""] = /^([^:/]+):(.*)$/su.exec(id) ?? [];
  // Of what can be no remote's name nothing is taken away, so that the rest is found fault with.
  if (remote === undefined || !connection.safeParse({ remote }).success) return { rest: id };
  return { connection: configDir === undefined ? { remote } : { remote, configDir }, rest };
}

/** INPUT_INVALID where what was found cannot be said by inputs. `what` names it. */
export function refuseUnlessSayable<Args extends object, State extends object>(
  handler: Pick<ResourceHandler<Args, State>, "args" | "rules">,
  what: string,
  args: Args,
): void {
  const failures = checkInputs(handler, args as RawInputs);
  if (failures.length === 0) return;
  const list = failures.map(({ property, reason }) => `${property} ${reason}`).join("; ");
  refuse("INPUT_INVALID", `${what} cannot be imported, since no program can say what it is: ${list}`);
}
