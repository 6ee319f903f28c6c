import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import fc from "fast-check";

import { isAccessError } from "../../../provider/errors";
import { createClientCertificate, readCertificate } from "../../../provider/pki/certificate";
import type { KeyPair } from "../../../provider/pki/certificate";
import { needsOpenssl, openssl } from "./openssl";

const newKey = [
  "req",
  "-x509",
  "-newkey",
  "ec",
  "-pkeyopt",
  "ec_paramgen_curve:P-256",
  "-nodes",
  "-keyout",
  "-",
];

/** A private key and its self-signed certificate, in that order in one text, made by openssl. */
function madeByOpenssl(...options: string[]): string {
  return openssl([...newKey, ...options]);
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ""), "base64");
}

function pemOf(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
}

/** The certificate with a piece of its DER replaced, everywhere, by one of the same length; the signature is wrong then. */
function patched(pem: string, from: string, to: string): string {
  const text = derOf(pem).toString("latin1");
  assert.ok(text.includes(from) && from.length === to.length);
  return pemOf(Buffer.from(text.replaceAll(from, to), "latin1"));
}

/**
 * Reads what may be damaged: either it is read, and its normal form reads the same, or the error is INPUT_INVALID and
 * repeats no twelve characters of the text, the delimiters of a block aside.
 */
function readsOrRefuses(text: string): void {
  try {
    const facts = readCertificate(text);
    assert.deepEqual(readCertificate(facts.pem), facts);
    assert.match(facts.fingerprint, /^[0-9a-f]{64}$/);
    assert.ok(!Number.isNaN(facts.notBefore.getTime()) && !Number.isNaN(facts.expiresAt.getTime()));
  } catch (error) {
    assert.ok(isAccessError(error, "INPUT_INVALID"), String(error));
    assert.equal(error.cause, undefined);
    const said = error.message.replace(/-----(BEGIN|END) CERTIFICATE-----/g, "");
    for (let start = 0; start + 12 <= text.length; start++) {
      assert.ok(!said.includes(text.slice(start, start + 12)), error.message);
    }
  }
}

function refused(text: string, reason: RegExp): void {
  assert.throws(
    () => readCertificate(text, "serverCertificate"),
    (error) =>
      isAccessError(error, "INPUT_INVALID") &&
      error.message.startsWith("serverCertificate: ") &&
      reason.test(error.message),
  );
}

