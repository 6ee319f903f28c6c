/** Imports of a ClientCertificate from the files of a pair. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Importer } from "../support/importing";
import { type ClientPair, makePair } from "../support/openssl-pair";
import { Stack } from "../support/stack";

const openssl = makePair("ci");

describe("an import of a ClientCertificate", () => {
  let importer: Importer;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-pairs-"));
    importer = new Importer(folder);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const write = ({ certificate, privateKey }: ClientPair, stem = "client"): void => {
    writeFileSync(join(folder, `${stem}.crt`), certificate);
    writeFileSync(join(folder, `${stem}.key`), privateKey);
  };
  const refuses = async (pattern: RegExp): Promise<void> => {
    const message = await importer.refusal("ClientCertificate", ".");
    assert.match(message, pattern);
    assert.doesNotMatch(message, /BEGIN/);
  };

  for (const keyAlgorithm of ["ECDSA-P384", "ECDSA-P256", "Ed25519", "RSA-4096"])
    it(`takes one of ${keyAlgorithm} as it was made`, async () => {
      const given = { commonName: "ci, größer", keyAlgorithm, validityDays: 90 };
      const { id, outputs } = await new Stack(folder).create("ClientCertificate", given);
      write({ certificate: String(outputs["certificate"]), privateKey: String(outputs["privateKey"]) });
      const found = await importer.take("ClientCertificate", folder);
      assert.deepEqual(found.args, given);
      // What the CLI writes of other imports names a fingerprint by this id, which has to hold for the next key, too.
      assert.deepEqual([found.id, id], [outputs["fingerprint"], outputs["fingerprint"]]);
      const present = Object.entries(outputs).filter(([, value]) => value !== null);
      assert.deepEqual(found.state, Object.fromEntries(present));
      await importer.destroyLeavesAll(found);
    });

  it("takes one that openssl has made, from wherever its path leads", async () => {
    write(openssl);
    write(openssl, "named");
    for (const id of [
      ".",
      folder,
      join(folder, "client.crt"),
      "named.crt",
      `../${folder.replace(/^.*\//, "")}/`,
    ]) {
      const found = await importer.take("ClientCertificate", id);
      assert.deepEqual(found.args, { commonName: "ci", keyAlgorithm: "ECDSA-P384", validityDays: 1 });
      assert.equal(found.state["fingerprint"], openssl.fingerprint);
      assert.equal(found.id, openssl.fingerprint);
    }
  });

  it("finds nothing where there is neither certificate nor key", async () => {
    write(openssl);
    mkdirSync(join(folder, "empty"));
    for (const id of ["empty", "nowhere", "other.crt", "x".repeat(200)])
      await importer.findsNothing("ClientCertificate", id);
    const message = await importer.refusal("ClientCertificate", "client.key");
    assert.match(message, /client\.key is not a directory.*\[CLIENT_CONFIG\]/s);
  });

  it("refuses half a pair, two halves of two pairs, and what is no pair", async () => {
    write(openssl);
    renameSync(join(folder, "client.key"), join(folder, "away.key"));
    await refuses(/client\.crt is there, but not .*client\.key.*\[CLIENT_CONFIG\]/s);
    write({ ...openssl, privateKey: makePair("other").privateKey });
    await refuses(/client\.key does not belong to .*client\.crt.*\[CLIENT_CONFIG\]/s);
    write({ ...openssl, certificate: "none" });
    await refuses(/client\.crt is not a readable certificate.*\[CLIENT_CONFIG\]/s);
  });

  it("refuses what no ClientCertificate is like, and says what to do with it", async () => {
    write(makePair("ci", "rsa:1024"));
    await refuses(
      /its key is none of ECDSA-P384, .*clientCertificate and clientKey instead \[INPUT_INVALID\]/s,
    );
    write({ ...openssl, certificate: openssl.certificate + makePair("ca").certificate });
    await refuses(/there are several certificates in its file.*\[INPUT_INVALID\]/s);
    write(signedByAnother(folder));
    await refuses(/the certificate is signed by another one.*\[INPUT_INVALID\]/s);
    write(makePair("/O=nobody", "P-384"));
    await refuses(/no program can say what it is: commonName .*\[INPUT_INVALID\]/s);
  });
});

/** A pair whose certificate an authority has signed. */
function signedByAnother(folder: string): ClientPair {
  const file = (name: string): string => join(folder, `signed-${name}`);
  const run = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "ignore" });
  const ca = makePair("ca");
  writeFileSync(file("ca.pem"), ca.certificate + ca.privateKey);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes", "-keyout", file("key")];
  run("req", "-new", ...key, "-subj", "/CN=ci", "-out", file("csr"));
  run(
    "x509",
    "-req",
    "-in",
    file("csr"),
    "-CA",
    file("ca.pem"),
    "-CAcreateserial",
    "-days",
    "1",
    "-out",
    file("crt"),
  );
  return {
    certificate: readFileSync(file("crt"), "utf8"),
    privateKey: readFileSync(file("key"), "utf8"),
  };
}
