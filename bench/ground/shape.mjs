/** Resources that do nothing, of the shape that others have: what Pulumi itself spends on their properties and secrets. */

/** How Pulumi marks a secret on the wire, and in its state. */
const mark = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

/**
 * As many as a stack has resources of this package, each with the inputs and outputs of one, secrets marked.
 * @param {import("./stack.mjs").Stack} stack
 * @returns {Promise<import("./stack.mjs").Wanted[]>}
 */
export async function likenessOf(stack) {
  const { output } = await stack.pulumi("stack", "export", "--show-secrets");
  const { deployment } = JSON.parse(output, marked);
  return deployment.resources
    .filter((/** @type {any} */ { type }) => /lxd-access:\w+$/.test(type) && !type.startsWith("pulumi:"))
    .map((/** @type {any} */ { inputs, outputs }, /** @type {number} */ number) => ({
      ...{ kind: "NoOp", name: `no-op-${number}` },
      args: { number, ...without(inputs) },
      outputs: { number, ...without(outputs) },
    }));
}

/**
 * @param {string} _key
 * @param {any} value
 */
function marked(_key, value) {
  if (value?.[mark] !== secretMark) return value;
  return { [mark]: secretMark, value: JSON.parse(value.plaintext) };
}

/** @param {Record<string, unknown>} properties */
function without({ __provider, ...properties }) {
  return properties;
}
