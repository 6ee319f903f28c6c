import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTENING = "0A";

/**
 * Where a process of this machine accepts TCP connections, from the kernel's own tables: `127.0.0.1:8443`,
 * `[::1]:8443`, `*:8443` for all interfaces and both families, `0.0.0.0:8443` for IPv4 alone. Sorted.
 */
export function listeningSockets(pid: number): string[] {
  const inodes = new Set(socketInodes(pid));
  return ["tcp", "tcp6"]
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTENING && inodes.has(columns[9] ?? ""))
    .map((columns) => decodeEndpoint(columns[1] ?? ""))
    .sort();
}

function socketInodes(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      // Closed since the folder was read.
      return [];
    }
  });
}

/** The kernel prints addresses as 32-bit words in the byte order of the machine: here, little endian. */
function decodeEndpoint(hex: string): string {
  const [words = "", port = ""] = hex.split(":");
  const bytes = (words.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex")].reverse());
  const suffix = `:${parseInt(port, 16)}`;
  if (bytes.length === 4) return bytes.join(".") + suffix;
  if (bytes.every((byte) => byte === 0)) return `*${suffix}`;
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return `[::1]${suffix}`;
  return `[${Buffer.from(bytes).toString("hex")}]${suffix}`;
}
