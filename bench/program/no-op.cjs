/** The provider that does nothing: the floor that Pulumi itself sets. */
exports.NoOp = {
  check: async (/** @type {object} */ _olds, /** @type {object} */ news) => ({ inputs: news, failures: [] }),
  diff: async () => ({ changes: false, replaces: [] }),
  create: async (/** @type {{ number: number }} */ { number }) => ({
    id: `no-op-${number}`,
    outs: { number },
  }),
  read: async (/** @type {string} */ id, /** @type {object} */ props) => ({ id, props }),
  update: async (/** @type {string} */ _id, /** @type {object} */ _olds, /** @type {object} */ news) => ({
    outs: news,
  }),
  delete: async () => undefined,
};
