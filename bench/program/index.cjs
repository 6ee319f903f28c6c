/** The program of every stack of the bench: it makes what `resources.json` beside it lists. */
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const pulumi = require("@pulumi/pulumi");

/** @typedef {{ kind: string, name: string, args: any, outputs?: object }} Wanted */

/** @type {{ noOp: string, resources: readonly Wanted[] }} */
const { noOp, resources } = JSON.parse(readFileSync(join(__dirname, "resources.json"), "utf8"));
/** What a program does not use it does not load either. @type {any} */
const ours = resources.some(({ kind }) => kind !== "NoOp") ? require("pulumi-lxd-access") : undefined;

class NoOp extends pulumi.CustomResource {
  /** As thin as a resource of the package: a constant text finds the provider. */
  static text = `exports.handler=()=>require(${JSON.stringify(noOp)}).NoOp;`;

  /**
   * @param {string} name
   * @param {object} args
   * @param {object} [outputs]
   */
  constructor(name, args, outputs = {}) {
    const unset = Object.fromEntries(Object.keys(outputs).map((key) => [key, undefined]));
    super("pulumi-nodejs:dynamic/bench:NoOp", name, { ...unset, ...args, __provider: NoOp.text });
  }
}

/**
 * With secrets as a program has them, where the list marks them as the wire does.
 * @param {any} value
 * @returns {any}
 */
function withSecrets(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  if (value["4dabf18193072939515e22adb298388d"] !== undefined) return pulumi.secret(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withSecrets(inner)]));
}

/** @type {Map<string, any>} listeners by name, which later resources may wait for */
const listeners = new Map();

for (const { kind, name, args, outputs } of resources) {
  if (kind === "NoOp") {
    new NoOp(name, withSecrets(args), outputs);
  } else if (kind === "HttpsAddress") {
    listeners.set(name, new ours.HttpsAddress(name, args));
  } else if (kind === "Joining") {
    // What Onboarding is made of, but for the listener: one server has one, whoever is onboarded there.
    const { listener, addresses, connection } = args;
    const pair = new ours.ClientCertificate(name, { commonName: name });
    const invitation = {
      clientName: name,
      restricted: false,
      addresses,
      connection,
      clientFingerprint: pair.fingerprint,
    };
    const token = new ours.TrustToken(name, invitation, { dependsOn: [listeners.get(listener)] });
    const client = { clientCertificate: pair.certificate, clientKey: pair.privateKey };
    const { serverFingerprint } = listeners.get(listener);
    new ours.Remote(name, { name, token: token.token, addresses, serverFingerprint, ...client });
  } else {
    new ours[kind](name, args);
  }
}
