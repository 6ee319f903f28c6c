/** A flame: each module as wide as its time with all that it loads and calls, which stands below it. */
import { colours, escape, picture, round, text } from "./svg.mjs";

const width = 960;
const margin = 16;
const top = 44;
const rowHeight = 18;
/** Narrower ones are left out, in pixels. */
const narrowest = 2;

/** @param {{ title: string, top: import("../ground/profile.mjs").Frame }} plot */
export function flamePlot({ title, top: root }) {
  const total = Math.max(root.milliseconds, 1e-9);
  const toWidth = (/** @type {number} */ time) => (time / total) * (width - 2 * margin);
  /** @type {string[]} */
  const drawn = [];
  let deepest = 0;
  const draw = (
    /** @type {import("../ground/profile.mjs").Frame} */ frame,
    /** @type {number} */ x,
    /** @type {number} */ depth,
  ) => {
    const wide = toWidth(frame.milliseconds);
    if (wide < narrowest) return;
    deepest = Math.max(deepest, depth);
    const y = top + depth * rowHeight;
    const label = `${frame.name}, ${frame.milliseconds.toFixed(0)} ms`;
    const room = Math.floor((wide - 6) / 6.6);
    drawn.push(
      `<g><title>${escape(label)}</title><rect x="${round(x)}" y="${y}" width="${round(wide - 0.5)}" height="${rowHeight - 1}" fill="${colourOf(frame.name)}" fill-opacity="0.35"/>`,
      ...(room > 3
        ? [text(x + 3, y + 13, label.length > room ? `${label.slice(0, room - 1)}…` : label)]
        : []),
      "</g>",
    );
    let next = x;
    for (const child of [...frame.children].sort((one, other) => other.milliseconds - one.milliseconds)) {
      draw(child, next, depth + 1);
      next += toWidth(child.milliseconds);
    }
  };
  draw(root, margin, 0);
  return picture(width, top + (deepest + 2) * rowHeight, title, drawn);
}

/** @param {string} module */
function colourOf(module) {
  const number = [...module].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  return colours[number % colours.length] ?? "#888";
}