describe("readCertificate", () => {
  let pair: KeyPair;
  before(needsOpenssl);
  before(async () => {
    pair = await createClientCertificate({ commonName: "edge-1", now: new Date("2031-01-01T00:01:00Z") });
  });

  it("tells what openssl tells of a CA certificate", () => {
    const pem = madeByOpenssl("-subj", "/O=x/CN=Edge CA", "-days", "30");
    const facts = readCertificate(pem);
    const shown = openssl(
      ["x509", "-noout", "-fingerprint", "-sha256", "-dates", "-dateopt", "iso_8601"],
      pem,
    );
    const [, fingerprint = "", notBefore = "", notAfter = ""] =
      /=([0-9A-F:]{95})\nnotBefore=(.*)\nnotAfter=(.*)\n/.exec(shown) ?? [];
    assert.deepEqual(facts, {
      fingerprint: fingerprint.replace(/:/g, "").toLowerCase(),
      notBefore: new Date(notBefore),
      expiresAt: new Date(notAfter),
      isAuthority: true,
      commonName: "Edge CA",
      pem: openssl(["x509"], pem),
    });
  });

  it("knows that a client certificate is no authority", () => {
    const { isAuthority, commonName, pem } = readCertificate(pair.certificate);
    assert.deepEqual([isAuthority, commonName, pem], [false, "edge-1", pair.certificate]);
  });

  it("takes the last of several common names, and none for none", () => {
    assert.equal(readCertificate(madeByOpenssl("-subj", "/CN=first/O=x/CN=last")).commonName, "last");
    assert.equal(readCertificate(madeByOpenssl("-subj", "/O=x")).commonName, undefined);
  });

  it("gives common names as they are, not as they are printed", async () => {
    const nameOf = (subject: string) => readCertificate(madeByOpenssl("-utf8", "-subj", subject)).commonName;
    assert.equal(nameOf("/CN=Zoë, \\/O=x\\+y"), "Zoë, /O=x+y");
    assert.equal(nameOf("/CN=a+O=b/O=CN=c \\+ CN=d"), "a");
    assert.equal(nameOf("/O=b+CN=a \\+ CN=b+OU=c"), "a + CN=b");
    for (const name of ["a\nCN=b", "a\\CN=b", "\0\x01\x7f\r\n\t", " #,;<>", '"="+\\ ']) {
      assert.equal(readCertificate(patched(pair.certificate, "edge-1", name)).commonName, name);
    }
    const printable = fc
      .string({ minLength: 1, maxLength: 64, unit: "binary" })
      .filter((name) => !/\p{C}/u.test(name));
    await fc.assert(
      fc.asyncProperty(printable, async (commonName) => {
        const { certificate } = await createClientCertificate({ commonName, now: new Date() });
        assert.equal(readCertificate(certificate).commonName, commonName);
      }),
    );
  });

  it("does not harm node:tls where that was not in use yet", () => {
    const script = `
      require("ts-node/register");
      const { readCertificate } = require("./provider/pki/certificate");
      readCertificate(require("node:fs").readFileSync(0, "utf8"));
      console.log(typeof require("node:tls").createSecureContext);`;
    const output = execFileSync(process.execPath, ["-e", script], {
      cwd: join(__dirname, "../../.."),
      input: pair.certificate,
      encoding: "utf8",
    });
    assert.equal(output, "function\n");
  });

  it("reads the first of several certificates, whatever stands around it", () => {
    const other = madeByOpenssl("-subj", "/CN=other");
    const text = `Bag Attributes\n  friendlyName: x\n${pair.certificate}${other}`;
    assert.deepEqual(readCertificate(text), readCertificate(pair.certificate));
  });

  it("reads text with Windows line ends, or without its last line end", () => {
    const facts = readCertificate(pair.certificate);
    assert.deepEqual(readCertificate(pair.certificate.replace(/\n/g, "\r\n")), facts);
    assert.deepEqual(readCertificate(pair.certificate.trimEnd()), facts);
  });

  it("refuses text that TLS and the servers' clients do not read, such as an indented one", () => {
    const indented = pair.certificate.replace(/^/gm, "    ");
    assert.throws(() => createSecureContext({ cert: indented }));
    assert.throws(() => readCertificate(indented), /damaged or not X\.509.*\[INPUT_INVALID\]/);
  });

  it("reads the years 1 and 9999", async () => {
    const { certificate } = await createClientCertificate({
      commonName: "edge-1",
      now: new Date("2060-01-02T00:00:00Z"),
      validityDays: 365,
    });
    const unset = patched(certificate, "20600101000000Z", "00010101000000Z");
    assert.equal(readCertificate(unset).notBefore.toISOString(), "0001-01-01T00:00:00.000Z");
    const endless = patched(certificate, "20610101000000Z", "99991231235959Z");
    assert.equal(readCertificate(endless).expiresAt.toISOString(), "9999-12-31T23:59:59.000Z");
  });

  it("says what is there instead of a certificate", () => {
    refused("", /holds no certificate/);
    refused("/etc/lxd/server.crt", /holds no certificate.*not a file's name/);
    refused(pair.privateKey, /holds a private key and no certificate/);
    refused(pair.certificate.slice(0, 200), /holds no certificate/);
    refused("-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----", /holds no certificate/);
  });

  it("refuses what Go would not read: bytes after the certificate, other characters, a time that is none", () => {
    const der = derOf(pair.certificate);
    refused(pemOf(Buffer.concat([der, Buffer.from([0])])), /damaged/);
    refused(pemOf(der.subarray(0, -1)), /damaged/);
    refused(pair.certificate.replace("\n", "\n*"), /damaged/);
    refused(pemOf(Buffer.alloc(0)), /damaged/);
    refused(patched(pair.certificate, "301231000100Z", "309931000100Z"), /damaged/);
  });

  it("refuses a damaged block with a whole certificate's text inside", () => {
    const inside = Buffer.concat([Buffer.from("0\0\n"), Buffer.from(pair.certificate)]);
    refused(pemOf(inside), /damaged/);
  });

  it("never crashes on, or repeats, any text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300, unit: "binary" }), readsOrRefuses));
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: "binary" }), (body) => {
        readsOrRefuses(`-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        readsOrRefuses(pemOf(Buffer.from(bytes)));
      }),
    );
  });

  it("never crashes on, or repeats, a damaged certificate or key", () => {
    for (const whole of [pair.certificate, pair.privateKey + pair.certificate]) {
      const position = fc.nat({ max: whole.length });
      fc.assert(
        fc.property(position, (end) => {
          readsOrRefuses(whole.slice(0, end));
        }),
      );
      fc.assert(
        fc.property(
          position,
          fc.string({ maxLength: 3, unit: "binary" }),
          fc.nat(3),
          (at, insertion, removed) => {
            readsOrRefuses(whole.slice(0, at) + insertion + whole.slice(at + removed));
          },
        ),
      );
    }
  });

  it("never crashes on, or repeats, a certificate with changed bytes", () => {
    const der = derOf(pair.certificate);
    const changes = fc.array(fc.tuple(fc.nat({ max: der.length - 1 }), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (edits) => {
        const bytes = Buffer.from(der);
        for (const [at, value] of edits) bytes.writeUInt8(value, at);
        readsOrRefuses(pemOf(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});
