/**
 * The text by which the engine finds the provider of a resource is part of every stack's state. It stands in for what
 * the SDK's dynamic resources do, so it is held here against the SDK that is installed.
 */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { ResourceName } from "../../provider/registry";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "../../sdk";
import { ProviderProcess, type WireProperties } from "../support/provider-process";
import { register } from "../support/registrations";
import { makePair } from "../support/openssl-pair";

const checkout = resolve(__dirname, "../..");
const names: ResourceName[] = ["ClientCertificate", "HttpsAddress", "Remote", "TrustToken"];

/** Never changed: what is in a stack today has to find its provider tomorrow. */
const constants: Record<ResourceName, { type: string; text: string }> = {
  ClientCertificate: {
    type: "pulumi-nodejs:dynamic/lxd-access:ClientCertificate",
    text: 'exports.handler=()=>require("pulumi-lxd-access/provider").ClientCertificate;',
  },
  HttpsAddress: {
    type: "pulumi-nodejs:dynamic/lxd-access:HttpsAddress",
    text: 'exports.handler=()=>require("pulumi-lxd-access/provider").HttpsAddress;',
  },
  Remote: {
    type: "pulumi-nodejs:dynamic/lxd-access:Remote",
    text: 'exports.handler=()=>require("pulumi-lxd-access/provider").Remote;',
  },
  TrustToken: {
    type: "pulumi-nodejs:dynamic/lxd-access:TrustToken",
    text: 'exports.handler=()=>require("pulumi-lxd-access/provider").TrustToken;',
  },
};

const classes = { ClientCertificate, HttpsAddress, Remote, TrustToken };
const makers: Record<ResourceName, () => pulumi.CustomResource> = {
  ClientCertificate: () => new ClientCertificate("a"),
  HttpsAddress: () => new HttpsAddress("a", { address: ":8443" }),
  Remote: () => new Remote("a", {}),
  TrustToken: () => new TrustToken("a", { clientName: "a" }),
};

describe("how the engine finds the provider of a resource", () => {
  for (const name of names) {
    it(`is a constant: ${name}`, async () => {
      const { registration } = await register(makers[name]);
      assert.equal(registration.type, constants[name].type);
      assert.equal(registration.properties["__provider"], constants[name].text);
      assert.equal(classes[name].__pulumiType, constants[name].type);
    });
  }

  it("is what the SDK's own dynamic resources do, with their code instead of a constant", async () => {
    const provider: pulumi.dynamic.ResourceProvider = {
      create: () => Promise.resolve({ id: "id" }),
    };
    class Probe extends pulumi.dynamic.Resource {
      constructor() {
        super(provider, "a", {}, undefined, "lxd-access", "Remote");
      }
    }
    const { registration } = await register(() => new Probe());
    assert.equal(registration.type, constants.Remote.type);
    assert.deepEqual(Object.keys(registration.properties), ["__provider"]);
    assert.match(String(registration.properties["__provider"]), /^exports\.handler = /);
  });
});

const pair = makePair("a");
const otherPair = makePair("b");
const pin = "ab".repeat(32);
const secretKey = "4dabf18193072939515e22adb298388d";
const secret = (value: string): object => ({ [secretKey]: "1b47061264138c4ac30d75fd1eb44270", value });
const connection = { address: "10.0.0.1", clientCertificate: pair.certificate, serverFingerprint: pin };
const server = { name: "host", fingerprint: pin };

/** Inputs of a resource; a mistake in one of them; outputs as they would be stored for the inputs; another input. */
interface Sample {
  readonly right: WireProperties;
  /** The inputs as `check` hands them on, secrets marked. */
  readonly checked: WireProperties;
  readonly wrong: WireProperties;
  readonly mistake: RegExp;
  readonly stored: WireProperties;
  readonly changed: WireProperties;
  readonly replaces: string[];
}

