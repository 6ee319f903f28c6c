/** What the functions that ask a server have in common: which server, and which of its members. */
import * as z from "zod";
import { connection, connectionRules } from "../connection";
import type { CheckFailure, RawInputs } from "../handler";

export const serverQuestionArgs = z.strictObject({
  connection: connection.optional(),
  target: z
    .string()
    .min(1, "must not be empty")
    .optional()
    .meta({ description: "Cluster member to ask about. Default: the one that is reached." }),
});
export type ServerQuestion = z.infer<typeof serverQuestionArgs>;

export const serverQuestionRules = (inputs: RawInputs): CheckFailure[] =>
  connectionRules(inputs["connection"]);
