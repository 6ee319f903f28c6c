import * as pulumi from "@pulumi/pulumi";
import * as lxd from "pulumi-lxd-access";

const config = new pulumi.Config();
const configDir = config.get("configDirectory") ?? "~/.config/lxc";

// All of it is asked each time, previews included, and nothing is changed. The server is that of the stack's configuration,
// else the one on this machine.
export const server = lxd
  .getServer()
  .then(({ serverName, serverType, serverVersion }) => `${serverName}: ${serverType} ${serverVersion}`);

// Those that an HttpsAddress could take by `subnet` or `interface`.
export const addresses = lxd
  .getServerAddresses()
  .then((found) =>
    found.addresses
      .filter(({ scope }) => scope !== "link")
      .map((one) => `${one.interface}: ${one.address}/${one.prefixLength}`),
  );

export const remotes = lxd
  .listRemotes({ configDir })
  .then((found) =>
    found.remotes
      .filter((remote) => !remote.static)
      .map(({ name, address, protocol }) => `${name}: ${address} (${protocol})`),
  );
export const defaultRemote = lxd.getDefaultRemote({ configDir }).then(({ name }) => name);

// What a token says, before somebody redeems it: `pulumi config set --secret token TOKEN`. Its secret does not come back.
export const token = lxd.decodeTrustTokenOutput({
  token: config.getSecret("token") ?? pulumi.output(undefined),
});
