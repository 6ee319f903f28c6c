/**
 * The mark of a token in the entry of the remote that was joined with it: a comment, written with the entry in one step. A
 * run that was cut off is known by it. The clients do not see it, and drop it once they write the file themselves.
 */
import { createHash } from "node:crypto";

const sentence = " joined by pulumi-lxd-access with the token ";

/** Tells tokens apart without telling them: 16 digits of SHA-256 of the secret. */
export function markOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, 16);
}

/** The mark in an entry's comment. */
export function markIn(comment: string | undefined): string | undefined {
  const line = comment?.split("\n").find((one) => one.startsWith(sentence));
  return line?.slice(sentence.length);
}

/** An entry's comment with this mark in the place of another one; what else it says stays. */
export function withMark(comment: string | undefined, mark: string): string {
  const others = (comment?.split("\n") ?? []).filter((line) => !line.startsWith(sentence));
  return [...others, sentence + mark].join("\n");
}
