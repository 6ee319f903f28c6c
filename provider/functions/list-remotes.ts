/** listRemotes: the remotes of a client directory, as `lxc remote list` and `incus remote list` show them. */
import * as z from "zod";
import { listRemotes as list } from "../client-config/remote-list";
import type { FunctionHandler } from "../handler";
import { remoteProtocol } from "../resources/remote-schema";
import { clientDirectory, clientDirectoryArgs, type ClientDirectoryArgs } from "./client-directory";

const listedRemote = z
  .object({
    name: z.string().meta({ description: "Name of the remote." }),
    address: z.string().meta({ description: "`https://host:port`, `unix://` or an image server's URL." }),
    protocol: remoteProtocol.meta({ description: "What is spoken there." }),
    authType: z.string().meta({
      description: "How the client shows who it is: tls, none for public servers, file access for a socket.",
    }),
    public: z.boolean().meta({ description: "Whether it is used without a client certificate." }),
    static: z.boolean().meta({ description: "Whether it is built into the client and cannot be changed." }),
    default: z.boolean().meta({ description: "Whether commands without a remote's name go to it." }),
    project: z
      .string()
      .optional()
      .meta({ description: "Project the client uses on it; absent for the client's own default." }),
  })
  .meta({
    id: "ListedRemote",
    description: "A remote of a client directory: the columns of `lxc remote list`.",
  });

const result = z.object({ remotes: z.array(listedRemote).meta({ description: "Every remote, by name." }) });

export const listRemotes: FunctionHandler<ClientDirectoryArgs, z.infer<typeof result>> = {
  args: clientDirectoryArgs,
  result,
  rules: () => [],
  async call(context, args) {
    const { directory, flavor } = await clientDirectory(context, args);
    return { remotes: await list(directory, flavor) };
  },
};
