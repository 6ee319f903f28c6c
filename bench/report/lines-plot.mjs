/** How a cost grows: medians as lines, the least and the greatest sample as bars. */
import { medianOf } from "../ground/statistics.mjs";
import { colours, picture, round, text, ticksTo } from "./svg.mjs";

const size = { width: 840, height: 420 };
const area = { left: 72, right: 520, top: 64, bottom: 364 };

/** @param {{ title: string, x: string, y: string, lines: readonly import("../measures.mjs").Line[] }} plot */
export function linesPlot({ title, x: xLabel, y: yLabel, lines }) {
  const points = lines.flatMap((line) => line.points);
  const xTicks = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other);
  const yTicks = ticksTo(Math.max(0, ...points.flatMap(({ values }) => values)));
  const toX = scale(Math.max(1, ...xTicks), area.left, area.right);
  const toY = scale(yTicks.at(-1) ?? 1, area.bottom, area.top);
  const grid = yTicks.flatMap((tick) => [
    `<line x1="${area.left}" x2="${area.right}" y1="${toY(tick)}" y2="${toY(tick)}" stroke="#ddd"/>`,
    text(area.left - 8, toY(tick) + 4, String(round(tick)), 'text-anchor="end"'),
  ]);
  const axis = xTicks.map((tick) => text(toX(tick), area.bottom + 18, String(tick), 'text-anchor="middle"'));
  const drawn = lines.flatMap(({ name, points: own }, index) => {
    const colour = colours[index % colours.length];
    const path = own.map(({ x, values }) => `${toX(x)},${toY(medianOf(values))}`).join(" ");
    const marks = own.flatMap(({ x, values }) => [
      `<line x1="${toX(x)}" x2="${toX(x)}" y1="${toY(Math.min(...values))}" y2="${toY(Math.max(...values))}" stroke="${colour}"/>`,
      `<circle cx="${toX(x)}" cy="${toY(medianOf(values))}" r="3" fill="${colour}"/>`,
    ]);
    const y = area.top + 8 + index * 20;
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...marks,
      `<rect x="${area.right + 16}" y="${y - 9}" width="10" height="10" fill="${colour}"/>`,
      text(area.right + 32, y, name),
    ];
  });
  const labels = [
    text((area.left + area.right) / 2, area.bottom + 40, xLabel, 'text-anchor="middle"'),
    text(16, 46, yLabel),
  ];
  return picture(size.width, size.height, title, [...grid, ...axis, ...labels, ...drawn]);
}

/**
 * @param {number} greatest
 * @param {number} from
 * @param {number} to
 */
function scale(greatest, from, to) {
  return (/** @type {number} */ value) => round(from + (value / greatest) * (to - from));
}
