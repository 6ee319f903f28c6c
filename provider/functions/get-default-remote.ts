/** getDefaultRemote: where commands of `lxc` or `incus` go that name no remote. */
import * as z from "zod";
import { getDefaultRemote as find } from "../client-config/remote-list";
import type { FunctionHandler } from "../handler";
import { remoteProtocol } from "../resources/remote-schema";
import { clientDirectory, clientDirectoryArgs, type ClientDirectoryArgs } from "./client-directory";

const result = z.object({
  name: z.string().meta({ description: "Name of the remote." }),
  address: z
    .string()
    .optional()
    .meta({ description: "Its address; absent where the default names a remote that is not there." }),
  protocol: remoteProtocol.optional().meta({ description: "What is spoken there; absent as address is." }),
  project: z
    .string()
    .optional()
    .meta({ description: "Project the client uses on it; absent for the client's own default." }),
});

export const getDefaultRemote: FunctionHandler<ClientDirectoryArgs, z.infer<typeof result>> = {
  args: clientDirectoryArgs,
  result,
  rules: () => [],
  async call(context, args) {
    const { directory, flavor } = await clientDirectory(context, args);
    return find(directory, flavor);
  },
};
