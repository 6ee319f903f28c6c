/** One client certificate for each stage: how a stage is known, and how one certificate is known in several places. */
import * as assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { oneCertificatePerStage as rule } from "../../sdk/policy";
import { makePair } from "../support/openssl-pair";
import { judgeStack, type Member, unknownText } from "../support/policy-rule";

const fingerprint = "ab".repeat(32);

/** A Remote with a client's certificate, as outputs tell it. */
function remote(name: string, props: object = {}): Member {
  return { kind: "Remote", name, props: { name, clientFingerprint: fingerprint, ...props } };
}

/** A token for that client, issued over a connection. */
function connected(connection: object): Member {
  return { kind: "TrustToken", name: "x", props: { clientFingerprint: fingerprint, connection } };
}

const key: Member = { kind: "ClientCertificate", name: "key", props: { fingerprint } };

/** Which stages a rule says that one certificate is used in. */
async function stagesSaid(members: Member[], config?: object): Promise<string[]> {
  const said = await judgeStack(rule, members, config);
  return said.map(([, message]) =>
    [...message.matchAll(/in ([a-z]+) \(/g)].map(([, stage]) => stage).join(" "),
  );
}

describe("one-certificate-per-stage", () => {
  it("names the certificate, each stage, and what uses it there", async () => {
    const said = await judgeStack(rule, [key, remote("web-prod"), remote("dev"), remote("dev-2")]);
    assert.equal(said.length, 1);
    const [[name, message] = []] = said;
    assert.equal(name, "key");
    assert.match(
      message ?? "",
      /^ClientCertificate "key" is used in production \(Remote "web-prod"\) and in development \(Remote "dev", Remote "dev-2"\)\. /,
    );
    assert.match(
      message ?? "",
      /Make a certificate for each of them; where these are one stage, say so in stages\.$/,
    );
  });

  it("names a certificate that the program does not make by its fingerprint, at one that uses it", async () => {
    const [[name, message] = []] = await judgeStack(rule, [remote("prod"), remote("dev")]);
    assert.equal(name, "prod");
    assert.match(message ?? "", /^The client certificate abababababab… is used in production/);
  });

  const innocent: [what: string, members: Member[]][] = [
    ["different certificates", [remote("prod"), remote("dev", { clientFingerprint: "cd".repeat(32) })]],
    ["one stage", [key, remote("prod-1"), remote("prod-2"), remote("live")]],
    [
      "names that tell no stage",
      [key, remote("alpha"), remote("product"), remote("device"), remote("latest")],
    ],
    ["a stage and names that tell none", [key, remote("prod"), remote("alpha")]],
    ["a domain that is called like a stage", [key, remote("x", { addresses: ["lxd.prod.example.dev"] })]],
    ["certificates that are not known", [remote("prod", { clientFingerprint: unknownText }), remote("dev")]],
    [
      "resources of others",
      [{ kind: "Server", name: "prod", props: { clientFingerprint: fingerprint } }, remote("dev")],
    ],
    [
      "no certificate",
      [{ kind: "HttpsAddress", name: "prod", props: { address: "10.0.0.1" } }, remote("dev")],
    ],
    [
      "odd values",
      [remote("prod", { clientFingerprint: 7, connection: "x", addresses: "y" }), remote("dev")],
    ],
  ];
  for (const [what, members] of innocent)
    it(`says nothing about ${what}`, async () => {
      assert.deepEqual(await judgeStack(rule, members), []);
    });

  // Each beside a Remote whose name tells another stage.
  const places: [what: string, member: Member][] = [
    ["the resource's name", remote("prod-x")],
    ["the remote's name", remote("x", { name: "PROD" })],
    [
      "a token's client",
      {
        kind: "TrustToken",
        name: "x",
        props: { clientFingerprint: fingerprint, given: { clientName: "prod-ci" } },
      },
    ],
    [
      "a planned token's client",
      { kind: "TrustToken", name: "x", props: { clientFingerprint: fingerprint, clientName: "prod-ci" } },
    ],
    ["the project", remote("x", { given: { project: "web-prod" } })],
    [
      "a token's projects",
      { kind: "TrustToken", name: "x", props: { clientFingerprint: fingerprint, projects: ["web", "prod"] } },
    ],
    ["the server's name", remote("x", { serverName: "lxd-prod01" })],
    [
      "the server of an administered one",
      { kind: "TrustToken", name: "x", props: { clientFingerprint: fingerprint, server: { name: "prod" } } },
    ],
    ["an address", remote("x", { addresses: [unknownText, "https://lxd.prod.example.org:8443"] })],
    ["the host that is reached by SSH", connected({ ssh: { host: "lxd.prod.example.org" } })],
    ["the end of a host's name", connected({ address: "lxd-1.prod:8443" })],
    ["the remote that is borrowed", connected({ remote: "prod" })],
    ["the server's name rather than its own", remote("test", { serverName: "prod" })],
    [
      "the server's name rather than the project",
      remote("x", { serverName: "prod", given: { project: "test" } }),
    ],
  ];
  for (const [what, member] of places)
    it(`knows a stage by ${what}`, async () => {
      assert.deepEqual(await stagesSaid([member, remote("dev")]), ["production development"]);
    });

  it("knows stages as they are configured: by words, or with * by all of a name", async () => {
    const stages = { blue: ["10.1.*", "azure"], green: ["10.2.*:8443", "g*"] };
    const one = remote("dev", { addresses: ["10.1.0.11:8443"] });
    assert.deepEqual(
      await stagesSaid([one, remote("prod", { addresses: ["10.2.0.11:8443"] })], { stages }),
      [],
    );
    assert.deepEqual(await stagesSaid([one, remote("Garden")], { stages }), ["blue green"]);
    assert.deepEqual(await stagesSaid([one, remote("the-garden")], { stages }), []);
    assert.deepEqual(await stagesSaid([remote("azure-1"), remote("g")], { stages }), ["blue green"]);
    assert.deepEqual(await stagesSaid([one, remote("g")], { stages, except: ["g"] }), []);
  });

  it("finds a client that is let into projects of several stages by one token", async () => {
    const props = { clientFingerprint: fingerprint, projects: ["prod", "dev"] };
    assert.deepEqual(await stagesSaid([{ kind: "TrustToken", name: "x", props }]), [
      "production development",
    ]);
  });

  it("knows a certificate that is to be made by the resource that makes it", async () => {
    const planned = (name: string, made = ["key"]): Member => ({
      ...{ kind: "Remote", name, props: { name, clientCertificate: unknownText } },
      from: { clientCertificate: made },
    });
    const unmade: Member = { kind: "ClientCertificate", name: "key", props: { fingerprint: unknownText } };
    const other: Member = { ...unmade, name: "other" };
    assert.deepEqual(await stagesSaid([unmade, planned("prod"), planned("dev")]), ["production development"]);
    assert.deepEqual(await stagesSaid([unmade, other, planned("prod"), planned("dev", ["other"])]), []);
    // Which of the two it is nobody knows yet.
    assert.deepEqual(
      await stagesSaid([unmade, other, planned("prod"), planned("dev", ["key", "other"])]),
      [],
    );
    // One is made already, and the other is to be joined with it.
    assert.deepEqual(await stagesSaid([key, remote("prod"), planned("dev")]), ["production development"]);
    const token: Member = {
      kind: "TrustToken",
      name: "test",
      props: {},
      from: { clientFingerprint: ["key"] },
    };
    assert.deepEqual(await stagesSaid([unmade, token, planned("prod")]), ["production testing"]);
    const server: Member = { kind: "HttpsAddress", name: "test", props: {}, from: { connection: ["key"] } };
    assert.deepEqual(await stagesSaid([unmade, server, planned("prod")]), ["production testing"]);
  });

  it("knows a certificate in a connection, and one that is given as it is, by its fingerprint however it is written", async () => {
    const { certificate } = makePair("ci");
    const own = new X509Certificate(certificate).fingerprint256; // with colons, in capitals
    const administered = (name: string, address: string): Member => ({
      ...{ kind: "HttpsAddress", name },
      props: { address: "10.0.0.11", connection: { address, clientCertificate: certificate } },
    });
    assert.deepEqual(
      await stagesSaid([
        administered("one", "lxd.prod.example.org"),
        administered("two", "lxd.dev.example.org"),
        remote("test", { clientFingerprint: own }),
        remote("staging", { clientFingerprint: undefined, clientCertificate: certificate }),
      ]),
      ["production staging testing development"],
    );
    assert.deepEqual(await stagesSaid([administered("one", "a"), administered("two", "b")]), []);
    // An explicit provider is a connection itself.
    const provider = { address: "lxd.dev.example.org", clientCertificate: certificate };
    assert.deepEqual(
      await stagesSaid([
        { kind: "Provider", name: "behind", props: provider },
        administered("one", "lxd.prod.example.org"),
      ]),
      ["production development"],
    );
  });
});
