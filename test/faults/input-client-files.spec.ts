/** Whatever stands in the files of a client or of SSH is read as they read it, or refused; nothing else of a file changes. */
import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { ConfigDocument, type RemoteEntry } from "../../provider/client-config/config-document";
import { ConfigProblem, describing } from "../../provider/client-config/config-problem";
import { listRemotes } from "../../provider/client-config/remote-list";
import { isExpected } from "../../provider/lxd/ssh/host-key";
import { findKnownHost } from "../../provider/lxd/ssh/known-hosts";
import { describeServerAddressProblem, formatHostAndPort } from "../../provider/lxd/address";
import { remoteEndpoint } from "../../provider/ways-in/client-remote";
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

const configs = [
  `default-remote: prod
remotes:
  local:
    addr: unix://
    public: false
  prod: # ours
    addr: https://10.0.0.11:8443
    auth_type: tls
    project: ci
    protocol: lxd
    public: no
aliases: {}
`,
  `remotes: {prod: {addr: "https://[fd00::1]:8443,https://edge:443", protocol: incus, public: false}, "": {}}\n`,
  `x: &x {addr: "https://a", public: false}\nremotes:\n  prod: {<<: *x, project: 0x1F}\n  other: *x\n`,
];
const wanted: RemoteEntry = { addr: "https://10.9.9.9:8443", protocol: "lxd", public: false };

/** As the callers of a document report what is wrong with it. */
async function read(text: string): Promise<Verdict> {
  try {
    const config = await ConfigDocument.parse("config.yml", text);
    for (const name of ["prod", ...config.remoteNames]) config.entry(name, "lxd");
    assert.equal(typeof config.defaultRemote, "string");
    const edited = config.copy();
    edited.setEntry("prod", wanted);
    const again = await ConfigDocument.parse("config.yml", edited.toString());
    assert.equal(again.entry("prod", "lxd")?.addr, wanted.addr, "it can be written");
    for (const name of config.remoteNames.filter((other) => other !== "prod"))
      assert.deepEqual(again.entry(name, "lxd"), config.entry(name, "lxd"), "others stay as they were");
    return "taken";
  } catch (error) {
    assert.ok(error instanceof ConfigProblem, String(error));
    return verdictOf(() => describing("Reading", () => Promise.reject(error)));
  }
}

const key = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"), Buffer.alloc(36, 7)]);
const blob = key.toString("base64");
const hostFile = fc.constantFrom(
  `edge,10.0.0.11 ssh-ed25519 ${blob}\n`,
  `# a comment\n*.example.org,!bad.example.org,edge ssh-ed25519 ${blob} root@edge\nother ssh-rsa AAAA\n`,
  `[edge]:2222 ssh-ed25519 ${blob}\nedge ssh-ed25519 ${blob}\n`,
  `@revoked other ssh-ed25519 ${blob}\n@cert-authority * ssh-ed25519 ${blob}\n*e,??ge ssh-ed25519 ${blob}\n`,
  `|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= ssh-ed25519 ${blob}\nedge ssh-ed25519 ${blob}\n`,
);

