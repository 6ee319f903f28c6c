/** Which key pair a Remote uses: the one that is given, else that of its client directory, else one of its own. */
import {
  expandPath,
  forgetOwnPair,
  loadOrCreateClientPair,
  type PairPlace,
  readClientPair,
} from "../client-config/client-directory";
import { refuse } from "../errors";
import type { Context } from "../handler";
import type { LxdClient } from "../lxd/client";
import { createClientCertificate, describeClientPairProblem, type KeyPair } from "../pki/certificate";
import { readCertificate } from "../pki/certificate-facts";
import type { ConfigPlace } from "./remote-place";

/** What of a Remote's inputs says which pair it uses. */
interface PairInputs {
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

/** What a Remote remembers of its pair. One of an image server has none. */
interface Kept extends PairInputs {
  readonly given: Readonly<Record<string, unknown>>;
}

/** The pair to join with. */
export interface ChosenPair {
  readonly pair: KeyPair;
  /** SHA-256 of its certificate, hex, where it was put into the client directory just now. */
  readonly made?: string;
}

/** The pair that a Remote has, as PEM; the key is secret. Undefined where it has none. */
export function pairOf({ clientCertificate, clientKey }: PairInputs): KeyPair | undefined {
  return clientCertificate === undefined || clientKey === undefined
    ? undefined
    : { certificate: clientCertificate, privateKey: clientKey };
}

/**
 * The pair that is used whatever the client directory holds: the one that is given, or the one of before. In the directory
 * of before another pair is refused, because on another machine it would take the place of this one's. INPUT_INVALID where
 * it cannot be used.
 */
export function settledPair(
  context: Context,
  wanted: PairInputs & Pick<ConfigPlace, "configDir">,
  old: Kept | undefined,
): KeyPair | undefined {
  const { configDir } = wanted;
  const isThere = configDir === undefined || configDir === old?.given["configDir"];
  const pair = pairOf(wanted) ?? (isThere && old !== undefined ? pairOf(old) : undefined);
  return pair && requireUsable(context, pair);
}

/**
 * The pair to join with, where nothing settles it: the one used in the client directory, or the Remote's own where there is
 * none yet; made where there is no such either. Nothing is stored, and what the directory lacks is new. INPUT_INVALID where it cannot
 * be used.
 */
export async function findPair(
  context: Context,
  place: ConfigPlace,
  own: KeyPair | undefined,
): Promise<{ pair: KeyPair; isNew: boolean }> {
  const directory = pairPlaceOf(context, place);
  const found = directory && (await readClientPair(directory));
  const pair =
    found ??
    own ??
    (await createClientCertificate({ commonName: commonNameOf(place.name), now: context.now() }));
  return { pair: requireUsable(context, pair), isNew: found === undefined };
}

/** Puts a pair into the client directory, unless another has come there first: then that is the one to join with. */
export async function keepPair(context: Context, place: ConfigPlace, pair: KeyPair): Promise<ChosenPair> {
  const directory = pairPlaceOf(context, place);
  if (directory === undefined) return { pair };
  let made: string | undefined;
  const create = (): Promise<KeyPair> => {
    made = readCertificate(pair.certificate).fingerprint;
    return Promise.resolve(pair);
  };
  const kept = await loadOrCreateClientPair({ ...directory, create });
  return made === undefined ? { pair: requireUsable(context, kept) } : { pair, made };
}

function pairPlaceOf(context: Context, { name, configDir, flavor }: ConfigPlace): PairPlace | undefined {
  if (configDir === undefined) return undefined;
  return { directory: expandPath(configDir, context.programDirectory), flavor, name };
}

/**
 * What a client directory says of its pair cannot be looked up where the directory is not. CLIENT_CONFIG where the Remote
 * needs it: to join with, or because one of `lxc` has one pair for good.
 */
export function requirePairElsewhere(
  { name, configDir, flavor }: ConfigPlace,
  settled: KeyPair | undefined,
  old: (PairInputs & { readonly clientFingerprint?: string }) | undefined,
): void {
  const where = `Remote ${name}: its client directory ${String(configDir)} is not on this machine`;
  if (settled === undefined)
    refuse(
      "CLIENT_CONFIG",
      `${where}, and so is the client certificate to join with. Nothing was sent. Run Pulumi where it is, or give ` +
        "clientCertificate and clientKey",
    );
  if (flavor === "incus" || old?.clientFingerprint === readCertificate(settled.certificate).fingerprint)
    return;
  refuse(
    "CLIENT_CONFIG",
    `${where}, and has one client certificate for good, which is not the given one. Nothing was changed. Keep the one of ` +
      "before, or give another configDir",
  );
}

/** Removes a pair that was made for nothing, where it is this remote's alone, so that no destroy takes it for somebody's. */
export async function dropMadePair(
  context: Context,
  place: ConfigPlace,
  { made }: ChosenPair,
): Promise<void> {
  const directory = pairPlaceOf(context, place);
  if (directory !== undefined && made !== undefined) await forgetOwnPair(directory, made);
}

/** Servers spend the token before they look at the certificate, so it is looked at here. */
function requireUsable(context: Context, pair: KeyPair): KeyPair {
  const problem = describeClientPairProblem(pair, context.now());
  return problem === undefined
    ? pair
    : refuse("INPUT_INVALID", `clientCertificate and clientKey: ${problem}`);
}

/** LXD_REJECTED where the server's clock, by which it judges, is so far from the one here that it would not take the pair. */
export function requireValidThere(
  context: Context,
  pair: KeyPair,
  { name, serverTime }: Pick<LxdClient, "name" | "serverTime">,
): void {
  const problem = serverTime && describeClientPairProblem(pair, serverTime);
  if (serverTime === undefined || problem === undefined) return;
  refuse(
    "LXD_REJECTED",
    `${name} would refuse the client certificate: by its clock it is ${serverTime.toISOString()}, by the clock here ` +
      `${context.now().toISOString()}, and ${problem}. Nothing was sent. Set the clock that is wrong`,
  );
}

/** Whether a pair was made for the remote of this name, by this run or one before. */
export function isMadeFor(name: string, { certificate }: KeyPair): boolean {
  return readCertificate(certificate).commonName === commonNameOf(name);
}

/** A name as certificates take it: at most 64 characters, none of them cut in two. */
function commonNameOf(name: string): string {
  return Array.from(`pulumi@${name}`).slice(0, 64).join("");
}
