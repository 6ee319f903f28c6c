/** What an HttpsAddress takes and what is stored of it. */
import * as z from "zod";
import { connection } from "../connection";
import { given } from "./given";
import { listenChoice } from "./listen-choice";
import { listenerFacts } from "./listener-facts";
import { serverIdentity } from "./server-identity";

/** Schema of the inputs. */
export const args = z.strictObject({
  ...listenChoice,
  target: z.string().min(1, "must not be empty").optional().meta({
    description:
      "Cluster member to set it on; required when the server is clustered. Another one replaces the resource.",
    replaces: true,
  }),
  floating: z.boolean().optional().meta({
    description:
      "Beside address: allow one that the server does not have now, because it moves between hosts. Default false.",
  }),
  verify: z.boolean().optional().meta({
    description: "Also dial each address from here and compare certificates. Default false.",
  }),
  allowLockout: z
    .boolean()
    .optional()
    .meta({ description: "Allow removing the last way in that the connection uses. Default false." }),
  connection: connection.optional(),
});
export type Args = z.infer<typeof args>;

/** Schema of the outputs. */
export const state = z.object({
  ...listenerFacts,
  resolvedAddress: z.string().meta({
    description:
      "What the server should hold: address as given, or what subnet or interface means, with its port.",
  }),
  previousAddress: z.string().meta({
    description:
      "What the server held before, put back when this is destroyed. Empty where it did not listen.",
  }),
  connection: connection.optional(),
  given,
  server: serverIdentity,
  /** What this resource set, where that is not `resolvedAddress` any more because the server's addresses have changed. */
  assigned: z.string().optional(),
  incomplete: z.string().optional(),
  /** Whether the server had bound `address` when what followed failed. */
  wasBound: z.boolean().optional(),
});
export type State = z.infer<typeof state>;
