/** The SDK knows nothing of the provider's schemas, and has to agree with them; and what its classes hand to the engine. */
import * as assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { type AnyHandler, handlers, type ResourceName } from "../../provider/registry";
import { secretPaths } from "../../provider/schema";
import {
  ClientCertificate,
  type ClientCertificateArgs,
  HttpsAddress,
  type HttpsAddressArgs,
  Remote,
  type RemoteArgs,
  TrustToken,
  type TrustTokenArgs,
} from "../../sdk";
import { clientCertificateOutputs, clientCertificateSecrets } from "../../sdk/client-certificate";
import { httpsAddressOutputs, httpsAddressSecrets } from "../../sdk/https-address";
import { remoteOutputs, remoteSecrets } from "../../sdk/remote";
import { trustTokenOutputs, trustTokenSecrets } from "../../sdk/trust-token";
import { register, valueOf } from "../support/registrations";

/** Whether two types take the same values; checked by `npm run verify`. Whether a property may be left out is not compared. */
type Same<A, B> = [Solid<A>, Solid<B>] extends [Solid<B>, Solid<A>] ? true : false;
type Solid<T> = T extends object ? { [K in keyof T]-?: Solid<Exclude<T[K], undefined>> } : T;
type Inputs<Name extends ResourceName> = z.infer<(typeof handlers)[Name]["args"]>;
type State<Name extends ResourceName> = z.infer<(typeof handlers)[Name]["state"]>;
type Outputs<Resource> = {
  [K in Exclude<keyof Resource, keyof pulumi.CustomResource>]: pulumi.Unwrap<Resource[K]>;
};
type SameOutputs<Resource, Name extends ResourceName> = Same<
  Outputs<Resource>,
  Pick<State<Name>, keyof Outputs<Resource> & keyof State<Name>>
>;

export const inputsAgree: Record<ResourceName, true> = {
  ClientCertificate: true satisfies Same<pulumi.Unwrap<ClientCertificateArgs>, Inputs<"ClientCertificate">>,
  HttpsAddress: true satisfies Same<pulumi.Unwrap<HttpsAddressArgs>, Inputs<"HttpsAddress">>,
  Remote: true satisfies Same<pulumi.Unwrap<RemoteArgs>, Inputs<"Remote">>,
  TrustToken: true satisfies Same<pulumi.Unwrap<TrustTokenArgs>, Inputs<"TrustToken">>,
};
export const outputsAgree: Record<ResourceName, true> = {
  ClientCertificate: true satisfies SameOutputs<ClientCertificate, "ClientCertificate">,
  HttpsAddress: true satisfies SameOutputs<HttpsAddress, "HttpsAddress">,
  Remote: true satisfies SameOutputs<Remote, "Remote">,
  TrustToken: true satisfies SameOutputs<TrustToken, "TrustToken">,
};

const names: ResourceName[] = ["ClientCertificate", "HttpsAddress", "Remote", "TrustToken"];
const lists = {
  ClientCertificate: { outputs: clientCertificateOutputs, secrets: clientCertificateSecrets },
  HttpsAddress: { outputs: httpsAddressOutputs, secrets: httpsAddressSecrets },
  Remote: { outputs: remoteOutputs, secrets: remoteSecrets },
  TrustToken: { outputs: trustTokenOutputs, secrets: trustTokenSecrets },
};
/** What the provider stores for itself, and a program is not shown. */
const hidden: Record<ResourceName, string[]> = {
  ClientCertificate: ["given", "pkcs12Password"],
  HttpsAddress: ["assigned", "connection", "given", "incomplete", "server", "wasBound"],
  Remote: [
    ...["entry", "flavor", "formers", "found", "given", "incomplete", "ownPair", "pkcs12Password"],
    ...["isDistrusted", "nextPair", "previousDefault", "unwritten"],
  ],
  TrustToken: [
    "connection",
    "given",
    "held",
    "identity",
    "incomplete",
    "knownClients",
    "operation",
    "server",
  ],
};

