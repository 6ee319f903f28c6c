/** What a Remote takes and what is stored of it. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { describeUnsafeName } from "../client-config/remote-name";
import { describeServerAddressProblem } from "../lxd/address";
import {
  describeConfigDirProblem,
  fingerprint,
  oneOf,
  pemText,
  projectName,
  textThat,
  timeouts,
} from "../properties";
import { given, remember } from "./given";
import { serverType } from "./listener-facts";
import { pkcs12Inputs, pkcs12Outputs } from "./pkcs12";

/** Schema of what is spoken at a remote's address. */
export const remoteProtocol = oneOf("RemoteProtocol", "What is spoken at the address of a remote.", {
  lxd: "LXD's API.",
  incus: "Incus's API.",
  simplestreams: "Simplestreams, which image servers speak.",
});

/** Schema of whose client directory it is. */
export const configFlavor = oneOf("ConfigFlavor", "Which client a client directory belongs to.", {
  lxd: "`lxc`, the client of LXD.",
  incus: "`incus`, the client of Incus.",
});

const configState = oneOf("ConfigState", "How an entry in a client directory stands.", {
  absent: "There is none, or no client directory is given.",
  present: "It is there as it should be.",
  changed: "It is there, and somebody has changed it.",
});

/** Schema of the inputs. */
export const args = z.strictObject({
  name: textThat(describeUnsafeName).meta({
    description: "Name of the remote. Default: the resource's name.",
  }),
  token: z.string().optional().meta({
    description: "Trust token to redeem, as a TrustToken or `lxc config trust add` gives it.",
    secret: true,
  }),
  addresses: z
    .array(textThat(describeAddressProblem))
    .min(1, "must not be empty; leave it out for the token's addresses")
    .optional()
    .meta({
      description:
        "Where to reach the server, instead of the addresses in the token (NAT). Default port 8443. " +
        "Of an image server the one address; with protocol simplestreams an https URL.",
    }),
  serverFingerprint: fingerprint.optional().meta({
    description:
      "SHA-256 of the server's certificate, hex: an explicit pin, needed without a token and after a rotation.",
  }),
  serverCertificate: pemText("CERTIFICATE").optional().meta({
    description:
      "PEM of the server's certificate or of its CA: an explicit pin, instead of serverFingerprint.",
  }),
  clientCertificate: pemText("CERTIFICATE").optional().meta({
    description:
      "PEM certificate of the client. Default: the pair of configDir, else a new ECDSA P-384 pair.",
    secret: true,
  }),
  clientKey: pemText("PRIVATE KEY")
    .optional()
    .meta({ description: "PEM private key of the client.", secret: true }),
  project: projectName.optional().meta({
    description: "Project the remote works in. Default: the only project the client may see, if it is one.",
  }),
  configDir: textThat(describeConfigDirProblem).optional().meta({
    description:
      "Client directory of `lxc` or `incus` in which the remote is written, such as ~/.config/lxc.",
  }),
  configFlavor: configFlavor.optional().meta({
    description:
      "Which client configDir belongs to: `lxc` (lxd) or `incus`. Default: what a directory that is there already says " +
      "of itself, else what the server is.",
  }),
  setDefault: z
    .boolean()
    .optional()
    .meta({ description: "Make it the default remote of configDir. Default false." }),
  ...pkcs12Inputs,
  public: z.boolean().optional().meta({
    description:
      "Whether it is an image server: it is asked for images only, without a client certificate, and nothing is joined.",
  }),
  protocol: remoteProtocol.optional().meta({
    description: "What an image server speaks. simplestreams is always public. Default: as configFlavor.",
  }),
  revokeOnDelete: z.boolean().optional().meta({
    description:
      "Whether destroying it takes the client that it enrolled out of the server's trust store. Default true.",
  }),
  timeouts: timeouts.optional(),
});
export type Args = z.infer<typeof args>;

/** What a Remote remembers of what it wrote to a client directory. */
const written = {
  /** What was written; without protocol and public it is a private one of the directory's own kind. */
  entry: z
    .object({
      addr: z.string(),
      project: z.string().optional(),
      protocol: remoteProtocol.optional(),
      public: z.boolean().optional(),
    })
    .optional(),
  /** SHA-256 of the client certificate that was written for this remote alone, and goes with it, hex. */
  ownPair: z.string().optional(),
  previousDefault: z.string().optional(),
  /** Whether an entry for the same server was there already: it stays. */
  found: z.boolean().optional(),
};

