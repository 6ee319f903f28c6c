/** The mark of a token in an entry, and whether a directory knows a server. */
import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkClientDirectory, writeRemote } from "../../../provider/client-config/client-directory";
import { makePair } from "../../support/openssl-pair";

const server = makePair("server");
const addr = "https://127.0.0.1:1";

describe("the mark of a token in config.yml", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "lxa-mark-"))));
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const text = (): string => readFileSync(join(directory, "config.yml"), "utf8");
  const write = (mark?: string, address = addr): Promise<unknown> =>
    writeRemote({
      ...{ directory, name: "edge", entry: { addr: address, protocol: "lxd", public: false }, mark },
      ...{ serverCertificate: server.certificate, previousAddr: addr },
    });
  const look = (name: string, { address = addr, serverFingerprint = server.fingerprint } = {}) =>
    checkClientDirectory({ directory, name, flavor: "lxd", addresses: [address], serverFingerprint });

  it("is found again, changed, and kept by a change that brings none", async () => {
    await write("one");
    assert.deepEqual(await look("edge"), { isThere: true, isServerKnown: true, mark: "one" });
    await write("two", "https://127.0.0.1:2");
    assert.equal((await look("edge")).mark, "two");
    await write(undefined, addr);
    assert.equal((await look("edge")).mark, "two");
    assert.equal(text().match(/#/g)?.length, 1);
  });

  it("leaves what somebody else has noted there", async () => {
    await write("one");
    writeFileSync(join(directory, "config.yml"), text().replace("edge:\n", "edge:\n    # in the cellar\n"));
    await write("two", "https://127.0.0.1:2");
    assert.match(
      text(),
      / {4}# in the cellar\n {4}# joined by pulumi-lxd-access with the token two\n {4}addr:/,
    );
  });

  it("a server is known by address or pin, and where an entry cannot be understood", async () => {
    await write();
    const other = { address: "https://127.0.0.1:2", serverFingerprint: "0".repeat(64) };
    assert.equal((await look("other")).isServerKnown, true);
    assert.equal((await look("other", { ...other, address: addr })).isServerKnown, true);
    assert.equal((await look("other", { address: other.address })).isServerKnown, true);
    assert.equal((await look("other", other)).isServerKnown, false);
    const whole = text();
    for (const strange of ["odd: [1]", '"../up": {addr: x}']) {
      writeFileSync(join(directory, "config.yml"), whole.replace("remotes:\n", `remotes:\n  ${strange}\n`));
      assert.equal((await look("other", other)).isServerKnown, true, strange);
    }
  });

  it("a pin without an entry is nobody's", async () => {
    mkdirSync(join(directory, "servercerts"));
    writeFileSync(join(directory, "servercerts", "edge.crt"), server.certificate);
    assert.equal((await look("edge")).isServerKnown, false);
  });
});
