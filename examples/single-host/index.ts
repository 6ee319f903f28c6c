import * as pulumi from "@pulumi/pulumi";
import { Onboarding } from "pulumi-lxd-access";

const config = new pulumi.Config();

// Expose, invite and join in one: the server of the stack's configuration, else the one on this machine.
const host = new Onboarding("host", {
  address: config.get("address") ?? "127.0.0.1:8443",
  projects: config.getObject<string[]>("projects") ?? ["default"],
  configDir: config.get("configDirectory") ?? "~/.config/lxd-access-single-host",
  setDefault: true,
});

export const listensOn = host.server.effectiveAddress;
export const remote = pulumi.interpolate`${host.remote.name}: ${host.remote.address}`;
export const clientFingerprint = host.remote.clientFingerprint;
