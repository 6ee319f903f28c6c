/** A CPU profile by modules: which package, or file of this one, the time of a start went into. */
import { readFileSync } from "node:fs";
import { root } from "../../scripts/run.mjs";

/** What took less is left out, in milliseconds. */
const shortest = 0.2;

/** @typedef {{ name: string, milliseconds: number, children: Frame[] }} Frame its time with all it called */
/** @typedef {{ id: number, callFrame: { functionName: string, url: string }, children?: number[] }} ProfileNode */

/**
 * @param {string} file as `node --cpu-prof` writes it
 * @returns {Frame} what ran, by module; the same module in a row is one frame, and Node's own code counts to who called it
 */
export function readProfile(file) {
  /** @type {{ nodes: ProfileNode[], samples: number[], timeDeltas: number[] }} */
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8"));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const own = new Map();
  samples.forEach((id, index) => own.set(id, (own.get(id) ?? 0) + (timeDeltas[index] ?? 0) / 1000));
  /** @type {Frame} */
  const top = { name: "all", milliseconds: 0, children: [] };
  /**
   * @param {ProfileNode} node
   * @param {readonly Frame[]} path
   */
  const visit = (node, path) => {
    const { functionName, url } = node.callFrame;
    const isIdle = functionName === "(idle)" || functionName === "(program)";
    const module = moduleOf(url);
    const last = path.at(-1) ?? top;
    const here = module === undefined || module === last.name ? path : [...path, frameIn(last, module)];
    const spent = isIdle ? 0 : (own.get(node.id) ?? 0);
    for (const frame of here) frame.milliseconds += spent;
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) visit(child, here);
    }
  };
  const [first] = nodes;
  if (first !== undefined) visit(first, [top]);
  return withoutShort(top);
}

/**
 * Milliseconds by module, each with what it called of other modules but for those that are listed below it in the stack again.
 * @param {Frame} top
 * @returns {Map<string, { own: number, all: number }>}
 */
export function byModule(top) {
  /** @type {Map<string, { own: number, all: number }>} */
  const totals = new Map();
  const visit = (/** @type {Frame} */ frame, /** @type {ReadonlySet<string>} */ above) => {
    const below = frame.children;
    const sum = totals.get(frame.name) ?? { own: 0, all: 0 };
    sum.own += frame.milliseconds - below.reduce((total, { milliseconds }) => total + milliseconds, 0);
    if (!above.has(frame.name)) sum.all += frame.milliseconds;
    totals.set(frame.name, sum);
    for (const child of below) visit(child, new Set([...above, frame.name]));
  };
  visit(top, new Set());
  return totals;
}

/**
 * @param {Frame} parent
 * @param {string} name
 */
function frameIn(parent, name) {
  const existing = parent.children.find((child) => child.name === name);
  if (existing !== undefined) return existing;
  /** @type {Frame} */
  const frame = { name, milliseconds: 0, children: [] };
  parent.children.push(frame);
  return frame;
}

/**
 * @param {Frame} frame
 * @returns {Frame}
 */
function withoutShort({ name, milliseconds, children }) {
  const long = children.filter((child) => child.milliseconds >= shortest);
  return { name, milliseconds, children: long.map(withoutShort) };
}

/** @param {string} url of a function's file; undefined for Node's own */
function moduleOf(url) {
  const path = url.replace(/^file:\/\//, "");
  if (!path.startsWith("/")) return undefined;
  const packages = path.split("/node_modules/");
  const last = packages.at(-1) ?? "";
  if (packages.length > 1) return /^(@[^/]+\/)?[^/]+/.exec(last)?.[0];
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1).replace(/^dist\//, "") : undefined;
}
