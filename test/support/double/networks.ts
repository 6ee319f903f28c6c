import type { NetworkInterfaceInfo } from "node:os";
import { networkInterfaces } from "node:os";
import type { ApiReply, ApiRequest, Host, Route } from "./protocol";
import { ApiError, maySee, notAllowed, ok, tagged } from "./protocol";

export const networkRoutes: Route[] = [
  { method: "GET", path: /^\/1\.0\/networks$/, handle: listNetworks },
  { method: "GET", path: /^\/1\.0\/networks\/([^/]+)$/, handle: getNetwork },
  { method: "GET", path: /^\/1\.0\/networks\/([^/]+)\/state$/, handle: getState },
];

/** This machine's interfaces; those that are down are missing, unlike on a real server. */
function interfaces(): Map<string, NetworkInterfaceInfo[]> {
  return new Map(Object.entries(networkInterfaces()).map(([name, addresses]) => [name, addresses ?? []]));
}

/** Networks belong to the project `default`; some versions forget that for single ones. */
function checkMaySee(host: Host, { caller }: ApiRequest, listing: boolean): void {
  const { profile } = host;
  if (maySee(caller, "default")) return;
  if (!profile.networksElsewhere) throw notAllowed(host, caller);
  if (listing) throw new ApiError(profile.networksElsewhere.status, profile.networksElsewhere.message);
}

function typeOf(addresses: NetworkInterfaceInfo[]): "loopback" | "physical" {
  return addresses.some(({ internal }) => internal) ? "loopback" : "physical";
}

function shown(name: string, addresses: NetworkInterfaceInfo[]) {
  const type = typeOf(addresses);
  return {
    config: {},
    description: "",
    name,
    type,
    used_by: [],
    managed: false,
    status: "",
    locations: null,
  };
}

function listNetworks(host: Host, request: ApiRequest): ApiReply {
  checkMaySee(host, request, true);
  const all = [...interfaces()];
  if (request.query.get("recursion") === "1")
    return ok(all.map(([name, addresses]) => shown(name, addresses)));
  return ok(all.map(([name]) => `/1.0/networks/${name}`));
}

function getNetwork(host: Host, request: ApiRequest, name: string): ApiReply {
  checkMaySee(host, request, false);
  const addresses = interfaces().get(name);
  if (!addresses) throw new ApiError(404, "Network not found");
  return tagged(shown(name, addresses));
}

function getState(host: Host, request: ApiRequest, name: string): ApiReply {
  checkMaySee(host, request, false);
  const addresses = interfaces().get(name);
  if (!addresses) throw new ApiError(404, `Network interface "${name}" not found`);
  return ok({
    addresses: addresses.map(({ family, address, cidr, internal }) => ({
      family: family === "IPv6" ? "inet6" : "inet",
      address,
      // The prefix length, in spite of the name.
      netmask: cidr?.split("/")[1] ?? "",
      scope: internal ? "local" : /^fe80:/i.test(address) ? "link" : "global",
    })),
    counters: { bytes_received: 0, bytes_sent: 0, packets_received: 0, packets_sent: 0 },
    hwaddr: addresses.find(({ internal }) => !internal)?.mac ?? "",
    mtu: typeOf(addresses) === "loopback" ? 65536 : 1500,
    state: "up",
    type: typeOf(addresses) === "loopback" ? "loopback" : "broadcast",
    bond: null,
    bridge: null,
    vlan: null,
    ovn: null,
  });
}
