import type { ConfigFlavor } from "./config-document";

/** Names the clients define themselves: what a config file says of them is overruled or dropped. */
const staticNames: Record<ConfigFlavor, readonly string[]> = {
  lxd: ["local", "images", "ubuntu", "ubuntu-daily", "ubuntu-minimal", "ubuntu-minimal-daily"],
  incus: ["local"],
};

/** Whether a client may have a remote of this name without a word of it in the config file. */
export function isStaticName(name: string, flavor: ConfigFlavor): boolean {
  return staticNames[flavor].includes(name);
}

// With ".crt" and the suffix of a temporary file the name must stay within a file name's 255 bytes.
const longestName = 200;

/**
 * Why a remote cannot have this name in a client directory, as a phrase that fits after "name: ", or undefined where
 * it can. `images` is free in Incus directories only. Throws nothing.
 */
export function describeRemoteNameProblem(name: string, flavor: ConfigFlavor = "lxd"): string | undefined {
  const problem = describeUnsafeName(name);
  if (problem !== undefined) return problem;
  return staticNames[flavor].includes(name)
    ? `"${name}" is a remote that the client defines itself`
    : undefined;
}

/** The part of {@link describeRemoteNameProblem} that keeps file names made from a name inside their directory. */
export function describeUnsafeName(name: string): string | undefined {
  if (name === "") return "it is empty";
  // Not repeated in the message: what cannot be printed would spoil it.
  if (/[\p{C}\p{Z}]/u.test(name)) return "it holds white space or a character that cannot be printed";
  if (Buffer.byteLength(name) > longestName) return `it is longer than ${longestName} bytes`;
  const forbidden = /[:/\\]/.exec(name)?.[0];
  if (forbidden !== undefined) return `"${name}" holds "${forbidden}"`;
  if (name === "<<") return 'it is "<<", which YAML takes for a merge';
  if (/^[-.~]/.test(name)) return `"${name}" begins with "${name.charAt(0)}"`;
  return undefined;
}
