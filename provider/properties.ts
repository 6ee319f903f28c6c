/** Schemas of properties that several resources share, with the words that users see. */
import { z } from "zod";
import { parseServerAddress } from "./lxd/address";

/** Refines text by a function that answers what is wrong with it. The value itself never enters the message. */
export function textThat(describeProblem: (text: string) => string | undefined): z.ZodType<string> {
  return z.string().superRefine((value, context) => {
    const problem = describeProblem(value);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

/** A SHA-256 in hex, as `lxc` prints it. */
export const fingerprint = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, "must be a SHA-256 fingerprint: 64 hex digits");

/** Text that holds one PEM block of a kind. Its content is judged where it is used. */
export function pemText(kind: "CERTIFICATE" | "PRIVATE KEY"): z.ZodType<string> {
  const begins =
    kind === "CERTIFICATE" ? /-----BEGIN CERTIFICATE-----/ : /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;
  return z.string().regex(begins, `must be PEM (-----BEGIN ${kind}-----), not a path or another encoding`);
}

/** Where a server is dialled: host, host:port or an https URL. */
export const serverAddress = textThat((value) =>
  parseServerAddress(value) === undefined
    ? 'must be a host, host:port or https URL, such as "10.0.0.11:8443" or "[fd00::1]:8443"'
    : undefined,
);

const seconds = z.number().positive("must be more than 0 seconds").max(3600, "must be at most 3600 seconds");

/** Bounds on waiting, in seconds. */
export const timeouts = z
  .strictObject({
    connect: seconds.optional().meta({ description: "Seconds until a connection stands. Default 10." }),
    request: seconds.optional().meta({ description: "Seconds until a request is answered. Default 30." }),
  })
  .meta({ id: "Timeouts", description: "Bounds on waiting for the server, in seconds." });
