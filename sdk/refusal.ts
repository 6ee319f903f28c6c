/** Errors of programs, as their users see them. */
import * as pulumi from "@pulumi/pulumi";

/**
 * A mistake in a program, or what a server refused: Pulumi shows the message alone. It has no stack trace, which would be
 * shown to nobody, and which Pulumi has Node print in colours all the same: in Node 20 that takes half a minute where the
 * trace leads through Pulumi's own code, as it does in an `apply`.
 */
export function refusal(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = "";
  return error;
}
