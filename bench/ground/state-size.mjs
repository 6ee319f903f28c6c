/** How large resources are in a stack's state, besides their certificates and keys. */

/** The bar, in bytes. */
const mostBesides = 3000;

/** Properties that hold a certificate, a key or an archive of both. */
const material = new Set([
  ...["certificate", "privateKey", "clientCertificate", "clientKey", "serverCertificate", "pkcs12"],
]);

/**
 * The most that a resource of each type takes, in bytes of JSON: all of it; besides certificates and keys; and without any of its
 * properties, which is what Pulumi writes by itself.
 * @param {string} stored the state as Pulumi stores it
 * @returns {Map<string, { all: number, besides: number, bare: number }>} by type
 */
function sizesByType(stored) {
  const { checkpoint } = JSON.parse(stored);
  /** @type {Map<string, { all: number, besides: number, bare: number }>} */
  const sizes = new Map();
  for (const resource of checkpoint.latest.resources ?? []) {
    const type = /lxd-access:(\w+)$/.exec(resource.type)?.[1];
    if (type === undefined) continue;
    const before = sizes.get(type) ?? { all: 0, besides: 0, bare: 0 };
    const all = JSON.stringify(resource).length;
    const besides = JSON.stringify(resource, (key, value) => (material.has(key) ? undefined : value)).length;
    const bare = JSON.stringify({ ...resource, inputs: {}, outputs: {} }).length;
    sizes.set(type, {
      all: Math.max(before.all, all),
      besides: Math.max(before.besides, besides),
      bare: Math.max(before.bare, bare),
    });
  }
  return sizes;
}

/**
 * @param {import("../measures.mjs").Result} result
 * @param {string} stored
 * @param {string} where
 */
export function tellSizes(result, stored, where) {
  const sizes = sizesByType(stored);
  for (const [type, { all, besides, bare }] of sizes) {
    const what = `state of a ${type} (${where})`;
    result.figures.push({
      what: `${what}, besides certificates and keys`,
      ratio: besides / 1000,
      unit: "kB",
      bar: mostBesides / 1000,
    });
    result.figures.push({ what: `${what}, of that by Pulumi itself`, ratio: bare / 1000, unit: "kB" });
    result.figures.push({ what: `${what}, all of it`, ratio: all / 1000, unit: "kB" });
  }
  const missed = [...sizes].filter(([, { besides }]) => besides > mostBesides);
  if (missed.length === 0) return;
  const told = missed.map(
    ([type, { besides, bare }]) =>
      `${kilobytes(besides)} of a ${type}, of which ${kilobytes(bare)} are Pulumi's own`,
  );
  (result.notes ??= []).push(
    `**Missed**: state (${where}) takes more than ${kilobytes(mostBesides)} besides certificates and keys: ${told.join("; ")}. ` +
      "Its own is what Pulumi writes for any resource: URN, type, parent and provider, where in the program it was made, and " +
      "which other resources each property came from, each named by its whole URN. The rest is inputs and outputs, in which " +
      "what was given is there twice.",
  );
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(2)} kB`;
}
