/** The archives of a ClientCertificate and of a Remote, as `openssl` opens them. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, startDouble } from "../support/double/double";
import { type ServerView, viewOf } from "../support/server-view";
import { plainText, type Recorded, Stack } from "../support/stack";
import { needsOpenssl, openssl, runOpenssl } from "../unit/pki/openssl";

const pkcs12Password = "correct horse";
/** How `openssl` is told to open an archive: browsers take the modern form, older key chains of macOS only the other. */
const openings = [
  { pkcs12Encryption: undefined, options: [[]], says: /AES-256-CBC/ },
  { pkcs12Encryption: "aes256", options: [[]], says: /AES-256-CBC/ },
  { pkcs12Encryption: "3des", options: [["-legacy"], []], says: /TripleDES-CBC/ },
] as const;

describe("the PKCS#12 archive of a resource", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let folder: string;

  before(needsOpenssl);
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-pkcs12-"));
    stack = new Stack(folder);
    server = await startDouble("lxd-5.0", { speed: 5 });
    view = viewOf(server);
    await view.listen();
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  for (const keyAlgorithm of ["ECDSA-P384", "ECDSA-P256", "RSA-4096"]) {
    describe(keyAlgorithm, () => {
      let key: Recorded;
      let pair: Record<string, unknown>;
      before(async () => {
        key = await stack.create("ClientCertificate", { commonName: "edge", keyAlgorithm });
        pair = { clientCertificate: key.outputs["certificate"], clientKey: key.outputs["privateKey"] };
        await view.trust(keyAlgorithm, String(key.outputs["certificate"]));
      });

      for (const { pkcs12Encryption, options, says } of openings) {
        const archive = { pkcs12Password, pkcs12Encryption };
        const title = pkcs12Encryption ?? "no encryption said";

        it(`of a ClientCertificate, ${title}`, async () => {
          const packed = await stack.update(key, { ...key.inputs, ...archive });
          for (const more of options) opened(packed, "edge", more, says);
          assert.equal(await stack.plan(packed, { ...key.inputs, ...archive }), "same");
        });

        it(`of a Remote with a pair that is given, ${title}`, async () => {
          const token = await view.issueToken("spare", { restricted: false, projects: [] });
          const made = await stack.create("Remote", { name: "prod", token, ...pair, ...archive });
          assert.equal(made.outputs["clientKey"], pair["clientKey"]);
          for (const more of options) opened(made, "prod", more, says);
          await view.revokeTokens();
        });
      }
    });
  }

  it("of a Remote with a pair that it made itself, and of the next pair", async () => {
    const token = await view.issueToken("own", { restricted: false, projects: [] });
    const inputs = { name: "prod", token, pkcs12Password };
    const made = await stack.create("Remote", inputs);
    opened(made, "prod", [], /AES-256-CBC/);
    const { outputs } = await stack.create("ClientCertificate", { commonName: "next" });
    const next = { clientCertificate: outputs["certificate"], clientKey: outputs["privateKey"] };
    const rotated = await stack.update(made, { ...inputs, ...next });
    assert.equal(rotated.outputs["clientKey"], next.clientKey);
    opened(rotated, "prod", [], /AES-256-CBC/);
    const renamed = await stack.update(rotated, { ...inputs, ...next, name: "production" });
    opened(renamed, "production", [], /AES-256-CBC/);
  });
});

/** What is in the archive is the resource's own pair, under this name; nothing of it is readable in the stack. */
function opened(resource: Recorded, name: string, options: readonly string[], says: RegExp): void {
  const { pkcs12, certificate, privateKey, clientCertificate, clientKey } = resource.outputs;
  const unpack = ["pkcs12", "-passin", "env:ARCHIVE_PASSWORD", "-noenc", "-info", ...options];
  const bytes = Buffer.from(String(pkcs12), "base64");
  const { stdout, stderr, status } = runOpenssl(unpack, bytes, { ARCHIVE_PASSWORD: pkcs12Password });
  assert.equal(status, 0, stderr);
  assert.match(stderr, says);
  assert.equal(openssl(["x509"], stdout), String(certificate ?? clientCertificate));
  assert.equal(openssl(["pkey"], stdout), openssl(["pkey"], String(privateKey ?? clientKey)));
  assert.deepEqual(stdout.match(/(?<=friendlyName: ).*/g), [name, name]);
  for (const secret of [pkcs12Password, String(pkcs12)]) assert.ok(!plainText(resource).includes(secret));
}
