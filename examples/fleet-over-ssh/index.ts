import * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, Onboarding } from "pulumi-lxd-access";

/** A host whose server need not listen yet: SSH is the way in. */
interface Host {
  name: string;
  /** Where its sshd is; the port is 22 unless it is said. */
  host: string;
  port?: number;
  /** Path of the server's socket there; default: where LXD and Incus have it. */
  socketPath?: string;
  /** What it should listen on; default: its own address in `subnet`, at this port (8443). */
  address?: string;
  listenPort?: number;
}

const config = new pulumi.Config();
const hosts = config.requireObject<Host[]>("hosts");

// What the hosts have in common. Without a key and a known_hosts file, those that `ssh` uses are used here too.
const login = {
  user: config.get("user") ?? "root",
  privateKey: config.getSecret("privateKey"),
  knownHostsPath: config.get("knownHosts"),
};

// One identity for the whole fleet. It is in the stack's state before any token is spent.
const ci = new ClientCertificate("ci");

export const remotes = hosts.map(({ name, address, listenPort, ...place }) => {
  const onboarding = new Onboarding(name, {
    connection: { ssh: { ...login, ...place } },
    ...(address === undefined ? { subnet: config.require("subnet"), port: listenPort } : { address }),
    clientName: "ci",
    projects: config.getObject<string[]>("projects") ?? ["default"],
    clientCertificate: ci.certificate,
    clientKey: ci.privateKey,
    configDir: config.get("configDirectory") ?? "~/.config/lxd-access-fleet-over-ssh",
  });
  const { remote } = onboarding;
  return pulumi.interpolate`${remote.name}: ${remote.address} (${remote.serverVersion})`;
});
