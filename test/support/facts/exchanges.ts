/**
 * One request and what a server answers to it. In every string `{...}` stands for something of the run:
 * `{port:a}` a free port; `{fingerprint:k}`, `{prefix:k}` (its first 12 digits), `{der:k}` and `{pem:k}` the
 * certificate of client k; `{token:t}`, `{operation:t}` and `{secret:t}` what was issued as t, `{identity:t}`
 * the id that a token's identity has while it is pending; `{forged:t}` the
 * same token with a wrong secret; `{etag:e}`; `{uuid}` the server's own.
 */
export interface Exchange {
  /** "unix" (default), "anonymous" (TLS without a certificate), or the name of a client. */
  as?: string;
  /** `METHOD /path`. */
  send: string;
  /** JSON, or a string to send as it is. */
  body?: unknown;
  ifMatch?: string;
  /** Sends over the kept TLS connection of this name; it is opened by its first use. */
  over?: string;
  /** The HTTP status. */
  status: number;
  /** The text of the error: exactly (64 hex digits in it as `{hash}`), `{anything}`, or a pattern. */
  error?: string | RegExp;
  /** What the metadata must contain; see assertContains. */
  metadata?: unknown;
  /** Keeps the token of the reply under this name. */
  token?: string;
  /** Where the reply says that what was made is. */
  location?: string;
  /** Keeps the ETag of the reply under this name. */
  etag?: string;
}

export type Step =
  | Exchange
  /** Everything the server listens on; `*:?` stands for all interfaces and any port. */
  | { listens: string[] }
  /** Whether a TCP connection comes about. */
  | { connect: string; works: boolean }
  /** For some time while this goes on, nobody listens there. */
  | { outageOf: string; during: Exchange }
  /** Another process listens on this port of 127.0.0.1, until the release or the end of the case. */
  | { occupy: string }
  | { release: string }
  | { restart: true }
  /** Waits until this token has expired. */
  | { expired: string }
  /** Waits until the server answers so. */
  | { eventually: Exchange }
  /** The connection is cut instead of a reply. */
  | { crash: Exchange }
  /** The same by each client at once, and how often each status came. */
  | { race: Exchange; by: string[]; statuses: Record<string, number> }
  /** The same, where one or more of them get the first status and the others the second. */
  | { race: Exchange; by: string[]; won: number; lost: number };

/** A story about a server, told in steps. */
export interface Case {
  name: string;
  /** What this machine must have: the default port unused, or IPv6. */
  needs?: ("port 8443" | "IPv6")[];
  steps: Step[];
}
