/** What stands in a Remote's client directory, beside what was written there. */
import { isDeepStrictEqual } from "node:util";
import { expandPath, readClientPair, readRemote } from "../client-config/client-directory";
import type { Context, Deviation } from "../handler";
import { fingerprintIn } from "../pki/certificate-facts";
import { entryAddress, hereAfterAll } from "./remote-config";
import type { Before, ConfigPlace } from "./remote-place";
import type { State } from "./remote-schema";

/** How the entry of a Remote stands, and what of it is otherwise than it was written. */
type SeenEntry = Pick<State, "configState" | "configDeviations">;

/** Looks whether the remote stands in its directory as it was written. Without its directory that cannot be told. */
export async function observeEntry(
  context: Context,
  place: ConfigPlace,
  known: SeenEntry &
    Pick<Before, "entry" | "unwritten" | "clientFingerprint" | "project"> & {
      serverFingerprint?: string;
      /** The addresses at which the server did not answer while it did at another one. */
      failed?: readonly string[];
    },
): Promise<SeenEntry> {
  const { name, configDir, flavor } = place;
  if (configDir === undefined) return { configState: "absent" };
  const directory = expandPath(configDir, context.programDirectory);
  const found = await readRemote({ directory, name, flavor });
  if (!found.directoryExists) {
    context.log(
      "warning",
      `The client directory ${directory} is not on this machine: what is stored of Remote ${name} is kept. ${hereAfterAll}`,
    );
    const { configState, configDeviations } = known;
    return { configState, configDeviations };
  }
  const { entry, serverCertificate } = found;
  if (entry === undefined || known.entry === undefined)
    return { configState: "absent", configDeviations: undefined };
  const { addr, protocol = flavor, public: isPublic = false } = known.entry;
  const isDead = (known.failed ?? []).some((address) => entryAddress(address) === addr);
  const configDeviations = [
    ...differing("addr", addr, entry.addr),
    ...differing("protocol", protocol, entry.protocol),
    ...differing("public", isPublic, entry.public),
    ...(known.project === undefined ? [] : differing("project", known.project, entry.project)),
    ...differing("serverCertificate", known.serverFingerprint, fingerprintIn(serverCertificate)),
    ...(isPublic
      ? []
      : differing("clientCertificate", known.clientFingerprint, await pairIn(directory, place))),
    ...(isDead ? [{ property: "configState.addr", found: addr, reason: deadAddress(addr) }] : []),
    ...(known.unwritten === true ? [{ property: "configState", reason: outOfDate }] : []),
  ];
  return configDeviations.length === 0
    ? { configState: "present", configDeviations: undefined }
    : { configState: "changed", configDeviations };
}

/** What of the entry is otherwise than it was written. Certificates are shown by their SHA-256, hex. */
export function otherEntry({ configState: found, configDeviations = [] }: State): Deviation[] {
  if (found === "present") return [];
  const isTold = found === "changed" && configDeviations.length > 0;
  return isTold ? configDeviations : [{ property: "configState", expected: "present", found }];
}

function differing(part: string, expected: unknown, found: unknown): Deviation[] {
  return isDeepStrictEqual(expected, found) ? [] : [{ property: `configState.${part}`, expected, found }];
}

function deadAddress(addr: string): string {
  return `the server does not answer at ${addr}, which the entry leads to, and does at another of its addresses`;
}

const outOfDate =
  "the entry was not written when the Remote changed, as its client directory was on another machine";

/** SHA-256 of the certificate that clients use for this remote, hex; undefined where they have none that is usable. */
async function pairIn(directory: string, { flavor, name }: ConfigPlace): Promise<string | undefined> {
  const pair = await readClientPair({ directory, flavor, name }).catch(() => undefined);
  return fingerprintIn(pair?.certificate);
}
