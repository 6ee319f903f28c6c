/** What the stack has already, by either front: taken over once more, two resources would have one thing. */
import * as z from "zod";
import { expandPath, realDirectory } from "../../provider/client-config/client-directory";
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
/** A token that waits as far as the stack knows, which a refresh alone tells that its client has come. */
const invitation = z.object({
  server: place,
  state: z.literal("pending"),
  given: z.object({ clientName: z.string() }),
  knownClients: z.array(z.string()),
});

/**
 * A text that two resources of this type have in common where they are about one listener, client, token or remote; undefined where
 * it cannot be told. `programDirectory` is where relative paths start.
 */
export async function subjectOf(
  type: string,
  { inputs, outputs }: Described,
  programDirectory: string,
): Promise<string | undefined> {
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
  return (
    data &&
    JSON.stringify([type, data.name, await realDirectory(expandPath(data.configDir, programDirectory))])
  );
}

/** Finds the name by which a stack has something that was found, which is about `subject`; undefined where it has not. */
export async function namesIn(
  stack: readonly (Described & { readonly type: string; readonly name: string })[],
  programDirectory: string,
): Promise<(subject: string | undefined, found: Described) => string | undefined> {
  const subjects = await Promise.all(stack.map((one) => subjectOf(one.type, one, programDirectory)));
  const names = new Map(stack.map(({ name }, index) => [subjects[index], name]));
  const invitations = stack.flatMap(({ name, outputs }) => {
    const { data } = invitation.safeParse(outputs);
    return data === undefined ? [] : [{ name, ...data }];
  });
  return (subject, { inputs, outputs }) => {
    const name = subject === undefined ? undefined : names.get(subject);
    const fingerprint = outputs["clientFingerprint"];
    if (name !== undefined || typeof fingerprint !== "string") return name;
    const { data } = client.safeParse(outputs);
    return invitations.find(
      ({ server, given, knownClients }) =>
        server.fingerprint === data?.server.fingerprint &&
        given.clientName === inputs["clientName"] &&
        !knownClients.includes(fingerprint),
    )?.name;
  };
}