/** Schema of the outputs. An image server has none of those that come of joining. */
export const state = z.object({
  name: z.string().meta({ description: "Name of the remote." }),
  address: z.string().meta({ description: "The address that answered, host:port." }),
  addresses: z.array(z.string()).meta({ description: "Addresses of the server, each host:port." }),
  serverCertificate: z.string().optional().meta({ description: "The server's certificate, PEM." }),
  serverFingerprint: z.string().optional().meta({ description: "SHA-256 of the server's certificate, hex." }),
  serverExpiresAt: z
    .string()
    .optional()
    .meta({ description: "When the server's certificate expires, RFC 3339." }),
  serverName: z.string().optional().meta({ description: "The server's name." }),
  serverVersion: z.string().optional().meta({ description: "The server's version." }),
  serverType: serverType.optional().meta({ description: "Which of the two the server is." }),
  clientCertificate: z
    .string()
    .optional()
    .meta({ description: "The client's certificate, PEM.", secret: true }),
  clientKey: z.string().optional().meta({ description: "The client's private key, PEM.", secret: true }),
  clientFingerprint: z.string().optional().meta({ description: "SHA-256 of the client's certificate, hex." }),
  clientExpiresAt: z
    .string()
    .optional()
    .meta({ description: "When the client's certificate expires, RFC 3339." }),
  ...pkcs12Outputs,
  projects: z.array(z.string()).meta({ description: "Projects that the client may see." }),
  enrolled: z
    .boolean()
    .meta({ description: "Whether this resource's own redemption made the client trusted." }),
  configState: configState.meta({ description: "Whether the remote stands in configDir as it should." }),
  given,
  ...written,
  /** What of the entry in configDir is otherwise than it was written. */
  configDeviations: z
    .array(
      z.object({
        property: z.string(),
        expected: z.unknown().optional(),
        found: z.unknown().optional(),
        reason: z.string().optional(),
      }),
    )
    .optional(),
  /** Which client configDir was taken for. */
  flavor: configFlavor.optional(),
  /** Whether what stands in configDir is out of date, because it was on another machine when that changed. */
  unwritten: z.boolean().optional(),
  /** Names and directories of before from which it could not be removed yet. */
  formers: z
    .array(
      z.object({
        place: z.object({ name: z.string(), configDir: z.string().optional(), flavor: configFlavor }),
        ...written,
      }),
    )
    .optional(),
  incomplete: z.string().optional(),
  /** A pair that was to take the place of this one on the server, where no answer came: one of them is trusted. PEM. */
  nextPair: z.object({ certificate: z.string(), privateKey: z.string() }).optional().meta({ secret: true }),
  /** Whether the server took the client for a stranger when it was looked at last. */
  isDistrusted: z.boolean().optional(),
});
export type State = z.infer<typeof state>;

/** The inputs to remember: of the secret ones that outputs hold only that they were given, of the token only its digest. */
export function rememberRemote(wanted: Args): Record<string, unknown> {
  return {
    ...remember(wanted, ["clientCertificate", "clientKey", "pkcs12Password"]),
    ...(wanted.token !== undefined && { token: digestOf(wanted.token) }),
  };
}

/** Whether a token is the one that was given last, or there is none now as then. */
export function isTokenOf({ given: { token: digest } }: Pick<State, "given">, token: unknown): boolean {
  return typeof token === "string" ? digest === digestOf(token) : digest === token;
}

/** SHA-256, hex. The secret in a token is long and random, so that nobody finds it by this. */
function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** An image server's URL may have a path, which the rules take from the others again. */
function describeAddressProblem(value: string): string | undefined {
  return describeImageServerProblem(value) === undefined ? undefined : describeServerAddressProblem(value);
}

/** Why a text is not the URL of an image server that speaks simplestreams, as a phrase; undefined where it is one. */
export function describeImageServerProblem(value: string): string | undefined {
  const url = /^https:\/\/[^/]/i.test(value) && !/[\s\p{C}\\]/u.test(value) ? parseUrl(value) : undefined;
  if (url === undefined) return 'must be an https URL, such as "https://images.example.org"';
  return `${url.username}${url.password}${url.search}${url.hash}` === ""
    ? undefined
    : "must be an https URL without user, password, query and fragment";
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Whether a Remote is one of an image server: it is written to the client directory, and nobody joins it. */
export function isImageServer(inputs: { public?: unknown; protocol?: unknown }): boolean {
  return inputs.public === true || inputs.protocol === "simplestreams";
}
