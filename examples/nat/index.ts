import * as pulumi from "@pulumi/pulumi";
import { Onboarding } from "pulumi-lxd-access";

const config = new pulumi.Config();

// The server listens on its own, private address; clients come in through a port that a router forwards to it.
const host = new Onboarding("host", {
  address: config.require("address"),
  tokenAddresses: [config.require("publicAddress")],
  projects: config.getObject<string[]>("projects") ?? ["default"],
  configDir: config.get("configDirectory") ?? "~/.config/lxd-access-nat",
});

export const listensOn = host.server.effectiveAddress;
export const remote = pulumi.interpolate`${host.remote.name}: ${host.remote.address}`;
/** For a client that is not in this program: `lxc remote add NAME TOKEN` reaches the server from outside, too. */
export const addressesInToken = host.invitation.addresses;
