/** Which key pair a Remote uses: the one that is given, else that of its client directory, else one of its own. */
import { refuse } from "../errors";
import type { Context } from "../handler";
import { createClientCertificate, describeClientPairProblem, type KeyPair } from "../pki/certificate";
import { clientDirectoryPair, type ConfigPlace } from "./remote-config";

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
  /** Whether it was made in the client directory just now. */
  readonly isMade: boolean;
}

/** The pair that a Remote has, as PEM; the key is secret. Undefined where it has none. */
export function pairOf({ clientCertificate, clientKey }: PairInputs): KeyPair | undefined {
  return clientCertificate === undefined || clientKey === undefined
    ? undefined
    : { certificate: clientCertificate, privateKey: clientKey };
}

/**
 * The pair to join with. In another client directory than before it is the one used there, or the Remote's own where
 * there is none yet. INPUT_INVALID where it cannot be used: servers spend the token before they look at the certificate.
 */
export async function choosePair(
  context: Context,
  wanted: PairInputs,
  place: ConfigPlace,
  old: Kept | undefined,
): Promise<ChosenPair> {
  const chosen = await findPair(context, wanted, place, old);
  const problem = describeClientPairProblem(chosen.pair, context.now());
  if (problem !== undefined) refuse("INPUT_INVALID", `clientCertificate and clientKey: ${problem}`);
  return chosen;
}

async function findPair(
  context: Context,
  wanted: PairInputs,
  place: ConfigPlace,
  old: Kept | undefined,
): Promise<ChosenPair> {
  const { name, configDir } = place;
  const given = pairOf(wanted);
  if (given !== undefined) return { pair: given, isMade: false };
  const own = old && pairOf(old);
  const create = async (): Promise<KeyPair> =>
    own ?? createClientCertificate({ commonName: `pulumi@${name}`.slice(0, 64), now: context.now() });
  // In the directory of before another pair is refused: on another machine it would take the place of this one's.
  const isElsewhere = configDir !== undefined && (own === undefined || configDir !== old?.given["configDir"]);
  return isElsewhere
    ? clientDirectoryPair(context, place, configDir, create)
    : { pair: await create(), isMade: false };
}
