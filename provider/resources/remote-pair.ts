/** Which key pair a Remote uses: the one that is given, else that of its client directory, else one of its own. */
import { refuse } from "../errors";
import type { Context } from "../handler";
import { createClientCertificate, describeClientPairProblem, type KeyPair } from "../pki/certificate";
import { clientDirectoryPair, type ConfigPlace } from "./remote-config";

/** What of a Remote's inputs says which pair it uses. */
interface PairInputs extends ConfigPlace {
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

/** What a Remote remembers of its pair. */
interface Kept {
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly given: Readonly<Record<string, unknown>>;
}

/** The pair that a Remote has, as PEM; the key is secret. */
export function pairOf({ clientCertificate, clientKey }: Kept): KeyPair {
  return { certificate: clientCertificate, privateKey: clientKey };
}

/**
 * The pair to join with. In another client directory than before it is the one used there, or the Remote's own where
 * there is none yet. INPUT_INVALID where it cannot be used: servers spend the token before they look at the certificate.
 */
export async function choosePair(
  context: Context,
  wanted: PairInputs,
  old: Kept | undefined,
): Promise<KeyPair> {
  const pair = await findPair(context, wanted, old);
  const problem = describeClientPairProblem(pair, context.now());
  if (problem !== undefined) refuse("INPUT_INVALID", `clientCertificate and clientKey: ${problem}`);
  return pair;
}

async function findPair(context: Context, wanted: PairInputs, old: Kept | undefined): Promise<KeyPair> {
  const { clientCertificate, clientKey, configDir, name } = wanted;
  if (clientCertificate !== undefined && clientKey !== undefined) {
    return { certificate: clientCertificate, privateKey: clientKey };
  }
  const create = (): Promise<KeyPair> =>
    old === undefined
      ? createClientCertificate({ commonName: `pulumi@${name}`.slice(0, 64), now: context.now() })
      : Promise.resolve(pairOf(old));
  const isElsewhere = configDir !== undefined && configDir !== old?.given["configDir"];
  return isElsewhere ? clientDirectoryPair(context, wanted, configDir, create) : create();
}
