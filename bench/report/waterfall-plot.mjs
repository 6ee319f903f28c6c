/** What one join waits for: a bar for each step, from left to right in time. */
import { between } from "../ground/waterfall.mjs";
import { picture, round, text, ticksTo } from "./svg.mjs";

const width = 760;
const left = 190;
const right = 690;
const rowHeight = 22;
const top = 44;

/** @type {Record<string, string>} */
const colours = { [between]: "#d1495b", TCP: "#8f5db7", TLS: "#3a7d44" };

/** @param {{ title: string, bars: readonly import("../ground/waterfall.mjs").Bar[] }} plot */
export function waterfallPlot({ title, bars }) {
  const end = bars.at(-1)?.to ?? 1;
  const toX = (/** @type {number} */ time) => round(left + (time / end) * (right - left));
  const bottom = top + bars.length * rowHeight;
  const grid = ticksTo(end)
    .filter((tick) => tick <= end)
    .flatMap((tick) => [
      `<line x1="${toX(tick)}" x2="${toX(tick)}" y1="${top}" y2="${bottom}" stroke="#ddd"/>`,
      text(toX(tick), bottom + 16, `${round(tick)}`, 'text-anchor="middle"'),
    ]);
  const rows = bars.flatMap(({ what, from, to }, index) => {
    const y = top + index * rowHeight;
    const wide = Math.max(1, toX(to) - toX(from));
    return [
      text(left - 8, y + 15, what === between ? "the provider itself" : what, 'text-anchor="end"'),
      `<rect x="${toX(from)}" y="${y + 4}" width="${round(wide)}" height="${rowHeight - 8}" fill="${colours[what] ?? "#1f6fb2"}"/>`,
      text(toX(to) + 4, y + 15, (to - from).toFixed(1)),
    ];
  });
  return picture(width, bottom + 48, title, [...grid, ...rows, text(left, bottom + 36, "milliseconds")]);
}
