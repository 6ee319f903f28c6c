/** What expires: tokens that wait, and certificates of clients and servers. */
import { readCertificate } from "../../provider/pki/certificate-facts";
import type { FleetServer } from "./fleet";
import type { Expiry, RawFinding } from "./report";
import { type AnyState, bearings, type Remembered } from "./seen";

const day = 24 * 60 * 60 * 1000;

/** A resource that has what expires. */
interface Holder {
  readonly of: Pick<Remembered, "stack" | "resource">;
  readonly state: AnyState;
  /** Whether that is how it is now, and not only what the stack remembers. */
  readonly isCurrent: boolean;
  readonly server: FleetServer | undefined;
}

/** Something that expires, as one resource tells it. */
interface Told extends Pick<Expiry, "what" | "name" | "fingerprint"> {
  readonly holder: Holder;
  readonly expiresAt: string | undefined;
  /** By which the resource tells it. */
  readonly property: string;
}

/** All that expires, the next one first, and findings for what is due within some days. */
export function findExpiries(
  holders: readonly Holder[],
  { days, now }: { days: number; now: Date },
): { expiries: Expiry[]; findings: RawFinding[] } {
  const all = new Map<string, Told[]>();
  for (const told of ways.flatMap((way) => holders.flatMap(way))) {
    const key = `${told.what} ${told.fingerprint ?? told.holder.of.resource.urn}`;
    all.set(key, [...(all.get(key) ?? []), told]);
  }
  const due = new Date(now.getTime() + days * day);
  const found = [...all.values()].flatMap((list) => {
    // One resource may know more than another one, as the name in the trust store or when it ends.
    const expiresAt = list.map((one) => asTime(one.expiresAt)).find((time) => time !== undefined);
    const [first] = list;
    if (first === undefined || expiresAt === undefined) return [];
    return { first, expiry: expiryOf(list, first, expiresAt, due) };
  });
  found.sort((one, other) => one.expiry.expiresAt.localeCompare(other.expiry.expiresAt));
  return {
    expiries: found.map(({ expiry }) => expiry),
    findings: found
      .filter(({ expiry }) => expiry.isDue)
      .map(({ first, expiry }) => findingOf(first, expiry, now)),
  };
}

/** How resources tell it, whoever knows the best name first. */
const ways: readonly ((holder: Holder) => Told[])[] = [
  (holder) => {
    const { state, expiresAt, given } = holder.state;
    // One that the stack remembers as waiting may long be redeemed.
    if (holder.of.resource.type !== "TrustToken" || state !== "pending" || !holder.isCurrent) return [];
    return [{ what: "token", name: String(given?.["clientName"]), holder, expiresAt, property: "expiresAt" }];
  },
  // A client that redeemed a token, by the certificate in the trust store.
  (holder) => {
    const { clientFingerprint: fingerprint, given } = holder.state;
    if (holder.of.resource.type !== "TrustToken" || fingerprint === undefined) return [];
    const entry = holder.server?.access?.certificates.find((one) => one.fingerprint === fingerprint);
    const name = entry?.name ?? String(given?.["clientName"]);
    const expiresAt = entry && endOf(entry.certificate);
    return [
      { what: "client certificate", name, fingerprint, holder, expiresAt, property: "clientFingerprint" },
    ];
  },
  (holder) => {
    const { fingerprint, expiresAt, given } = holder.state;
    if (holder.of.resource.type !== "ClientCertificate") return [];
    const name = String(given?.["commonName"]);
    return [{ what: "client certificate", name, fingerprint, holder, expiresAt, property: "expiresAt" }];
  },
  (holder) => {
    const { clientFingerprint: fingerprint, clientExpiresAt: expiresAt } = holder.state;
    const { type, name } = holder.of.resource;
    if (type !== "Remote" || fingerprint === undefined) return [];
    return [
      { what: "client certificate", name, fingerprint, holder, expiresAt, property: "clientExpiresAt" },
    ];
  },
  (holder) => {
    const { type } = holder.of.resource;
    if (type !== "HttpsAddress" && type !== "TrustToken") return [];
    const { serverCertificate = "", server } = holder.state;
    const certificate = holder.server?.server?.certificate ?? serverCertificate;
    const facts = factsOf(certificate);
    if (facts === undefined) return [];
    const name = holder.server?.report.serverName ?? server?.name ?? "";
    const property = type === "HttpsAddress" ? "serverCertificate" : "serverFingerprint";
    return [{ what: "server certificate", name, ...facts, holder, property }];
  },
  (holder) => {
    const { serverFingerprint: fingerprint, serverExpiresAt: expiresAt, ...state } = holder.state;
    if (holder.of.resource.type !== "Remote" || fingerprint === undefined) return [];
    const name = (state.serverName ?? "") || (state.address ?? "");
    return [
      { what: "server certificate", name, fingerprint, holder, expiresAt, property: "serverExpiresAt" },
    ];
  },
];

function expiryOf(
  list: readonly Told[],
  { what, name, fingerprint }: Told,
  expiresAt: string,
  due: Date,
): Expiry {
  const servers = [...new Set(list.flatMap(({ holder }) => holder.server?.name ?? []))];
  const urns = [...new Set(list.map(({ holder }) => holder.of.resource.urn))];
  const isDue = new Date(expiresAt) <= due;
  // A client may be on several.
  return {
    what,
    name,
    fingerprint,
    server: servers.length === 1 ? servers[0] : undefined,
    urns,
    expiresAt,
    isDue,
  };
}

function findingOf({ holder, property }: Told, expiry: Expiry, now: Date): RawFinding {
  const { what, name, fingerprint, expiresAt, urns } = expiry;
  const left = Math.floor((new Date(expiresAt).getTime() - now.getTime()) / day);
  const whose = `${JSON.stringify(name)}${fingerprint === undefined ? "" : ` (${fingerprint.slice(0, 12)})`}`;
  const until = left === 0 ? "less than a day" : left === 1 ? "1 day" : `${left} days`;
  const when = left < 0 ? `expired at ${expiresAt}` : `expires at ${expiresAt}, in ${until}`;
  const others =
    urns.length === 1
      ? ""
      : `, and ${urns.length - 1} more ${urns.length === 2 ? "resource has" : "resources have"} it`;
  return {
    kind: "expiring",
    ...bearings(holder.of, holder.server),
    property,
    expiresAt,
    message: `${holder.of.resource.type} ${holder.of.resource.name}: the ${what} of ${whose} ${when}${others}`,
  };
}

/** A time as reports have it; undefined for what is none. */
export function asTime(text: string | undefined): string | undefined {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function endOf(certificate: string): string | undefined {
  return factsOf(certificate)?.expiresAt;
}

/** Undefined for what is no certificate. */
function factsOf(certificate: string): { fingerprint: string; expiresAt: string } | undefined {
  try {
    const { fingerprint, expiresAt } = readCertificate(certificate);
    return { fingerprint, expiresAt: expiresAt.toISOString() };
  } catch {
    return undefined;
  }
}
