/** The forms in which a drift report can be had. */
import type { DriftReport } from "./report";
import { html } from "./formats/html";
import { json } from "./formats/json";
import { junit } from "./formats/junit";
import { markdown } from "./formats/markdown";
import { text } from "./formats/text";

const renderers = { text, json, junit, markdown, html } satisfies Record<
  string,
  (report: DriftReport, options: { readonly colour: boolean }) => string
>;

export type Format = keyof typeof renderers;
export const formats = Object.keys(renderers) as readonly Format[];

/** The whole report in one of these forms, with the newline at its end. `colour` is for `text` on a terminal. */
export function render(format: Format, report: DriftReport, options: { readonly colour: boolean }): string {
  return renderers[format](report, options);
}
