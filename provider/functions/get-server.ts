/** getServer: what a server is, and where it listens. */
import * as z from "zod";
import type { FunctionHandler } from "../handler";
import { memberNames, requireMember } from "../resources/cluster-member";
import { listenerFacts, listenerFactsOf } from "../resources/listener-facts";
import { type ServerQuestion, serverQuestionArgs, serverQuestionRules } from "./server-question";

const result = z.object({
  ...listenerFacts,
  clustered: z.boolean().meta({ description: "Whether it is a member of a cluster." }),
  members: z
    .array(z.string())
    .meta({ description: "Names of the cluster's members; empty where there is no cluster." }),
});
type Result = z.infer<typeof result>;

export const getServer: FunctionHandler<ServerQuestion, Result> = {
  args: serverQuestionArgs,
  result,
  rules: serverQuestionRules,

  async call(context, { connection: given, target }) {
    const client = await context.connect(given);
    const server = await requireMember(client, undefined, { target });
    return {
      ...listenerFactsOf(server),
      clustered: server.isClustered,
      members: server.isClustered ? await memberNames(client) : [],
    };
  },
};
