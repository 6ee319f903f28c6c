/**
 * The mistakes in a connection that no single property shows. A value that is unknown yet may turn out to be there or
 * not, so only what is certain either way is a mistake.
 */
import type { CheckFailure } from "./handler";
import { isProtectedKey } from "./lxd/ssh/private-key";
import { describePairProblem } from "./properties";
import { unknownValue } from "./unknown";

/** The ways in by the property that names each, and the properties that go with it. */
export const waysIn: Readonly<Record<string, readonly string[]>> = {
  socketPath: [],
  address: ["clientCertificate", "clientKey", "serverFingerprint", "serverCertificate"],
  ssh: [],
  remote: ["configDir"],
};
const wayNames = Object.keys(waysIn);
const pins = ["serverFingerprint", "serverCertificate"];

const noWayIn =
  "names no way in; give socketPath, or address with clientCertificate, clientKey and a pin, or ssh, or remote, " +
  "or leave connection out";

/** What is wrong with a connection as it was given, each with its path: `connection.clientKey`. */
export function connectionRules(given: unknown): CheckFailure[] {
  if (typeof given !== "object" || given === null) return [];
  const found = wayNames.filter((way) => isGiven(given, way));
  const [way, ...others] = found;
  if (others.length > 0) {
    const reason = `names ${others.length === 1 ? "two" : found.length} ways in; keep ${either(found)}`;
    return [{ property: "connection", reason }];
  }
  if (way === undefined) {
    const isUndecided = wayNames.some((name) => !isAbsent(given, name));
    return isUndecided ? [] : [{ property: "connection", reason: noWayIn }];
  }
  return [...strayProperties(given, way), ...ofTheWay(given, way)];
}

function strayProperties(given: object, way: string): CheckFailure[] {
  return wayNames
    .filter((other) => other !== way)
    .flatMap((other) =>
      (waysIn[other] ?? [])
        .filter((key) => isGiven(given, key))
        .map((key) => ({ property: `connection.${key}`, reason: `belongs to ${other}, not to ${way}` })),
    );
}

function ofTheWay(given: object, way: string): CheckFailure[] {
  if (way === "address") return httpsRules(given);
  return way === "ssh" ? sshRules(valueOf(given, "ssh"), "connection.ssh") : [];
}

function httpsRules(given: object): CheckFailure[] {
  const mistakes = ["clientCertificate", "clientKey"]
    .filter((key) => isAbsent(given, key))
    .map((key) => ({ property: `connection.${key}`, reason: "is required with address" }));
  const pair = describePairProblem(valueOf(given, "clientCertificate"), valueOf(given, "clientKey"));
  if (pair !== undefined) mistakes.push({ property: "connection.clientKey", reason: pair });
  if (pins.every((key) => isGiven(given, key))) {
    const reason = "is one pin too many beside serverCertificate; keep one of them";
    mistakes.push({ property: "connection.serverFingerprint", reason });
  }
  if (pins.every((key) => isAbsent(given, key))) {
    const reason =
      "is required with address, or serverCertificate instead: a server is never trusted on first use";
    mistakes.push({ property: "connection.serverFingerprint", reason });
  }
  return mistakes;
}

/** The same for the host and for its bastion. `path` is the property's. */
function sshRules(given: unknown, path: string): CheckFailure[] {
  if (typeof given !== "object" || given === null) return [];
  const logins = ["privateKey", "privateKeyPath", "agent"].filter(
    (key) => isGiven(given, key) && valueOf(given, key) !== false,
  );
  const [login, ...others] = logins;
  const mistakes = others.map((key) => ({
    property: `${path}.${key}`,
    reason: `is one way to log in too many beside ${login ?? ""}; keep one of them`,
  }));
  if (login === "agent" && isGiven(given, "privateKeyPassphrase"))
    mistakes.push({
      property: `${path}.privateKeyPassphrase`,
      reason: "belongs to a private key, not to agent",
    });
  const key = valueOf(given, "privateKey");
  if (typeof key === "string" && isProtectedKey(key) && isAbsent(given, "privateKeyPassphrase")) {
    const reason = "is required: privateKey is protected by a passphrase";
    mistakes.push({ property: `${path}.privateKeyPassphrase`, reason });
  }
  if (isGiven(given, "hostKeyFingerprint") && isGiven(given, "knownHostsPath")) {
    const reason = "is one pin too many beside knownHostsPath; keep one of them";
    mistakes.push({ property: `${path}.hostKeyFingerprint`, reason });
  }
  // A bastion has none of its own.
  return path === "connection.ssh"
    ? [...mistakes, ...sshRules(valueOf(given, "proxyJump"), `${path}.proxyJump`)]
    : mistakes;
}

function either(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`;
}

function isAbsent(given: object, key: string): boolean {
  return valueOf(given, key) === undefined;
}

function isGiven(given: object, key: string): boolean {
  return !isAbsent(given, key) && valueOf(given, key) !== unknownValue;
}

function valueOf(given: object, key: string): unknown {
  return Reflect.get(given, key) as unknown;
}
