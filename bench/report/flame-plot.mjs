/** A flame: each module as wide as its time with all that it loads and calls, which stands below it. */
import { escape, picture, round, text } from "./svg.mjs";

/** Whose a module is. */
const owners = {
  ours: { called: "this package", colour: "#1f6fb2" },
  loaded: { called: "what this package loads", colour: "#c77d0a" },
  other: { called: "Pulumi, with what it loads", colour: "#8a8a8a" },
};

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
    /** @type {keyof typeof owners} */ above,
  ) => {
    const wide = toWidth(frame.milliseconds);
    if (wide < narrowest) return;
    deepest = Math.max(deepest, depth);
    const y = top + depth * rowHeight;
    // Packages are called by their names, files of this one by their paths.
    const isOurs = frame.name.includes("/") && !frame.name.startsWith("@");
    const owner = isOurs ? "ours" : above === "other" ? "other" : "loaded";
    const label = `${frame.name}, ${frame.milliseconds.toFixed(0)} ms`;
    const shown = isOurs ? label.slice(label.lastIndexOf("/") + 1) : label;
    const room = Math.floor((wide - 6) / 6.6);
    drawn.push(
      `<g><title>${escape(label)}</title><rect x="${round(x)}" y="${y}" width="${round(wide - 0.5)}" height="${rowHeight - 1}" fill="${owners[owner].colour}" fill-opacity="0.4"/>`,
      ...(room > 3
        ? [text(x + 3, y + 13, shown.length > room ? `${shown.slice(0, room - 1)}…` : shown)]
        : []),
      "</g>",
    );
    let next = x;
    for (const child of [...frame.children].sort((one, other) => other.milliseconds - one.milliseconds)) {
      draw(child, next, depth + 1, owner);
      next += toWidth(child.milliseconds);
    }
  };
  draw(root, margin, 0, "other");
  const legend = Object.values(owners).flatMap(({ called, colour }, index) => {
    const x = width / 2 - 60 + index * 180;
    return [
      `<rect x="${x}" y="15" width="10" height="10" fill="${colour}" fill-opacity="0.4"/>`,
      text(x + 16, 24, called),
    ];
  });
  return picture(width, top + (deepest + 2) * rowHeight, title, [...legend, ...drawn]);
}
