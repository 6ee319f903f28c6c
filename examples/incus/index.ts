import * as pulumi from "@pulumi/pulumi";
import { Onboarding } from "pulumi-lxd-access";

const config = new pulumi.Config();

// As with LXD. The client directory is one of `incus` because the server is Incus.
const host = new Onboarding("host", {
  address: config.get("address") ?? "127.0.0.1:8443",
  projects: config.getObject<string[]>("projects") ?? ["default"],
  configDir: config.get("configDirectory") ?? "~/.config/lxd-access-incus",
  setDefault: true,
});

export const listensOn = host.server.effectiveAddress;
export const serverType = host.server.serverType;
export const remote = pulumi.interpolate`${host.remote.name}: ${host.remote.address}`;
