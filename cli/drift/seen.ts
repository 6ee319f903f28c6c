/** A resource of a stack, and what came of looking at it. */
import type { Connection } from "../../provider/connection";
import type { State as HttpsAddressState } from "../../provider/resources/https-address-schema";
import type { State as RemoteState } from "../../provider/resources/remote-schema";
import type { State as TrustTokenState } from "../../provider/resources/trust-token-schema";
import type { LxdClient } from "../../provider/lxd/client";
import type { FleetServer, Glimpse } from "./fleet";
import type { RawFinding, ResourceReport } from "./report";
import type { StackResource } from "./stack";

/** State of a resource of any type: each has some of it. */
export type AnyState = Partial<
  Pick<HttpsAddressState, "server" | "given"> &
    Pick<
      RemoteState,
      | "address"
      | "serverCertificate"
      | "serverFingerprint"
      | "serverExpiresAt"
      | "serverName"
      | "serverVersion"
      | "serverType"
    > &
    Pick<RemoteState, "clientFingerprint" | "clientExpiresAt" | "nextPair"> &
    Pick<TrustTokenState, "state" | "operation" | "identity" | "expiresAt" | "knownClients"> & {
      connection: Connection;
      /** Of a ClientCertificate. */
      fingerprint: string;
    }
>;

/** A resource, and how the stack remembers it. */
export interface Remembered {
  /** PROJECT/STACK. */
  readonly stack: string;
  readonly resource: StackResource;
  /** Undefined where it cannot be read. */
  readonly stored: AnyState | undefined;
  /** The connection that administers its server, or what it knows of a server that it does not administer. */
  readonly by: LxdClient | Glimpse | undefined;
}

/** A resource that was looked at. */
export interface Seen extends Remembered {
  readonly status: ResourceReport["status"];
  /** As it is now; undefined where that could not be told. */
  readonly now: AnyState | undefined;
  /** What was told meanwhile. */
  readonly notes: readonly string[];
  readonly findings: readonly Pick<
    RawFinding,
    "kind" | "property" | "expected" | "found" | "reason" | "code" | "message"
  >[];
}

/** By what a finding names its resource. */
export function bearings(
  { stack, resource: { urn, name, type, source } }: Pick<Remembered, "stack" | "resource">,
  server: FleetServer | undefined,
): Pick<RawFinding, "stack" | "urn" | "name" | "type" | "server" | "source"> {
  return { stack, urn, name, type, server: server?.name, source };
}
