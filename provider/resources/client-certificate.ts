/**
 * ClientCertificate: a key pair and self-signed certificate for clients, as `lxc` makes for itself.
 * https://documentation.ubuntu.com/lxd/latest/authentication/#tls-client-certificates
 *
 * It lives in the stack's state alone and no server knows it until a Remote joins with it. That makes it the durable key
 * of a join: it is recorded before a token is spent, and one identity can join a whole fleet.
 * Another name, algorithm or validity replaces it, and so does its end once that is near; the rest is changed in place.
 */
import { join } from "node:path";
import * as z from "zod";
import { expandPath, hasDirectory, readPairOf } from "../client-config/client-directory";
import { refuse } from "../errors";
import { type Context, type Deviation, deviating, type RawInputs, type ResourceHandler } from "../handler";
import {
  createClientCertificate,
  type KeyAlgorithm,
  type KeyPair,
  readCertificate,
  requestBehind,
} from "../pki/certificate";
import { describeConfigDirProblem, oneOf, textThat } from "../properties";
import { changedInputs, given, remember } from "./given";
import { readId, refuseUnlessSayable } from "./import-id";
import { pkcs12Inputs, pkcs12Of, pkcs12Outputs, pkcs12Rules } from "./pkcs12";

const day = 24 * 60 * 60 * 1000;

const keyAlgorithm = oneOf("KeyAlgorithm", "A kind of key.", {
  "ECDSA-P384": "ECDSA over P-384, as `lxc` makes.",
  "ECDSA-P256": "ECDSA over P-256.",
  Ed25519: "Ed25519, which browsers do not take.",
  "RSA-4096": "RSA of 4096 bits.",
} satisfies Record<KeyAlgorithm, string>);

const args = z.strictObject({
  commonName: textThat(describeCommonNameProblem).meta({
    description:
      "Common name in the certificate's subject. Default: the resource's name. Another one replaces the resource.",
    replaces: true,
  }),
  keyAlgorithm: keyAlgorithm.optional().meta({
    description: "Kind of key. Default ECDSA-P384, as `lxc` uses. Another one replaces the resource.",
    replaces: true,
  }),
  validityDays: z
    .int("must be a whole number of days")
    .min(1, "must be at least 1 day")
    .max(36500, "must be at most 36500 days")
    .optional()
    .meta({
      description: "Days until the certificate expires. Default 3650. Another number replaces the resource.",
      replaces: true,
    }),
  rotateBeforeDays: z
    .int("must be a whole number of days")
    .min(0, "must not be negative")
    .optional()
    .meta({
      description:
        "Days before expiry from which on an update replaces it; Remotes follow. Default: never. Not for a client directory of " +
        "`lxc`, which has one pair for good: a Remote with such a configDir refuses another.",
    }),
  ...pkcs12Inputs,
});
type Args = z.infer<typeof args>;

function describeCommonNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return "must not contain control characters";
  return Array.from(name).length > 64 ? "must be at most 64 characters" : undefined;
}

const state = z.object({
  certificate: z.string().meta({ description: "The certificate, PEM." }),
  privateKey: z.string().meta({ description: "The private key, PEM.", secret: true }),
  fingerprint: z.string().meta({ description: "SHA-256 of the certificate, hex." }),
  expiresAt: z.string().meta({ description: "When the certificate expires, RFC 3339." }),
  ...pkcs12Outputs,
  given,
});
type State = z.infer<typeof state>;

/** Inputs that only a new certificate can take up. */
const replacing = ["commonName", "keyAlgorithm", "validityDays", "expiresAt"];

