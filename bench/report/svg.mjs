/** Plain SVG, with what all plots have in common. */

const font = 'font-family="system-ui, sans-serif" font-size="12" fill="#222"';
export const colours = [
  "#1f6fb2",
  "#d1495b",
  "#3a7d44",
  "#8f5db7",
  "#c77d0a",
  "#4a4a4a",
  "#0e8a8a",
  "#a05a2c",
];

/**
 * @param {number} width
 * @param {number} height
 * @param {string} title
 * @param {readonly string[]} content
 */
export function picture(width, height, title, content) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(16, 24, title, 'font-weight="600"'),
    ...content,
    "</svg>",
    "",
  ].join("\n");
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} [attributes]
 */
export function text(x, y, words, attributes = "") {
  return `<text x="${round(x)}" y="${round(y)}" ${font} ${attributes}>${escape(words)}</text>`;
}

/** @param {string} words */
export function escape(words) {
  return words
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** @param {number} number */
export function round(number) {
  return Math.round(number * 10) / 10;
}

/**
 * Round numbers from 0 to at least the greatest value, for an axis.
 * @param {number} greatest
 */
export function ticksTo(greatest) {
  const raw = Math.max(greatest, 1e-9) / 5;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= raw) ?? raw;
  return Array.from({ length: Math.ceil(greatest / step) + 1 }, (_, index) => index * step);
}
