/** Addresses that this machine gets for a test, on its loopback interface. */
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lock } from "proper-lockfile";

/**
 * Addresses from the ranges kept for documentation, so that no real network is meant by them. The kernel forgets them by
 * itself should this process die.
 */
export class ExtraAddresses {
  private readonly held = new Set<string>();
  private readonly elsewhere = new Set<string>();

  /** Gives the machine an address, as ADDRESS/PREFIX. */
  add(address: string): void {
    // Replaces what a run that died has left, and ends by itself in so many seconds.
    ip([
      "addr",
      "replace",
      address,
      "dev",
      "lo",
      "scope",
      scopeOf(address),
      "valid_lft",
      "600",
      "preferred_lft",
      "600",
    ]);
    this.held.add(address);
  }

  remove(address: string): void {
    ip(["addr", "del", address, "dev", "lo"]);
    this.held.delete(address);
  }

  /** Takes an address away, and has whoever dials it told so at once, or never hear anything. */
  moveAway(address: string, { isSilent = false } = {}): void {
    // What is sent to somebody else on the loopback interface is dropped.
    ip(["route", "replace", ...(isSilent ? [address, "dev", "lo"] : ["unreachable", address])]);
    this.elsewhere.add(address);
    this.remove(address);
  }

  removeAll(): void {
    for (const address of this.held) this.remove(address);
    for (const address of this.elsewhere) ip(["route", "del", address]);
    this.elsewhere.clear();
  }
}

/** Addresses that tests give to servers as those of other hosts. */
const ofOthers = ["10.255.255.1", "198.51.100.77"];
let areKept = false;

/**
 * Has whoever dials the address of another host told at once that nobody is there, as long as this process runs, so that
 * nothing leaves the machine. Where that is not allowed, nothing is changed. Routes of the same destination differ by their
 * metric, so each process has its own, and none that ends takes away another one's.
 */
export function keepOthersUnreachable(): void {
  if (areKept) return;
  areKept = true;
  const route = (verb: string): void => {
    for (const address of ofOthers) {
      try {
        ip(["route", verb, "unreachable", address, "metric", String(process.pid)]);
      } catch {
        // Not allowed.
      }
    }
  };
  route("replace");
  process.once("exit", () => {
    route("del");
  });
}

/** The file that says which process has the machine's addresses for itself. */
const claim = join(tmpdir(), "lxa-extra-addresses");
/** How long a suite waits for its turn, in milliseconds. */
const patience = 300_000;

/** A mocha hook: no other process gives the machine addresses during a suite that counts them or chooses from them. */
export async function keepsMachineAddresses(this: Mocha.Context): Promise<void> {
  this.timeout(patience);
  const release = await lock(claim, {
    realpath: false,
    retries: { forever: true, maxRetryTime: patience, minTimeout: 100, maxTimeout: 100 },
  });
  this.test?.parent?.afterAll(release);
}

/**
 * A mocha hook: a suite gives the machine addresses, alone among all processes that run tests. Skips the suite, and says
 * why, where this machine cannot be given any.
 */
export async function needsExtraAddresses(this: Mocha.Context): Promise<void> {
  await keepsMachineAddresses.call(this);
  const probe = new ExtraAddresses();
  try {
    probe.add("198.51.100.254/32");
    probe.removeAll();
  } catch {
    // Read by the reporter of `npm test`.
    const skipReason = "`ip addr` cannot give this machine addresses";
    Object.assign(this.test?.parent ?? {}, { skipReason });
    this.skip();
  }
}

/** Every address that the machine has, as `ip` lists them: `interface family address/prefix`. */
export function machineAddresses(): string[] {
  const interfaces = JSON.parse(ip(["-json", "addr"])) as {
    ifname: string;
    addr_info: { family: string; local: string; prefixlen: number }[];
  }[];
  return interfaces.flatMap(({ ifname, addr_info: addresses }) =>
    addresses.map(({ family, local, prefixlen }) => `${ifname} ${family} ${local}/${prefixlen}`),
  );
}

function scopeOf(address: string): string {
  return address.startsWith("fe80:") ? "link" : "global";
}

function ip(args: readonly string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
