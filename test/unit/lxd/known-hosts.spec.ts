import * as assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { findKnownHost } from "../../../provider/lxd/ssh/known-hosts";

/** A key of a type, as known_hosts has it; `seed` makes it another one. */
function key(type: string, seed = 1): string {
  const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return Buffer.concat([field(Buffer.from(type)), field(Buffer.alloc(32, seed))]).toString("base64");
}

const ed25519 = key("ssh-ed25519");
const rsa = key("ssh-rsa");
const found = (text: string, host: string, port = 22): string[] =>
  findKnownHost(text, host, port).keys.map(({ type, blob }) => `${type} ${blob}`);
const line = (names: string, type = "ssh-ed25519", blob = key(type)): string => `${names} ${type} ${blob}`;
const hashed = (name: string, salt = "0123456789abcdef0123"): string =>
  `|1|${Buffer.from(salt).toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;

describe("known_hosts", () => {
  const names: [names: string, host: string, port: number, isKnown: boolean][] = [
    ["edge", "edge", 22, true],
    ["EDGE.example.org", "edge.Example.org", 22, true],
    ["edge", "edge2", 22, false],
    ["a,edge,10.0.0.1", "10.0.0.1", 22, true],
    ["[edge]:2222", "edge", 2222, true],
    ["[edge]:2222", "edge", 22, false],
    ["[edge]:2222", "edge", 2223, false],
    ["[edge]:22", "edge", 22, false],
    ["[fd00::1]:2222", "fd00::1", 2222, true],
    ["fd00::1", "fd00::1", 22, true],
    ["fd00::1", "FD00:0:0::1", 22, true],
    ["[fd00::1]:2222", "fd00:0::0001", 2222, true],
    ["fe80::1%eth0", "FE80:0::1%eth0", 22, true],
    ["fe80::1%eth0", "fe80::1%eth1", 22, false],
    ["::ffff:10.0.0.1", "::FFFF:10.0.0.1", 22, true],
    ["*.example.org", "edge.example.org", 22, true],
    ["*.example.org", "example.org", 22, false],
    ["edge-?", "edge-1", 22, true],
    ["edge-?", "edge-12", 22, false],
    ["*", "anything", 22, true],
    ["*,!edge", "edge", 22, false],
    ["!edge,*", "other", 22, true],
    ["!*.lab,edge.*", "edge.lab", 22, false],
    ["[*]:2222", "edge", 2222, true],
    ["a*b*c", "abbc", 22, true],
    ["a*b*c", "abbd", 22, false],
    ["edge.example", "edgeXexample", 22, false],
    [hashed("edge"), "edge", 22, true],
    [hashed("edge"), "EDGE", 22, true],
    [hashed("edge"), "edge2", 22, false],
    [hashed("[edge]:2222"), "edge", 2222, true],
    [hashed("[edge]:2222"), "edge", 22, false],
    ["|2|x|y", "edge", 22, false],
    ["|1|x", "edge", 22, false],
  ];
  for (const [pattern, host, port, isKnown] of names) {
    it(`${pattern} ${isKnown ? "is" : "is not"} ${host}, port ${port}`, () => {
      assert.deepEqual(found(line(pattern), host, port), isKnown ? [`ssh-ed25519 ${ed25519}`] : []);
    });
  }

  it("under another port the lines of that port count, else those of the plain host, as for ssh", () => {
    const plain = line("edge", "ssh-rsa");
    assert.deepEqual(found(`${plain}\n${line("[edge]:2222")}`, "edge", 2222), [`ssh-ed25519 ${ed25519}`]);
    assert.deepEqual(found(plain, "edge", 2222), [`ssh-rsa ${rsa}`]);
  });

  it("has several keys of a host, with comments, tabs and blank lines between", () => {
    const text = `# edge\n\n  ${line("edge")} a comment\r\n\t#x\nedge\t ssh-rsa \t${rsa}\n`;
    assert.deepEqual(found(text, "edge"), [`ssh-ed25519 ${ed25519}`, `ssh-rsa ${rsa}`]);
  });

  it("marks keys as revoked, which is kept apart", () => {
    const text = `${line("edge")}\n@revoked ${line("*", "ssh-rsa")}\n@revoked ${line("other", "ssh-rsa", key("ssh-rsa", 2))}`;
    const { keys, revoked } = findKnownHost(text, "edge", 22);
    assert.deepEqual([keys.map(({ blob }) => blob), revoked.map(({ blob }) => blob)], [[ed25519], [rsa]]);
    assert.deepEqual(
      new Set(findKnownHost(text, "edge", 2222).revoked.map(({ blob }) => blob)),
      new Set([rsa]),
    );
  });

  const ignored: [title: string, text: string][] = [
    ["an authority", `@cert-authority ${line("*")}`],
    ["an unknown marker", `@trusted ${line("*")}`],
    ["SSH 1", "edge 1024 35 1234567890"],
    ["a key of another type than it says", `edge ssh-rsa ${ed25519}`],
    ["no key", "edge ssh-ed25519"],
    ["damaged base64", "edge ssh-ed25519 !!!!"],
    ["a key that is cut off", `edge ssh-ed25519 ${ed25519.slice(0, 8)}`],
    ["a comment", `# ${line("edge")}`],
  ];
  for (const [title, text] of ignored) {
    it(`passes over a line with ${title}`, () => {
      assert.deepEqual(findKnownHost(text, "edge", 22), {
        keys: [],
        revoked: [],
        hasAuthority: title === "an authority",
      });
      assert.equal(found(`${text}\n${line("edge")}`, "edge").length, 1, "the next line counts");
    });
  }

  const host = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/);

  it("any host is found under its own name, plain, hashed or with a port, and under no other", () => {
    fc.assert(
      fc.property(host, host, fc.integer({ min: 1, max: 65535 }), (name, other, port) => {
        const isNamed = (names: string, who: string): boolean =>
          who === name || (who === "x" && names.startsWith("x,"));
        const asKnown = port === 22 ? name : `[${name}]:${port}`;
        for (const names of [asKnown, `x,${asKnown}`, hashed(asKnown, name)]) {
          assert.equal(found(line(names), name, port).length, 1);
          assert.equal(found(line(names), other, port).length, isNamed(names, other) ? 1 : 0);
        }
        assert.equal(found(line(`*,!${name}`), name).length, 0);
      }),
      { examples: [["a", "x", 22]] },
    );
  });

  it("any text is read without an error, and patterns of many stars without delay", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), host, (text, name) => void findKnownHost(text, name, 22)),
    );
    assert.deepEqual(found(line(`${"*a".repeat(2000)}!`), "a".repeat(250)), []);
  });
});
