/** What to do next where a host cannot be reached, whatever is spoken with it. */

/** Where nothing at all comes back. */
export const hintForSilence = "Is the host on, and does no firewall stand between here and there?";

const unknownName = "The name is not found from here: correct it, or this machine's DNS";
const noWay = "No way leads there from here: is the host on, and in a network that this machine reaches?";

const hints: Readonly<Record<string, string | undefined>> = {
  ENOTFOUND: unknownName,
  EAI_AGAIN: unknownName,
  EHOSTUNREACH: noWay,
  ENETUNREACH: noWay,
  ETIMEDOUT: hintForSilence,
};

/** The next step after a failure that Node gives this code; undefined where the code tells nothing of the host. */
export function hintForHost(code: string): string | undefined {
  return hints[code];
}
