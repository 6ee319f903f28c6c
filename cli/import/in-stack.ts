/** What the stack has already, by either front: taken over once more, two resources would have one thing. */
import { z } from "zod";
import { expandPath } from "../../provider/client-config/client-directory";
import { serverIdentity } from "../../provider/resources/server-identity";

/** As much of a resource as tells what it is about; of a stack, or of what was found. */
export interface Described {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

const place = serverIdentity.pick({ name: true, fingerprint: true });
const listener = z.object({ server: place });
const client = z.object({
  server: place,
  clientFingerprint: z.string().nullish(),
  operation: z.string().nullish(),
});
const remote = z.object({ name: z.string(), configDir: z.string() });

/**
 * A text that two resources of this type have in common where they are about one listener, client, token or remote; undefined where
 * it cannot be told. `programDirectory` is where relative paths start.
 */
export function subjectOf(
  type: string,
  { inputs, outputs }: Described,
  programDirectory: string,
): string | undefined {
  if (type === "HttpsAddress") {
    const { data } = listener.safeParse(outputs);
    return data && JSON.stringify([type, data.server]);
  }
  if (type === "TrustToken") {
    const { data } = client.safeParse(outputs);
    const mark = data?.clientFingerprint ?? data?.operation ?? undefined;
    // Any member of a cluster may have answered.
    return data && mark && JSON.stringify([type, data.server.fingerprint, mark]);
  }
  if (type !== "Remote") return undefined;
  const { data } = remote.safeParse({ ...outputs, configDir: inputs["configDir"] });
  return data && JSON.stringify([type, data.name, expandPath(data.configDir, programDirectory)]);
}
