/** What the parts of the page have in common. */
import { createHash } from "node:crypto";
import { type Markup, markup } from "../markup";
import { type Standing, standingWords } from "../overview";
import { shownName, shownTime } from "../shown";

/** A sign for each standing, since not everybody can tell the colours. */
export const signs: Record<Standing, string> = {
  drift: "≠",
  untold: "?",
  expiring: "!",
  "passed-over": "–",
  "in-sync": "✓",
};

/** How something stands: colour, sign and word. */
export function badge(standing: Standing, word = standingWords[standing]): Markup {
  return markup`<span class="badge ${standing}"><span aria-hidden="true">${signs[standing]}</span> ${word}</span>`;
}

/** A name or a value, as it is to be shown. It keeps its direction of writing to itself. */
export function code(shown: string): Markup {
  return markup`<code><bdi>${shown}</bdi></code>`;
}

export function named(name: string): Markup {
  return code(shownName(name));
}

export function time(at: string): Markup {
  return markup`<time datetime="${at}">${shownTime(at)}</time>`;
}

/** Where the findings of a place stand that stand like this. */
export function anchorOf(standing: Standing, place: string): string {
  return `${standing}-${createHash("sha256").update(place).digest("hex").slice(0, 16)}`;
}

/** What may be wider than the window, and can be moved by the keyboard, too. */
export function scrolling(title: string, content: Markup): Markup {
  return markup`<div class="scrolling" role="region" aria-label="${title}" tabindex="0">
${content}
</div>`;
}

/** A table that opens when it is clicked on. */
export function foldedTable(
  id: string,
  title: string,
  columns: readonly string[],
  rows: readonly Markup[],
): Markup {
  const head = columns.map((column) => markup`<th scope="col">${column}</th>`);
  return markup`<section id="${id}"><details><summary><h2>${title}</h2></summary>
${scrolling(title, markup`<table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table>`)}
</details></section>`;
}

export function section(id: string, title: string, content: Markup): Markup {
  return markup`<section id="${id}"><h2>${title}</h2>
${content}
</section>`;
}
