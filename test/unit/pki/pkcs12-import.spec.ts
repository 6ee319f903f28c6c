/** PKCS#12 archives in the import of browsers: NSS's, which Firefox has everywhere and Chromium on Linux. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClientCertificate } from "../../../provider/pki/certificate";
import { toPkcs12 } from "../../../provider/pki/pkcs12";
import { describeWith } from "../../support/skip";

describeWith(["nss"], "PKCS#12 archives in a browser's store of certificates", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-nss-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  // Ed25519 is not among them: releases of browsers that are in use refuse such keys.
  for (const keyAlgorithm of ["ECDSA-P384", "ECDSA-P256", "RSA-4096"] as const) {
    for (const encryption of ["aes256", "3des"] as const) {
      it(`are imported: ${keyAlgorithm}, ${encryption}`, async () => {
        const password = "größer als 8";
        const pair = await createClientCertificate({ commonName: "alice", keyAlgorithm, now: new Date() });
        const archive = await toPkcs12({ ...pair, password, encryption, friendlyName: "alice's laptop" });
        const store = `sql:${folder}`;
        writeFileSync(join(folder, "archive.p12"), Buffer.from(archive, "base64"));
        writeFileSync(join(folder, "password"), password);
        execFileSync("certutil", ["-N", "-d", store, "--empty-password"]);
        const files = ["-i", join(folder, "archive.p12"), "-w", join(folder, "password")];
        execFileSync("pk12util", [...files, "-d", store], { stdio: ["ignore", "pipe", "pipe"] });
        const keys = execFileSync("certutil", ["-K", "-d", store], { encoding: "utf8" });
        assert.match(keys, /<\s*0> (ec|rsa) .*alice's laptop/);
        const stored = execFileSync("certutil", ["-L", "-d", store, "-n", "alice's laptop", "-a"], {
          encoding: "utf8",
        });
        assert.equal(stored.replaceAll("\r", "").trim(), pair.certificate.trim());
      });
    }
  }
});
