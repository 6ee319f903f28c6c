/** Whatever is given as a certificate, a key or a password is taken as node:crypto takes it, or refused without a word of it. */
import { strict as assert } from "node:assert";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import * as fc from "fast-check";
import { utils } from "ssh2";
import { describeSshKeyProblem, readKeys } from "../../provider/lxd/ssh/private-key";
import { createClientCertificate } from "../../provider/pki/certificate";
import { fingerprintIn, readCertificate } from "../../provider/pki/certificate-facts";
import { describeClientPairProblem, type KeyPair } from "../../provider/pki/client-pair";
import { toPkcs12 } from "../../provider/pki/pkcs12";
import { describePairProblem, pemText } from "../../provider/properties";
import { handlers } from "../../provider/registry";
import { checkInputs } from "../../provider/schema";
import { itFinds } from "../support/faults/finding";
import { endless, mutated } from "../support/faults/hostile-text";
import {
  requireSecret,
  requireShowable,
  type Verdict,
  verdictOf,
  withstands,
} from "../support/faults/withstanding";
import { makePair } from "../support/openssl-pair";
import { openssl } from "../unit/pki/openssl";

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  const pairs: KeyPair[] = [];
  const bodies: string[] = [];
  const sshKeys: string[] = [];
  const anyOf = <Item>(items: readonly Item[]): fc.Arbitrary<Item> =>
    fc.nat().map((at) => items[at % items.length] as Item);
  const bodyOf = (pem: string): string => pem.replace(/-----.*-----|\s/g, "");
  const refused = (said: string): Verdict => {
    for (const body of bodies) requireSecret(body, said);
    return { refused: said };
  };

  before(async () => {
    for (const keyAlgorithm of ["ECDSA-P384", "ECDSA-P256", "Ed25519"] as const)
      pairs.push(
        await createClientCertificate({ commonName: "ci, + CN=\\x", keyAlgorithm, now: new Date() }),
      );
    pairs.push(makePair("other"), makePair("weak", "rsa:1024"));
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    sshKeys.push(...pairs.map(({ privateKey }) => privateKey));
    for (const type of ["pkcs1", "pkcs8"] as const)
      sshKeys.push(rsa.export({ type, format: "pem" }).toString());
    for (const type of ["ed25519", "ecdsa"] as const)
      sshKeys.push(utils.generateKeyPairSync(type, type === "ecdsa" ? { bits: 256 } : {}).private);
    const locked = { passphrase: "a passphrase", cipher: "aes256-ctr", rounds: 1 };
    sshKeys.push(utils.generateKeyPairSync("ed25519", locked).private);
    bodies.push(...sshKeys.map(bodyOf));
  });

  function certificate(text: string): Verdict {
    const parsed = pemText("CERTIFICATE").safeParse(text);
    assert.equal(fingerprintIn(text) !== undefined || !parsed.success, true);
    if (!parsed.success) return refused(parsed.error.issues.map(({ message }) => message).join("; "));
    const facts = readCertificate(text);
    const known = new X509Certificate(facts.pem);
    assert.equal(facts.fingerprint, known.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.equal(facts.expiresAt.getTime(), Date.parse(known.validTo));
    assert.deepEqual(readCertificate(facts.pem), facts, "written and read again");
    return "taken";
  }

  function privateKey(text: string): Verdict {
    const parsed = pemText("PRIVATE KEY").safeParse(text);
    if (!parsed.success) return refused(parsed.error.issues.map(({ message }) => message).join("; "));
    assert.equal(createPrivateKey(text).type, "private");
    return "taken";
  }

  function pair({ certificate: own, privateKey: key }: KeyPair): Verdict {
    const later = describeClientPairProblem({ certificate: own, privateKey: key }, new Date());
    const atOnce = describePairProblem(own, key);
    if (later !== undefined) return refused(`${later}; ${atOnce ?? ""}`);
    assert.equal(atOnce, undefined, "a check refuses nothing that is of use");
    assert.ok(new X509Certificate(own).checkPrivateKey(createPrivateKey(key)));
    return "taken";
  }

  async function sshKey(text: string, passphrase?: string): Promise<Verdict> {
    const problem = describeSshKeyProblem(text);
    if (problem !== undefined) return refused(problem);
    const host = { host: "edge", port: 22, user: "root", passphrase, agent: undefined };
    const verdict = await verdictOf(async () => {
      const { usable } = await readKeys({ ...host, keys: [{ text }], hostKey: { fingerprint: "" } });
      assert.equal(usable.length, 1);
    });
    return verdict === "taken" ? verdict : refused(verdict.refused);
  }

  itFinds("as a certificate, generated", () =>
    withstands("certificate, PEM", mutated(anyOf(pairs).map((one) => one.certificate)), certificate),
  );

  itFinds("as a private key, generated", () =>
    withstands("private key, PEM", mutated(anyOf(sshKeys)), privateKey),
  );

  itFinds("as a pair of both, generated", () => {
    const whole = fc.tuple(anyOf(pairs), anyOf(pairs), fc.boolean()).map(([one, other, isMixed]) => ({
      certificate: one.certificate,
      privateKey: isMixed ? other.privateKey : one.privateKey,
    }));
    const damaged = whole.chain((one) =>
      fc.oneof(
        fc.constant(one),
        mutated(fc.constant(one.certificate)).map((text) => ({ ...one, certificate: text })),
        mutated(fc.constant(one.privateKey)).map((text) => ({ ...one, privateKey: text })),
      ),
    );
    return withstands("certificate and private key", damaged, pair);
  });

  itFinds("as a private key for SSH, generated", () =>
    withstands("private key for SSH", mutated(anyOf(sshKeys)), (text) => sshKey(text)),
  );

  it("as a private key for SSH, protected: opens with its passphrase alone, and never takes forever", async () => {
    const rounds = 0xffffffff;
    const key = utils.generateKeyPairSync("ed25519", {
      passphrase: "right",
      cipher: "aes256-ctr",
      rounds: 2,
    }).private;
    assert.equal(await sshKey(key, "right"), "taken");
    for (const passphrase of [undefined, "", "wrong", "right\n", "\ud800"])
      assert.notEqual(await sshKey(key, passphrase), "taken", JSON.stringify(passphrase));
    const bytes = Buffer.from(bodyOf(key), "base64");
    bytes.writeUInt32BE(rounds, bytes.indexOf(Buffer.from([0, 0, 0, 2, 0, 0, 0, 1])));
    const [begin = "", end = ""] = key.match(/-----.*-----/g) ?? [];
    const verdict = await sshKey(`${begin}\n${bytes.toString("base64")}\n${end}\n`, "right");
    assert.match(verdict === "taken" ? "" : verdict.refused, /more than 1000 rounds/);
  });

  itFinds("as the password of a PKCS#12 archive, generated", async () => {
    const [own] = pairs;
    assert.ok(own);
    const passwords = fc.oneof(
      mutated(fc.constantFrom("correct horse battery staple", "größer als 8", "🔑")),
      fc.string({ unit: "binary", maxLength: 2000 }),
    );
    let made = 0;
    let since = 0;
    return withstands("password of a PKCS#12 archive", passwords, async (pkcs12Password) => {
      const failures = checkInputs(handlers.ClientCertificate, { commonName: "ci", pkcs12Password });
      const [failure] = failures;
      const said = failures.map(({ reason }) => reason).join("; ");
      requireSecret(pkcs12Password, said);
      const encryption = made % 2 === 0 ? "aes256" : "3des";
      // Archives are slow to make on purpose, so not every password makes one.
      if (failure === undefined && since++ % 200 > 0) return "taken";
      const request = { ...own, password: pkcs12Password, encryption, friendlyName: "ci" } as const;
      const verdict = failure === undefined || made < 20 ? await verdictOf(() => toPkcs12(request)) : "taken";
      if (failure === undefined) assert.equal(verdict, "taken", "what is checked can be made");
      made++;
      // Nothing else gets unusual characters across to another program.
      if (failure === undefined && /^[ -~]+$/.test(pkcs12Password)) {
        const archive = Buffer.from(await toPkcs12(request), "base64");
        const args = [
          "pkcs12",
          "-nodes",
          "-passin",
          "env:PASSWORD",
          ...(encryption === "3des" ? ["-legacy"] : []),
        ];
        assert.ok(
          openssl(args, archive, { PASSWORD: pkcs12Password }).includes(
            own.certificate.trim().slice(30, 600),
          ),
        );
      }
      return failure === undefined ? "taken" : { refused: said };
    });
  });

  itFinds(
    "as a certificate or a key, endless",
    async () => {
      const [own] = pairs;
      const [ssh] = sshKeys.slice(-3);
      assert.ok(own && ssh !== undefined);
      const texts = [...endless(own.certificate), ...endless(own.privateKey), ...endless(ssh)];
      texts.push(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n".repeat(30_000),
        `${own.certificate}${own.privateKey}`.repeat(1000),
      );
      for (const text of texts) {
        for (const verdict of [
          certificate(text),
          privateKey(text),
          pair({ ...own, privateKey: text }),
          await sshKey(text),
        ])
          if (verdict !== "taken") requireShowable(verdict.refused);
      }
      return { kind: "inputs", reader: "certificate and keys of a megabyte", cases: texts.length };
    },
    { isLong: true },
  );
});