export const clientCertificate: ResourceHandler<Args, State> = {
  args,
  state,
  nameInput: "commonName",
  stableOutputs: ["certificate", "privateKey", "fingerprint", "expiresAt"],

  rules(inputs) {
    const { rotateBeforeDays, validityDays = 3650 } = inputs;
    const failures = pkcs12Rules(inputs);
    if (
      typeof rotateBeforeDays === "number" &&
      typeof validityDays === "number" &&
      validityDays >= 1 &&
      rotateBeforeDays >= validityDays
    ) {
      failures.push({
        property: "rotateBeforeDays",
        reason: "must be less than validityDays, or it would rotate at every run",
      });
    }
    return failures;
  },

  deviations: rotationDue,

  diff(old, inputs, now) {
    const secrets = { pkcs12Password: old.pkcs12Password };
    const found = deviating(rotationDue(old, inputs, now));
    const changed = [...changedInputs(old, inputs, { secrets }), ...found];
    return { changed, replaces: changed.filter((name) => replacing.includes(name)) };
  },

  async create(context, wanted) {
    const { commonName, keyAlgorithm, validityDays } = wanted;
    const pair = await createClientCertificate({
      commonName,
      keyAlgorithm,
      validityDays,
      now: context.now(),
    });
    const made = await toState(pair, wanted, undefined);
    return { id: made.fingerprint, state: made };
  },

  // It lives in the state alone: there is nothing outside to compare it with.
  read: (_context: Context, _id, old) => Promise.resolve(old),

  update: (_context, _id, old, wanted) =>
    toState({ certificate: old.certificate, privateKey: old.privateKey }, wanted, old),

  delete: () => Promise.resolve(),

  importId:
    "FOLDER (with client.crt and client.key, as `lxc` has them) or FILE.crt (with FILE.key beside it)",

  async import(context, id) {
    const path = readId("ClientCertificate", clientCertificate.importId, id, (text) =>
      describeConfigDirProblem(text) === undefined ? text : undefined,
    );
    const pair = await findPair(expandPath(path, context.programDirectory));
    if (pair === undefined) return undefined;
    const found = requestBehind(pair);
    if (typeof found === "string")
      return refuse(
        "INPUT_INVALID",
        `The pair of ${path} cannot be imported, since no ClientCertificate is like it: ${found}. Give certificate and key to ` +
          "a Remote as clientCertificate and clientKey instead",
      );
    const { commonName = "", keyAlgorithm, validityDays } = found;
    const wanted: Args = { commonName, keyAlgorithm, validityDays };
    refuseUnlessSayable(clientCertificate, `ClientCertificate ${path}`, wanted);
    const now = await toState(found.pair, wanted, undefined);
    return { id: now.fingerprint, args: wanted, state: now };
  },
};

/** The pair in a folder, or of a certificate's file. */
async function findPair(path: string): Promise<KeyPair | undefined> {
  if (path.endsWith(".crt")) return readPairOf(path);
  return (await hasDirectory(path)) ? readPairOf(join(path, "client.crt")) : undefined;
}

function rotationDue({ expiresAt }: State, { rotateBeforeDays }: RawInputs, now: Date): Deviation[] {
  if (typeof rotateBeforeDays !== "number") return [];
  if (now.getTime() < new Date(expiresAt).getTime() - rotateBeforeDays * day) return [];
  const reason = `it expires at ${expiresAt}, and is to be replaced ${rotateBeforeDays} days before`;
  return [{ property: "expiresAt", found: expiresAt, reason }];
}

async function toState(pair: KeyPair, wanted: Args, old: State | undefined): Promise<State> {
  const { fingerprint, expiresAt } = readCertificate(pair.certificate);
  const archive = { ...wanted, pair, friendlyName: wanted.commonName };
  return {
    ...pair,
    ...(await pkcs12Of(archive, old && heldArchive(old))),
    fingerprint,
    expiresAt: expiresAt.toISOString(),
    given: remember(wanted, ["pkcs12Password"]),
  };
}

function heldArchive(old: State): Parameters<typeof pkcs12Of>[1] {
  const { certificate, privateKey, pkcs12, pkcs12Password } = old;
  const { commonName, pkcs12Encryption } = old.given as Args;
  return {
    pair: { certificate, privateKey },
    friendlyName: commonName,
    pkcs12,
    pkcs12Password,
    pkcs12Encryption,
  };
}