function hosts(text: string): Verdict {
  for (const port of [22, 2222]) {
    const known = findKnownHost(text, "edge", port);
    for (const one of [...known.keys, ...known.revoked])
      assert.ok(Buffer.from(one.blob, "base64").length > 4);
    // Whatever stands before it, a line of its own says the same; and one that revokes goes before all others.
    const more = findKnownHost(`${text}\nedge ssh-ed25519 ${blob}\n`, "edge", 22);
    assert.ok(more.keys.some((one) => one.blob === blob));
    const revoked = {
      file: "known_hosts",
      known: findKnownHost(`${text}\n@revoked * ssh-ed25519 ${blob}\n`, "edge", port),
    };
    assert.equal(isExpected(revoked, key), false);
  }
  const known = findKnownHost(text, "edge", 22);
  return isExpected({ file: "known_hosts", known }, key) ? "taken" : { refused: "the host is not known" };
}

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  itFinds("in config.yml of a client, generated", () =>
    withstands("config.yml of a client", mutated(fc.constantFrom(...configs)), read),
  );

  itFinds(
    "in config.yml of a client, endless",
    async () => {
      const [valid = ""] = configs;
      const deep = ["[", "{a: ", "- ", "? ", "&a ["].map((piece) => piece.repeat(100_000));
      const floods = ['"', "!t ", "\0", ": ", "*a "].map((piece) => valid + piece.repeat(20_000));
      const many = Array.from({ length: 5_000 }, (_, at) => `  a${at}: {addr: "https://a"}\n`).join("");
      const doubled = Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]\n`);
      const bomb = `a0: &a0 [x]\n${doubled.join("")}remotes: {prod: {addr: *a30}}\n`;
      const texts = [...deep, ...floods, `remotes:\n${many}`, bomb];
      for (const text of texts) {
        const verdict = await read(text);
        if (verdict !== "taken") requireShowable(verdict.refused);
      }
      return { kind: "inputs", reader: "config.yml, endless", cases: texts.length };
    },
    { isLong: true },
  );

  describe("in a client's directory", () => {
    let root = "";
    before(() => {
      root = mkdtempSync(join(tmpdir(), "lxa-input-"));
    });
    after(() => {
      rmSync(root, { recursive: true });
    });
    const client = makePair("client");
    const body = client.privateKey.replace(/-----.*-----|\s/g, "");

    const files = fc
      .record({
        "config.yml": fc.constantFrom(...configs),
        "servercerts/prod.crt": fc.constant(client.certificate),
        "client.crt": fc.constant(client.certificate),
        "client.key": fc.constant(client.privateKey),
      })
      .chain((whole) =>
        fc.oneof(
          { weight: 1, arbitrary: fc.constant(whole) },
          ...Object.entries(whole).map(([name, text]) => ({
            weight: name === "config.yml" ? 4 : 1,
            arbitrary: mutated(fc.constant(text)).map((other) => ({ ...whole, [name]: other })),
          })),
        ),
      );

    async function lookIn(directory: string): Promise<Verdict> {
      const place = { environment: {}, programDirectory: root };
      const verdict = await verdictOf(async () => {
        await listRemotes(directory, "lxd");
        const endpoint = await remoteEndpoint("prod", directory, place);
        if (endpoint.kind !== "https") return;
        assert.equal(describeServerAddressProblem(formatHostAndPort(endpoint)), undefined);
        assert.ok(
          "certificate" in endpoint.pin && endpoint.clientKey !== undefined,
          "pinned, and with a key",
        );
      });
      if (verdict !== "taken") requireSecret(body, verdict.refused);
      return verdict;
    }

    // What makes no sense may be half written, so it is looked at for two seconds: all of them at a time.
    itFinds("config.yml, pin and pair together, generated", async () => {
      const verdicts = await Promise.all(
        fc.sample(files, 400).map((found, at) => {
          const directory = join(root, String(at));
          mkdirSync(join(directory, "servercerts"), { recursive: true });
          for (const [name, text] of Object.entries(found)) writeFileSync(join(directory, name), text);
          return lookIn(directory);
        }),
      );
      for (const verdict of verdicts) if (verdict !== "taken") requireShowable(verdict.refused);
      const taken = verdicts.filter((verdict) => verdict === "taken").length;
      assert.ok(taken > 0 && taken < verdicts.length);
      return {
        kind: "inputs",
        reader: "directory of a client, with its pins and pairs",
        cases: verdicts.length,
      };
    });
  });

  itFinds("in known_hosts, generated", () => withstands("known_hosts", mutated(hostFile), hosts));

  itFinds("in known_hosts, endless", () => {
    const texts = [
      ...endless(`edge ssh-ed25519 ${blob}`),
      ...["*a", "*?", "?", "e,", "!e,", "|1|"].map((piece) => `${piece.repeat(300_000)} ssh-ed25519 ${blob}`),
    ];
    for (const text of texts) assert.ok(findKnownHost(text, "edge", 2222).keys.length <= text.length / 50);
    return Promise.resolve({ kind: "inputs", reader: "known_hosts of a megabyte", cases: texts.length });
  });
});
