/** The program that says what was taken over: what those in TypeScript and in YAML have in common. */
import { printable } from "../../provider/errors";
import type { Finds } from "./take";

export interface Program extends Finds {
  /** When it was looked at. */
  readonly at: Date;
  /** The command that takes the resources over. */
  readonly importing: string;
}

/** What is said in comments, line by line. It can be printed as it is: the names that others have given stay in their lines. */
export interface Comments {
  readonly head: readonly string[];
  /** One for each group. */
  readonly titles: readonly string[];
  readonly foot: readonly string[];
}

export function commentsOf({ at, importing, groups, leftOut, unseen }: Program): Comments {
  const head = [
    `Access that was there on ${at.toISOString().slice(0, 10)}, as \`lxd-access import\` found it.`,
    `It becomes part of a stack by \`${importing}\`.`,
    "A destroy leaves it as it was found; only tokens that wait are revoked. Until",
    "`protect` is taken out here, Pulumi refuses to destroy any of it.",
  ];
  return {
    head: head.map(printable),
    titles: groups.map(({ title }) => printable(title).trimEnd()),
    foot: [...list("Left out:", leftOut), ...list("Could not be looked at:", unseen)].map(printable),
  };
}

/** A list for people, with its title; empty where there is nothing in it. */
export function list(title: string, entries: Finds["leftOut"]): string[] {
  return entries.length === 0
    ? []
    : [title, ...entries.map(({ what, why }) => `- ${what}: ${why}`.trimEnd())];
}
