/** The life of a ClientCertificate, which no server has a part in. */
import { strict as assert } from "node:assert";
import { X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import { plainText, Stack } from "../support/stack";

const day = 24 * 60 * 60 * 1000;

describe("the life of a ClientCertificate", () => {
  const stack = new Stack(tmpdir());
  const inputs = { commonName: "ci" };

  it("is made once, is in sync from then on, and its key is a secret", async () => {
    const made = await stack.create("ClientCertificate", inputs);
    const certificate = new X509Certificate(String(made.outputs["certificate"]));
    assert.match(certificate.subject, /CN=ci/);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "secp384r1");
    assert.equal(made.outputs["fingerprint"], certificate.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.doesNotMatch(plainText(made), /PRIVATE KEY/);
    assert.equal(await stack.plan(made, inputs), "same");
    const refreshed = await stack.refresh(made);
    assert.deepEqual(refreshed?.outputs, made.outputs);
    await stack.destroy(made);
  });

  it("is replaced for what only a new certificate can have", async () => {
    const made = await stack.create("ClientCertificate", inputs);
    for (const change of [{ commonName: "other" }, { keyAlgorithm: "ECDSA-P256" }, { validityDays: 10 }]) {
      assert.equal(await stack.plan(made, { ...inputs, ...change }), "replace", JSON.stringify(change));
    }
    assert.equal(await stack.plan(made, { ...inputs, rotateBeforeDays: 5 }), "update");
  });

  it("is replaced within rotateBeforeDays of its end, and not a day before", async () => {
    const rotating = { ...inputs, validityDays: 100, rotateBeforeDays: 30 };
    const made = await stack.create("ClientCertificate", rotating);
    const start = Date.now();
    const at = (days: number): Stack => {
      const later = new Stack(tmpdir());
      later.now = () => new Date(start + days * day);
      return later;
    };
    assert.equal(await at(69).plan(made, rotating), "same");
    assert.equal(await at(71).plan(made, rotating), "replace");
    assert.equal(await at(200).plan(made, rotating), "replace");
  });

  it("gets, changes and drops its archive in place, with the same key", async () => {
    const made = await stack.create("ClientCertificate", inputs);
    assert.equal(made.outputs["pkcs12"], null);
    const packed = { ...inputs, pkcs12Password: "correct horse" };
    assert.equal(await stack.plan(made, packed), "update");
    const withArchive = await stack.update(made, packed);
    assert.equal(withArchive.outputs["privateKey"], made.outputs["privateKey"]);
    assert.ok(String(withArchive.outputs["pkcs12"]).length > 500);
    assert.ok(!plainText(withArchive).includes("correct horse"));
    assert.ok(!plainText(withArchive).includes(String(withArchive.outputs["pkcs12"])));
    assert.equal(await stack.plan(withArchive, packed), "same");
    assert.equal(await stack.plan(withArchive, { ...packed, pkcs12Password: "battery staple" }), "update");
    const dropped = await stack.update(withArchive, inputs);
    assert.equal(dropped.outputs["pkcs12"], null);
    assert.equal(await stack.plan(dropped, inputs), "same");
  });
});
