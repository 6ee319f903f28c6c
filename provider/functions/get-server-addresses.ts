/** getServerAddresses: the addresses that a server has on its network interfaces, to choose from. */
import * as z from "zod";
import { isAccessError } from "../errors";
import type { FunctionHandler } from "../handler";
import { addressFamily } from "../resources/listen-choice";
import { requireMember } from "../resources/cluster-member";
import { requireInterfaces } from "../resources/server-addresses";
import { type ServerQuestion, serverQuestionArgs, serverQuestionRules } from "./server-question";

const serverAddress = z
  .object({
    interface: z.string().meta({ description: "Name of the interface, such as enp5s0." }),
    family: addressFamily.meta({ description: "inet is IPv4, inet6 is IPv6." }),
    address: z.string().meta({ description: "The IP address." }),
    prefixLength: z.int().meta({ description: "Length of the network's prefix, in bits." }),
    scope: z.string().meta({ description: "global, link (valid on that network only) or local (loopback)." }),
  })
  .meta({
    id: "ServerAddress",
    description: "An address that a server has on one of its network interfaces.",
  });

const result = z.object({
  addresses: z
    .array(serverAddress)
    .meta({ description: "Every address on every interface, loopback included." }),
});
type Result = z.infer<typeof result>;

export const getServerAddresses: FunctionHandler<ServerQuestion, Result> = {
  args: serverQuestionArgs,
  result,
  rules: serverQuestionRules,

  async call(context, { connection: given, target }) {
    const client = await context.connect(given);
    // A server that is not clustered, or has no such member, would answer for itself.
    if (target !== undefined) await requireMember(client, undefined, { target });
    await requireInterfaces(client, target);
    try {
      return { addresses: await client.getServerAddresses({ target }) };
    } catch (error) {
      // Not only administrators may list them; who may not is told why, as everywhere.
      if (isAccessError(error, "LXD_NOT_TRUSTED")) await requireMember(client, undefined, { target });
      throw error;
    }
  },
};
