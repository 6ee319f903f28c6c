/** How large resources are in a stack's state, besides their certificates and keys. */

/** Properties that hold a certificate, a key or an archive of both. */
const material = new Set([
  ...["certificate", "privateKey", "clientCertificate", "clientKey", "serverCertificate", "pkcs12"],
]);

/**
 * The most that a resource of each type takes, in bytes of JSON.
 * @param {string} stored the state as Pulumi stores it
 * @returns {Map<string, { all: number, besides: number }>} by type
 */
function sizesByType(stored) {
  const { checkpoint } = JSON.parse(stored);
  /** @type {Map<string, { all: number, besides: number }>} */
  const sizes = new Map();
  for (const resource of checkpoint.latest.resources ?? []) {
    const type = /lxd-access:(\w+)$/.exec(resource.type)?.[1];
    if (type === undefined) continue;
    const before = sizes.get(type) ?? { all: 0, besides: 0 };
    const all = JSON.stringify(resource).length;
    const besides = JSON.stringify(resource, (key, value) => (material.has(key) ? undefined : value)).length;
    sizes.set(type, { all: Math.max(before.all, all), besides: Math.max(before.besides, besides) });
  }
  return sizes;
}

/**
 * @param {import("../measures.mjs").Result} result
 * @param {string} stored
 * @param {string} where
 */
export function tellSizes(result, stored, where) {
  for (const [type, { all, besides }] of sizesByType(stored)) {
    const what = `state of a ${type} (${where})`;
    result.figures.push({
      what: `${what}, besides certificates and keys`,
      ratio: besides / 1000,
      unit: "kB",
      bar: 3,
    });
    result.figures.push({ what: `${what}, all of it`, ratio: all / 1000, unit: "kB" });
  }
}
