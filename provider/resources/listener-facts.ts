/** What a server says of itself and of where it listens: outputs of HttpsAddress, and the answer of getServer. */
import * as z from "zod";
import { canonicalListenAddress } from "../lxd/address";
import { oneOf } from "../properties";
import { heldAddress } from "./listener";
import type { AdministeredServer } from "./server-identity";

/** Schema of what a server is. */
export const serverType = oneOf("ServerType", "Which of the two a server is.", {
  lxd: "LXD.",
  incus: "Incus.",
});

/** Schemas of these facts. */
export const listenerFacts = {
  address: z
    .string()
    .meta({ description: "What the server holds, as it was written. Empty where it does not listen." }),
  effectiveAddress: z.string().meta({ description: "The held address with the default port filled in." }),
  addresses: z.array(z.string()).meta({ description: "Addresses that clients may use, each host:port." }),
  serverFingerprint: z.string().meta({ description: "SHA-256 of the server's certificate, hex." }),
  serverCertificate: z.string().meta({ description: "The server's certificate, PEM." }),
  serverName: z.string().meta({ description: "The server's name; of a cluster, the member's." }),
  serverVersion: z.string().meta({ description: "The server's version." }),
  serverType: serverType.meta({ description: "Which of the two the server is." }),
};

/** The one mapping from the server to these facts. */
export function listenerFactsOf(server: AdministeredServer): z.infer<z.ZodObject<typeof listenerFacts>> {
  const address = heldAddress(server);
  return {
    address,
    effectiveAddress: canonicalListenAddress(address),
    addresses: [...server.addresses],
    serverFingerprint: server.identity.fingerprint,
    serverCertificate: server.certificate,
    serverName: server.identity.name,
    serverVersion: server.version,
    serverType: server.type,
  };
}