const samples: Record<ResourceName, Sample> = {
  ClientCertificate: {
    right: { commonName: "a", pkcs12Password: "very secret" },
    checked: { commonName: "a", pkcs12Password: secret("very secret") },
    wrong: { commonName: "a", keyAlgorithm: "RSA-1024" },
    mistake: /^keyAlgorithm: must be "ECDSA-P384"/,
    stored: {
      ...{ certificate: pair.certificate, privateKey: pair.privateKey, fingerprint: pair.fingerprint },
      ...{ expiresAt: "2050-01-01T00:00:00.000Z", pkcs12: "AAAA", pkcs12Password: "very secret" },
      given: { commonName: "a", pkcs12Password: true },
    },
    changed: { commonName: "b" },
    replaces: ["commonName"],
  },
  HttpsAddress: {
    right: { address: "10.0.0.1", connection: { ...connection, clientKey: pair.privateKey } },
    checked: { address: "10.0.0.1", connection: { ...connection, clientKey: secret(pair.privateKey) } },
    wrong: { address: "10.0.0.1", connection: {} },
    mistake: /^connection: /,
    stored: {
      ...{ address: "10.0.0.1", resolvedAddress: "10.0.0.1", effectiveAddress: "10.0.0.1:8443" },
      ...{ addresses: ["10.0.0.1:8443"], serverFingerprint: pin, serverCertificate: pair.certificate },
      ...{ serverName: "host", serverVersion: "5.0.2", serverType: "lxd", previousAddress: "", server },
      given: { address: "10.0.0.1" },
      connection: { ...connection, clientKey: pair.privateKey },
    },
    changed: { target: "member" },
    replaces: ["target"],
  },
  Remote: {
    right: { name: "a", addresses: ["10.0.0.1"], serverFingerprint: pin, ...clientPair(pair) },
    checked: {
      ...{ name: "a", addresses: ["10.0.0.1"], serverFingerprint: pin },
      ...{ clientCertificate: secret(pair.certificate), clientKey: secret(pair.privateKey) },
    },
    wrong: { name: "a", addresses: ["10.0.0.1"], serverFingerprint: "abc" },
    mistake: /^serverFingerprint: must be a SHA-256 fingerprint/,
    stored: {
      ...{ name: "a", address: "10.0.0.1:8443", addresses: ["10.0.0.1:8443"], serverName: "host" },
      ...{ serverCertificate: pair.certificate, serverFingerprint: pin, ...clientPair(pair) },
      ...{ serverExpiresAt: "2050-01-01T00:00:00Z", serverVersion: "5.0.2", serverType: "lxd" },
      ...{ clientFingerprint: pair.fingerprint, clientExpiresAt: "2050-01-01T00:00:00Z", projects: [] },
      ...{ enrolled: true, configState: "absent", token: null },
      given: {
        ...{ name: "a", addresses: ["10.0.0.1"], serverFingerprint: pin },
        ...{ clientCertificate: true, clientKey: true },
      },
    },
    changed: clientPair(otherPair),
    replaces: [],
  },
  TrustToken: {
    right: { clientName: "a", projects: ["default"] },
    checked: { clientName: "a", projects: ["default"] },
    wrong: { clientName: "a", projects: ["default"], restricted: false },
    mistake: /^projects: /,
    stored: {
      ...{ token: "e30=", state: "pending", serverFingerprint: pin, addresses: ["10.0.0.1:8443"], server },
      ...{ expiresAt: null, clientFingerprint: null, operation: "id", knownClients: [] },
      ...{ held: { restricted: true, projects: ["default"] } },
      given: { clientName: "a", projects: ["default"] },
    },
    changed: { clientName: "b" },
    replaces: ["clientName"],
  },
};

function clientPair({
  certificate,
  privateKey,
}: {
  certificate: string;
  privateKey: string;
}): WireProperties {
  return { clientCertificate: certificate, clientKey: privateKey };
}

describe("the SDK's process for dynamic resources, in a folder with this package", () => {
  let folder: string;
  let engine: ProviderProcess;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-program-"));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(checkout, join(folder, "node_modules", "pulumi-lxd-access"));
    engine = await ProviderProcess.start(folder);
  });

  after(async () => {
    await engine.stop();
    rmSync(folder, { recursive: true });
  });

  for (const name of names) {
    const { right, checked, wrong, mistake, stored, changed, replaces } = samples[name];
    const provider = { __provider: constants[name].text };

    it(`checks a ${name}: its mistakes by property, its secrets as secrets`, async () => {
      const found = await engine.check({ ...wrong, ...provider });
      assert.equal(found.failures.length, 1);
      // The engine prints the value of a property that is named in its own field, so the reason names it.
      assert.equal(found.failures[0]?.property, "");
      assert.match(found.failures[0].reason, mistake);
      assert.deepEqual(await engine.check({ ...right, ...provider }), {
        inputs: { ...checked, ...provider },
        failures: [],
      });
    });

    it(`compares a ${name}, and says yes or no`, async () => {
      const outputs = { ...stored, ...provider };
      const inputs = { ...right, ...provider };
      assert.deepEqual(await engine.diff(outputs, inputs), { changes: false, replaces: [] });
      assert.deepEqual(await engine.diff(outputs, { ...inputs, ...changed }), { changes: true, replaces });
    });
  }

  it("takes a secret that turned out to be nothing for left out", async () => {
    const provider = { __provider: constants.ClientCertificate.text };
    assert.deepEqual(await engine.check({ commonName: "a", pkcs12Password: null, ...provider }), {
      inputs: { commonName: "a", ...provider },
      failures: [],
    });
  });

  it("says of an output that it is not there, or a preview would take it for unknown", async () => {
    const created = await engine.create({
      commonName: "a",
      __provider: constants.ClientCertificate.text,
    });
    assert.equal(created["pkcs12"], null);
    assert.equal(created["__provider"], constants.ClientCertificate.text);
    assert.deepEqual(Object.keys(created["privateKey"] as object), [secretKey, "value"]);
  });
});