describe("the SDK's lists agree with the provider's schemas", () => {
  for (const name of names) {
    const { args, state }: AnyHandler = handlers[name];
    const { outputs, secrets } = lists[name];

    it(`${name}: secret inputs`, () => {
      assert.deepEqual(paths(secrets.inputs), paths(secretPaths(args)));
    });

    it(`${name}: secret outputs`, () => {
      const whole = secretPaths(state).filter((path) => path.length === 1);
      assert.deepEqual([...secrets.outputs].sort(), whole.flat().sort());
    });

    it(`${name}: outputs`, () => {
      assert.ok(state instanceof z.ZodObject);
      assert.deepEqual([...outputs, ...hidden[name]].sort(), Object.keys(state.shape as object).sort());
    });
  }
});

const secret = (value: unknown): object => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});
const timeouts = { connect: 5, request: 20 };
const hop = {
  ...{ host: "edge", port: 22, user: "root", privateKey: "a key", privateKeyPath: "~/.ssh/id", agent: true },
  ...{ privateKeyPassphrase: "a passphrase", hostKeyFingerprint: "SHA256:", knownHostsPath: "./known_hosts" },
};
/** Every input of a connection, though they do not belong together: that is for the provider to say. */
const connection = {
  ...{ socketPath: "/run/lxd", address: "10.0.0.1", clientCertificate: "cert", clientKey: "the key" },
  ...{ serverFingerprint: "ab", serverCertificate: "PEM", timeouts },
  ssh: { ...hop, proxyJump: hop, socketPath: "/run/incus/unix.socket" },
  ...{ remote: "prod", configDir: "~/lxc" },
};
const hopOnTheWire = { ...hop, privateKey: secret("a key"), privateKeyPassphrase: secret("a passphrase") };
const connectionOnTheWire = {
  ...connection,
  clientKey: secret("the key"),
  ssh: { ...connection.ssh, ...hopOnTheWire, proxyJump: hopOnTheWire },
};

const everything = {
  ClientCertificate: {
    ...{ commonName: "ci", keyAlgorithm: "Ed25519", validityDays: 30, rotateBeforeDays: 3 },
    ...{ pkcs12Password: "a password", pkcs12Encryption: "3des" },
  } satisfies ClientCertificateArgs,
  HttpsAddress: {
    ...{ address: ":8443", target: "member", floating: true, verify: true, allowLockout: true, connection },
    ...{ subnet: "10.0.0.0/8", interface: "lo", family: "inet", port: 8443 },
  } satisfies HttpsAddressArgs,
  Remote: {
    ...{ name: "prod", token: "a token", addresses: ["10.0.0.1"], serverFingerprint: "ab" },
    ...{ serverCertificate: "PEM", clientCertificate: "cert", clientKey: "the key", project: "ci" },
    ...{ configDir: "~/lxc", configFlavor: "incus", setDefault: true, revokeOnDelete: false, timeouts },
    ...{ pkcs12Password: "a password", pkcs12Encryption: "3des", public: true, protocol: "lxd" },
  } satisfies RemoteArgs,
  TrustToken: {
    ...{ clientName: "ci", projects: ["ci"], restricted: true, addresses: ["10.0.0.1"] },
    ...{ clientFingerprint: "ab", revokeClientOnDelete: false, connection },
    ...{ groups: ["admins"], kind: "identity" },
  } satisfies TrustTokenArgs,
};
const makers: Record<ResourceName, () => pulumi.CustomResource> = {
  ClientCertificate: () => new ClientCertificate("a", everything.ClientCertificate),
  HttpsAddress: () => new HttpsAddress("a", everything.HttpsAddress),
  Remote: () => new Remote("a", everything.Remote),
  TrustToken: () => new TrustToken("a", everything.TrustToken),
};
/** The secrets among them, as they have to arrive. */
const marked: Record<ResourceName, object> = {
  ClientCertificate: { pkcs12Password: secret("a password") },
  HttpsAddress: { connection: connectionOnTheWire },
  Remote: {
    ...{ token: secret("a token"), clientCertificate: secret("cert"), clientKey: secret("the key") },
    pkcs12Password: secret("a password"),
  },
  TrustToken: { connection: connectionOnTheWire },
};

