/** How a program says where a server listens: the inputs of HttpsAddress for it, and what they say together. */
import type { CheckFailure, RawInputs } from "../handler";
import { defaultPort, describeListenAddressProblem } from "../lxd/address";
import { describeSubnetProblem, parseSubnet } from "../lxd/subnet";
import { oneOf, port, textThat } from "../properties";
import { unknownValue } from "../unknown";
import { isSameListener } from "./listener";
import type { SameInput } from "./given";

/** Schema of an address family. */
export const addressFamily = oneOf("AddressFamily", "A family of IP addresses.", {
  inet: "IPv4.",
  inet6: "IPv6.",
});

/** Schemas of the inputs. */
export const listenChoice = {
  address: textThat(describeListenAddressProblem)
    .optional()
    .meta({
      description:
        'Address to listen on: ":8443" (every interface), "10.0.0.11", "[fd00::1]:8443" or a DNS name. Default port 8443. ' +
        "Exactly one of address, subnet and interface is given.",
    }),
  subnet: textThat(describeSubnetProblem)
    .optional()
    .meta({
      description:
        'Instead of address: the server\'s own address in this subnet, such as "10.68.0.0/16" or "fd00:68::/64", so that one line ' +
        "serves a whole fleet. It is looked up at each update; a refresh shows where it has changed. Loopback addresses are taken " +
        "only for a subnet of loopback, link-local IPv6 ones (fe80::/10) never.",
    }),
  interface: textThat(describeInterfaceProblem)
    .optional()
    .meta({
      description:
        'Instead of address: the server\'s own address on this interface, such as "enp5s0", looked up like that of subnet. IPv4 ' +
        "if it has one there, else IPv6, unless family says which.",
    }),
  family: addressFamily
    .optional()
    .meta({ description: "Beside interface or subnet: IPv4 only (inet) or IPv6 only (inet6)." }),
  port: port
    .optional()
    .meta({ description: "Beside subnet or interface: the port to listen on, 1 to 65535. Default 8443." }),
};

/** Values of these inputs that mean the same. */
export const sameChoice: Readonly<Record<string, SameInput>> = {
  address: isSameListener,
  port: (before, after) => (before ?? defaultPort) === (after ?? defaultPort),
};

/**
 * The mistakes that no single one of these inputs shows. A value that is unknown yet may turn out to be there or not, so
 * only what is certain either way is a mistake.
 */
export function listenChoiceRules(inputs: RawInputs): CheckFailure[] {
  const isGiven = (name: string): boolean => inputs[name] !== undefined && inputs[name] !== unknownValue;
  const ways = ["address", "subnet", "interface"];
  if (ways.every((name) => inputs[name] === undefined))
    return [{ property: "address", reason: "is required, or subnet or interface instead of it" }];
  const [first, ...more] = ways.filter(isGiven);
  if (more.length > 0) {
    return more.map((property) => ({
      property,
      reason: `is one choice too many beside ${String(first)}; keep one of them`,
    }));
  }
  const mistakes: CheckFailure[] = [];
  if (first === "address") {
    for (const property of ["family", "port"].filter(isGiven)) {
      const instead = property === "port" ? "; write the port into address" : "";
      mistakes.push({ property, reason: `belongs to subnet or interface, not to address${instead}` });
    }
  } else if (first !== undefined && inputs["floating"] === true) {
    const reason = `belongs to address: by ${first} only an address that the server has can be found`;
    mistakes.push({ property: "floating", reason });
  }
  if (first === "subnet" && isOtherFamily(inputs["subnet"], inputs["family"]))
    mistakes.push({ property: "family", reason: "is not the family of subnet; leave it out" });
  return mistakes;
}

function isOtherFamily(subnet: unknown, family: unknown): boolean {
  if (typeof subnet !== "string" || (family !== "inet" && family !== "inet6")) return false;
  return describeSubnetProblem(subnet) === undefined && parseSubnet(subnet)?.family !== family;
}

/** Why a text is no interface's name, as a phrase that follows the property's name; undefined when it is one. */
function describeInterfaceProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (/[\s/:\p{C}]/u.test(name) || name === "." || name === "..")
    return 'must be the name of an interface such as "enp5s0", without blanks, slashes or colons';
  // Linux has no longer names.
  return Buffer.byteLength(name) > 15
    ? "must be at most 15 bytes long, as names of interfaces are"
    : undefined;
}
