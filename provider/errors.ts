/**
 * Every failure this provider reports is an {@link AccessError} with one of these codes.
 * The message says what was being done, to which named thing, what the other side answered and what to do next;
 * it never holds a token, a key, a password or a PKCS#12 archive.
 */
export type ErrorCode =
  | "INPUT_INVALID"
  | "CONFIG_INVALID"
  | "LXD_UNREACHABLE"
  | "LXD_TIMEOUT"
  | "LXD_SERVER_IDENTITY"
  | "LXD_NOT_TRUSTED"
  | "LXD_TOKEN_REJECTED"
  | "LXD_TOKEN_EXPIRED"
  | "LXD_NOT_FOUND"
  | "LXD_ALREADY_EXISTS"
  | "LXD_ETAG_MISMATCH"
  | "LXD_REJECTED"
  | "LXD_EXTENSION_MISSING"
  | "LXD_LOCKOUT"
  | "LXD_PROTOCOL"
  | "CLIENT_CONFIG"
  | "PARTIAL"
  | "CANCELLED"
  | "BUG";

/**
 * An error with a stable code.
 *
 * The code is in the message too, because the engine shows only the message. The property is not called `code`:
 * Pulumi's provider process reads an error's `code` as a gRPC status.
 */
export class AccessError extends Error {
  override readonly name = "AccessError";
  /** The message without the code, for use inside another message. Can be printed as it is. */
  readonly summary: string;

  constructor(
    readonly errorCode: ErrorCode,
    summary: string,
    options?: { cause?: unknown },
  ) {
    // Escaping makes it longer, and cutting may leave half a character.
    const text = printable(shortened(printable(summary)));
    super(`${text} [${errorCode}]`, options);
    this.summary = text;
  }
}

/** What steers a terminal, turns the writing around or cannot be seen: what servers, files and programs name may hold it. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A text that can be shown as it is: what cannot be printed is escaped, as in `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

const longestBeginning = 6000;
const longestEnd = 2000;

/** What servers and files name may be endless. The end of a message says what to do next, so it stays. */
function shortened(text: string): string {
  if (text.length <= longestBeginning + longestEnd) return text;
  return `${text.slice(0, longestBeginning)} … ${text.slice(-longestEnd)}`;
}

/** A request that was not sent, so that nothing has come of it. */
export class NotSentError extends AccessError {}

/** Whether an error is an {@link AccessError} with one of these codes (any, where none is given). */
export function isAccessError(error: unknown, ...codes: ErrorCode[]): error is AccessError {
  return error instanceof AccessError && (codes.length === 0 || codes.includes(error.errorCode));
}

/** The message of anything thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  if (error instanceof AccessError) return error.summary;
  // Where a name has several addresses, Node tells what each of them said, and nothing of its own.
  if (error instanceof AggregateError && error.message === "")
    return error.errors.map((one: unknown) => messageOf(one)).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** What was thrown, as an error for the user; one that nobody expected is a bug. `name` says in what. */
export function asAccessError(name: string, error: unknown): AccessError {
  if (isAccessError(error)) return error;
  return new AccessError("BUG", `${name}: this is a bug in pulumi-lxd-access: ${messageOf(error)}`);
}

/** What Node calls a failure, as in ECONNREFUSED; empty where it has no name. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Throws an {@link AccessError}; an expression, so that it can stand where a value is missing. */
export function refuse(errorCode: ErrorCode, message: string): never {
  throw new AccessError(errorCode, message);
}

/** Names in quotes and between commas, for use inside a message; empty where there are none. */
export function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}