describe("what the SDK's classes hand to the engine", () => {
  for (const name of names) {
    it(`${name}: the inputs, secrets marked although given in plain text, and no code`, async () => {
      const before = structuredClone(everything[name]);
      const { registration } = await register(makers[name]);
      const { __provider: text, ...inputs } = registration.properties;
      assert.deepEqual(inputs, { ...everything[name], ...marked[name] });
      assert.ok(String(text).length < 100, "a text that finds the code, not the code");
      assert.deepEqual(everything[name], before, "the program's own object stays as it is");
    });

    it(`${name}: has every input of the schema in this table`, () => {
      const { args }: AnyHandler = handlers[name];
      assert.ok(args instanceof z.ZodObject);
      assert.deepEqual(Object.keys(everything[name]).sort(), Object.keys(args.shape as object).sort());
    });

    it(`${name}: which outputs are secret, whatever the provider says`, async () => {
      const { registration } = await register(makers[name]);
      assert.deepEqual(registration.secretOutputs, [...lists[name].secrets.outputs].sort());
    });

    it(`${name}: a place for every output`, async () => {
      const given = Object.fromEntries(lists[name].outputs.map((output) => [output, `held ${output}`]));
      const { resource } = await register(makers[name], given);
      for (const output of lists[name].outputs) {
        const value: unknown = Reflect.get(resource, output);
        assert.ok(pulumi.Output.isInstance(value), output);
        assert.equal(await valueOf(value), `held ${output}`);
      }
    });
  }

  it("the resource's name, where a name is left out", async () => {
    const certificate = await register(() => new ClientCertificate("edge"));
    assert.equal(certificate.registration.properties["commonName"], "edge");
    const remote = await register(() => new Remote("edge", {}));
    assert.equal(remote.registration.properties["name"], "edge");
  });

  it("a connection that is there but nothing, as empty: it must not mean the local server", async () => {
    const nothing: [title: string, connection: unknown][] = [
      ["undefined", undefined],
      ["null", null],
      ["an output of undefined", pulumi.output(undefined)],
      ["an output of null", pulumi.output(null)],
      ["a promise of undefined", Promise.resolve(undefined)],
      ["empty", {}],
    ];
    for (const [title, value] of nothing) {
      const args = { clientName: "ci", projects: [], connection: value } as TrustTokenArgs;
      const { registration } = await register(() => new TrustToken("a", args));
      const later = pulumi.Output.isInstance(value) || value instanceof Promise;
      assert.deepEqual(registration.properties["connection"], later ? secret({}) : {}, title);
    }
    const { registration } = await register(() => new TrustToken("a", { clientName: "ci" }));
    assert.ok(!("connection" in registration.properties), "left out is left out");
  });

  it("secrets in a connection that is known only later: all of it is secret", async () => {
    for (const later of [pulumi.output(connection), Promise.resolve(connection)]) {
      const { registration } = await register(
        () => new HttpsAddress("a", { address: "", connection: later }),
      );
      assert.deepEqual(registration.properties["connection"], secret(connection));
    }
  });

  it("secrets that are known only later, as secrets", async () => {
    const inputs = { token: pulumi.output("a token"), clientKey: Promise.resolve("the key") };
    const { registration } = await register(() => new Remote("a", inputs));
    assert.deepEqual(registration.properties["token"], secret("a token"));
    assert.deepEqual(registration.properties["clientKey"], secret("the key"));
  });

  it("an output that the provider says is not there, as undefined", async () => {
    const absent = { token: null, expiresAt: null, clientFingerprint: null };
    const { resource } = await register(() => new TrustToken("a", { clientName: "ci" }), absent);
    assert.equal(await valueOf(resource.token), undefined);
    assert.equal(await valueOf(resource.expiresAt), undefined);
    assert.equal(await valueOf(resource.clientFingerprint), undefined);
    const certificate = await register(() => new ClientCertificate("a"), { pkcs12: null });
    assert.equal(await valueOf(certificate.resource.pkcs12), undefined);
  });

  it("no import, which Pulumi cannot do for dynamic resources", () => {
    assert.throws(() => new Remote("a", {}, { import: "a" }), /Remote: the option "import" does not work/);
  });
});

function paths(lists: readonly (readonly string[])[]): string[] {
  return lists.map((path) => path.join(".")).sort();
}
