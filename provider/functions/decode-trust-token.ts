/** decodeTrustToken: what a trust token says, without the secret in it. */
import * as z from "zod";
import type { FunctionHandler } from "../handler";
import { refuse } from "../errors";
import { decodeTrustToken as decode } from "../lxd/trust-token";
import { textThat } from "../properties";
import { tokenKind } from "../resources/trust-token-schema";

const args = z.strictObject({
  token: textThat((text) =>
    decode(text) === undefined ? "is not a trust token as servers issue them" : undefined,
  ).meta({ description: "Trust token, as a TrustToken or `lxc config trust add` gives it.", secret: true }),
});
type Args = z.infer<typeof args>;

const result = z.object({
  clientName: z.string().meta({ description: "Name its client gets in the server's trust store." }),
  serverFingerprint: z.string().meta({ description: "SHA-256 of the server's certificate, hex." }),
  addresses: z.array(z.string()).meta({ description: "Where the server can be reached, each host:port." }),
  expiresAt: z
    .string()
    .optional()
    .meta({ description: "When it expires, RFC 3339; absent where it does not." }),
  kind: tokenKind.meta({
    description: "Whether it adds a client certificate, or activates a pending TLS identity.",
  }),
});
type Result = z.infer<typeof result>;

export const decodeTrustToken: FunctionHandler<Args, Result> = {
  args,
  result,
  rules: () => [],
  call(_context, { token }) {
    const { clientName, fingerprint, addresses, expiresAt, kind } =
      decode(token) ?? refuse("INPUT_INVALID", "token: is not a trust token as servers issue them");
    return Promise.resolve({
      clientName,
      serverFingerprint: fingerprint,
      addresses: [...addresses],
      expiresAt,
      kind,
    });
  },
};
