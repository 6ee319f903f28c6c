/**
 * What a server's refusal means. This is the only place that looks at a status or a message of LXD or Incus:
 * they answer 500 for much that is not a fault of theirs, so the status alone does not tell.
 */
import { AccessError, type ErrorCode } from "../errors";

interface Row {
  readonly status?: number;
  readonly message?: RegExp;
  readonly code: ErrorCode;
  /** What to do next, where the server's own words do not say it. */
  readonly hint?: string;
}

/** Newer servers say so while they wait for their database; nothing comes of a request then. */
const starting = /daemon (setup in progress|(is )?(not ready|not started|starting))/i;

/** First match wins. Wording differs between versions, so the patterns are loose. */
const table: readonly Row[] = [
  { message: starting, code: "LXD_UNREACHABLE", hint: "It is still starting: run again when it is up" },
  {
    // What reads are told by a server that has closed its database already.
    message: /shutting down|database is closed/i,
    code: "LXD_UNREACHABLE",
    hint: "It is shutting down: run again when it is up",
  },
  { message: /token has expired/i, code: "LXD_TOKEN_EXPIRED" },
  { message: /no matching certificate add operation/i, code: "LXD_TOKEN_REJECTED" },
  { message: /no pending identities found|matching pending identity/i, code: "LXD_TOKEN_REJECTED" },
  { message: /identity token detected/i, code: "LXD_TOKEN_REJECTED" },
  { message: /bad certificate add operation data/i, code: "LXD_TOKEN_REJECTED" },
  { message: /(only running operations can|can't) be cancelled/i, code: "LXD_NOT_FOUND" },
  // What it says of a client that is no identity: of a unix socket, or trusted through a certificate authority.
  { message: /identity information must be requested via the HTTPS API/i, code: "LXD_NOT_FOUND" },
  { status: 404, code: "LXD_NOT_FOUND" },
  { status: 412, code: "LXD_ETAG_MISMATCH", hint: "Somebody else changes it at the same moment: run again" },
  { status: 409, code: "LXD_ALREADY_EXISTS" },
  { message: /already (exists|in trust store|trusted)/i, code: "LXD_ALREADY_EXISTS" },
  { status: 401, code: "LXD_NOT_TRUSTED" },
  { status: 403, code: "LXD_NOT_TRUSTED" },
  // Incus says 500 for a project that is not open to the client.
  { message: /user does not have permissions? for project/i, code: "LXD_NOT_TRUSTED" },
  { status: 503, code: "LXD_UNREACHABLE" },
  // A member of a cluster passes a request on to another one, which does not answer.
  { message: /missing event connection with target cluster member/i, code: "LXD_UNREACHABLE" },
  { status: 500, message: /unable to connect to: /i, code: "LXD_UNREACHABLE" },
];

function rowFor(status: number, message: string): Row {
  const row = table.find(
    (candidate) =>
      (candidate.status === undefined || candidate.status === status) &&
      (candidate.message === undefined || candidate.message.test(message)),
  );
  return row ?? { code: "LXD_REJECTED" };
}

/** The code for a server's refusal. */
export function classify(status: number, message: string): ErrorCode {
  return rowFor(status, message).code;
}

/** Whether a server refuses whatever it is asked because it has not started yet. */
export function isStarting(status: number, message: string): boolean {
  return status === 503 && starting.test(message);
}

/** A refusal by the server. `serverMessage` is what it said, shortened, secrets of the request taken out. */
export class LxdError extends AccessError {
  constructor(
    doing: string,
    readonly serverMessage: string,
    private readonly status: number,
  ) {
    const { code, hint } = rowFor(status, serverMessage);
    const refused = `${doing}: the server refused (${status}): ${serverMessage}`;
    super(code, hint === undefined ? refused : `${refused}. ${hint}`);
  }

  /** Whether it failed, in words that say nothing else: it may have done what it was asked, and failed at what comes after. */
  get isFailure(): boolean {
    return this.status >= 500 && this.errorCode === "LXD_REJECTED";
  }
}
