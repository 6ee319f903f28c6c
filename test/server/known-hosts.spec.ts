/** Which keys known_hosts gives for a host, as OpenSSH itself reads the file. */
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { findKnownHost } from "../../provider/lxd/ssh/known-hosts";
import { describeWith } from "../support/skip";

describeWith(["sshd"], "known_hosts", () => {
  let folder: string;
  let keys: string[];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-known-"));
    keys = ["ed25519", "ecdsa", "rsa"].map((type) => {
      const path = join(folder, type);
      spawnSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", path]);
      return readFileSync(`${path}.pub`, "utf8").trim();
    });
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** What ssh-keygen finds for a name, in lower case as ssh makes it; revoked keys and authorities left out. */
  function byOpenSsh(file: string, host: string): string[] {
    const { stdout } = spawnSync("ssh-keygen", ["-F", host.toLowerCase(), "-f", file], { encoding: "utf8" });
    return stdout
      .split("\n")
      .filter((line) => line !== "" && !/^[#@]/.test(line))
      .map((line) =>
        line
          .trim()
          .split(/[ \t]+/)
          .slice(1, 3)
          .join(" "),
      );
  }

  const part = fc.constantFrom(
    "a",
    "b",
    "*",
    "?",
    "a*",
    "*.b",
    "a.b",
    "A",
    "!a",
    "!*b",
    "[a]:2222",
    "[*]:2222",
    "[a.b]:22",
    "!",
  );
  const marker = fc.constantFrom("", "", "", "@revoked ", "@cert-authority ", "#", "  ");
  const line = fc.tuple(marker, fc.array(part, { minLength: 1, maxLength: 3 }), fc.nat(2), fc.boolean());

  for (const isHashed of [false, true]) {
    it(`gives what ssh-keygen finds in it, ${isHashed ? "hashed" : "plain"}`, () => {
      fc.assert(
        fc.property(
          fc.array(line, { maxLength: 6 }),
          fc.constantFrom("a", "b", "a.b", "ab", "A"),
          fc.constantFrom(22, 2222),
          (lines, host, port) => {
            const file = join(folder, "known_hosts");
            const text = lines
              .map(
                ([mark, names, key, hasComment]) =>
                  `${mark}${names.join(",")} ${keys[key] ?? ""}${hasComment ? " me@x" : ""}`,
              )
              .join("\n");
            writeFileSync(file, `${text}\n`);
            if (isHashed) spawnSync("ssh-keygen", ["-H", "-f", file]);
            const name = port === 22 ? host : `[${host}]:${port}`;
            const expected = byOpenSsh(file, name);
            // Where the port is not named, ssh takes the plain host's lines; ssh-keygen has to be asked for them.
            const wanted = expected.length > 0 || port === 22 ? expected : byOpenSsh(file, host);
            const found = findKnownHost(readFileSync(file, "utf8"), host, port).keys;
            assert.deepEqual(
              found.map(({ type, blob }) => `${type} ${blob}`),
              wanted,
            );
          },
        ),
        { numRuns: 60 },
      );
    });
  }
});
