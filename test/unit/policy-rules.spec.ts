/** Each rule about single resources: what it lets pass, and what it complains about. */
import * as assert from "node:assert/strict";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import * as policy from "../../sdk/policy";
import { judge, unknownText } from "../support/policy-rule";

const token = { token: "a token" };
const pins = { serverFingerprint: "ab".repeat(32), serverCertificate: "PEM" };

/** Texts that messages show anyway: in an example, or as configured. */
const words = ["certificate", ":8443", "/srv/repository"];

interface Case {
  rule: ResourceValidationPolicy;
  kind: string;
  config?: object;
  /** Inputs that are let pass. */
  passes: object[];
  /** Inputs that are not, and what is said about them. */
  fails: [inputs: object, ...said: RegExp[]][];
}

const wildcard = /^address names no interface: .* such as "10\.0\.0\.11:8443", or use subnet or interface/;
const isPublic = /^address is in no private network: .* or add yours to privateNetworks\.$/;
const publicSubnet = /^subnet does not lie in a private network: /;
const unrestricted = /^restricted is false: .* such as projects: \["ci"\], or groups\./;
const inRepository = /^configDir is relative to the program's folder: .* such as ~\/\.config\/lxc/;

const cases: Case[] = [
  {
    rule: policy.noWildcardListener,
    kind: "HttpsAddress",
    passes: [
      ...["10.0.0.11", "10.0.0.11:8443", "[fd00::1]:8443", "fd00::1", "lxd.example.org", "0.0.0.1", "::1"],
      ...["LXD.EXAMPLE.ORG:8443", "", "[::ffff:10.0.0.1]"],
    ].map((address) => ({ address })),
    fails: [":8443", ":", "0.0.0.0", "0.0.0.0:443", "[::]", "[::]:8443", "::", "0:0:0:0:0:0:0:0", "[::%eth0]"]
      .concat("::ffff:0.0.0.0", "[0::0]:8443")
      .map((address) => [{ address }, wildcard]),
  },
  {
    rule: policy.noPublicAddress,
    kind: "HttpsAddress",
    passes: [
      ...["10.0.0.11", "172.31.255.255:8443", "192.168.0.1", "127.0.0.1", "100.64.0.1", "169.254.1.1"],
      ...["[fd00::1]:8443", "FD00::1", "fe80::1%eth0", "[fe80::1%25eth0]:8443", "::1", "::ffff:10.0.0.1"],
      // What listens everywhere is another rule's business, and what a name leads to is not looked up.
      ...[":8443", "0.0.0.0", "::", "lxd.example.org:8443", "localhost"],
    ]
      .map((address): object => ({ address }))
      .concat(
        ["10.68.0.0/16", "fd00:68::/64", "10.0.0.0/8", "::ffff:10.0.0.0/104"].map((subnet) => ({ subnet })),
        [{ interface: "enp5s0" }, { subnet: "no subnet" }],
      ),
    fails: [
      ...["203.0.113.7", "203.0.113.7:8443", "172.32.0.1", "11.0.0.1", "100.128.0.1", "2001:DB8::1"].map(
        (address): [object, RegExp] => [{ address }, isPublic],
      ),
      ...["[2001:db8::1]:8443", "::ffff:203.0.113.7", "[::ffff:cb00:7107]:8443", "::2", "64:ff9b::a00:1"].map(
        (address): [object, RegExp] => [{ address }, isPublic],
      ),
      ...["203.0.113.0/24", "0.0.0.0/0", "10.0.0.0/7", "::/0", "2001:db8::/64", "::ffff:0:0/96"].map(
        (subnet): [object, RegExp] => [{ subnet }, publicSubnet],
      ),
    ],
  },
  {
    rule: policy.noPublicAddress,
    kind: "HttpsAddress",
    config: { privateNetworks: ["203.0.113.0/24", "2001:db8::/32", "::ffff:0:0/95"], allowDnsNames: false },
    passes: [
      ...["203.0.113.7", "[2001:db8::1]:8443", "::fffe:0:1", "localhost:8443"].map((address) => ({
        address,
      })),
      { subnet: "203.0.113.128/25" },
    ],
    fails: [
      [{ address: "10.0.0.11" }, isPublic],
      [{ subnet: "203.0.112.0/23" }, publicSubnet],
      [{ address: "lxd.example.org" }, /^address is a DNS name, which may lead to any address\./],
    ],
  },
  {
    rule: policy.noPublicAddress,
    kind: "TrustToken",
    passes: [{}, { addresses: ["10.0.0.11:8443", "https://lxd.example.org/"] }],
    fails: [
      [
        { addresses: ["10.0.0.11", "https://203.0.113.7:8443", unknownText, "[2001:db8::1]"] },
        /^addresses\[1\], where the token's client looks for the server, is in no private network/,
        /^addresses\[3\], /,
        /addresses\.2 can't be known during preview/,
      ],
    ],
  },
  {
    rule: policy.noUnrestrictedToken,
    kind: "TrustToken",
    passes: [
      { projects: ["web"] },
      { restricted: true, projects: [] },
      { groups: ["operators"] },
      { restricted: "false" },
    ],
    fails: [[{ restricted: false }, unrestricted]],
  },
  {
    rule: policy.allowedProjects,
    kind: "TrustToken",
    passes: [{ projects: ["any", "thing"] }],
    fails: [],
  },
  {
    rule: policy.allowedProjects,
    kind: "TrustToken",
    config: { projects: ["web", "ci-*"] },
    passes: [
      {},
      { projects: [] },
      { projects: ["web", "ci-", "ci-linux"] },
      { projects: "other" },
      { projects: [7, null] },
    ],
    fails: [
      [
        // Servers tell "web" from "Web".
        { projects: ["other", "web", "website", "Web", "CI-linux"] },
        /^projects\[0\] is a project that clients must not be let into: allowed are "web", "ci-\*"\. /,
        /^projects\[2\] /,
        /^projects\[3\] /,
        /^projects\[4\] /,
      ],
    ],
  },
  {
    rule: policy.allowedProjects,
    kind: "Remote",
    config: { projects: [] },
    passes: [{}, { project: null }],
    fails: [[{ project: "default" }, /^project is a project .*: none is allowed\./]],
  },
  {
    rule: policy.identityTokens,
    kind: "TrustToken",
    passes: [{ groups: ["operators"] }, { groups: [] }, { groups: unknownText }, { kind: "identity" }],
    fails: [
      [{ projects: ["web"] }, /^groups is not given: /],
      [{ restricted: false, groups: null }, /^groups is not given: /],
      [{ kind: "certificate", groups: unknownText }, /^kind is "certificate": .* groups: \["operators"\]\.$/],
    ],
  },
  {
    rule: policy.revokeOnDelete,
    kind: "TrustToken",
    passes: [{}, { revokeClientOnDelete: true }, { revokeClientOnDelete: null }],
    fails: [
      [
        { revokeClientOnDelete: false },
        /^revokeClientOnDelete is false: .* Leave revokeClientOnDelete out, or make it true\.$/,
      ],
      [
        { revokeClientOnDelete: false, clientFingerprint: "ab".repeat(32) },
        /^revokeClientOnDelete is false: .* One that was imported stays trusted in any case: except it /,
      ],
    ],
  },
  {
    rule: policy.revokeOnDelete,
    kind: "Remote",
    passes: [token, { ...token, revokeOnDelete: true }],
    fails: [[{ ...token, revokeOnDelete: false }, /^revokeOnDelete is false: /]],
  },
  {
    rule: policy.pinnedRemotes,
    kind: "Remote",
    passes: [
      ...[token, { token: unknownText }, pins, { serverFingerprint: pins.serverFingerprint }],
      ...[{ serverCertificate: unknownText }, { public: true, serverCertificate: "PEM" }],
    ],
    fails: [
      [
        { addresses: ["10.0.0.11"], token: null },
        /^Neither token nor .* Give serverFingerprint or serverCertificate/,
      ],
      [
        { protocol: "simplestreams", addresses: ["https://images.example.org"] },
        /^Neither token nor serverFingerprint nor serverCertificate is given: .* Give serverCertificate, or name the host/,
      ],
    ],
  },
  {
    rule: policy.pinnedRemotes,
    kind: "Remote",
    config: { trustedHosts: ["images.example.org", "*.images.example.net"] },
    passes: [
      ...[
        "https://images.example.org",
        "https://IMAGES.example.org:443/streams/",
        "https://images.example.org/streams",
        "eu.images.example.net:8443",
      ].map((address) => ({ protocol: "simplestreams", addresses: [address] })),
    ],
    fails: [
      [{ addresses: ["https://images.example.org.evil.example"] }, /^Neither token/],
      [{ addresses: ["images.example.org", "evil.example"] }, /^Neither token/],
      [{ addresses: ["https://images.example.org@evil.example"] }, /^Neither token/],
      [{ addresses: [] }, /^Neither token/],
      [{ addresses: [unknownText] }, /addresses\.0 can't be known during preview/],
    ],
  },
  {
    rule: policy.clientCertificateLimits,
    kind: "ClientCertificate",
    passes: [{ validityDays: 366 }, { validityDays: 1, keyAlgorithm: "RSA-4096" }, { validityDays: "3650" }],
    fails: [
      [{}, /^validityDays \(3650 by default\) is more than the 366 that are allowed: /],
      [
        { validityDays: 367 },
        /^validityDays is more than the 366 that are allowed: .* with rotateBeforeDays/,
      ],
      [
        { validityDays: 30, keyAlgorithm: "RSA-1024" },
        /^keyAlgorithm is not a kind of key that is allowed: /,
      ],
    ],
  },
  {
    rule: policy.clientCertificateLimits,
    kind: "ClientCertificate",
    config: { algorithms: ["Ed25519"], maxValidityDays: 90 },
    passes: [{ validityDays: 90, keyAlgorithm: "Ed25519" }],
    fails: [
      [
        { validityDays: 91 },
        /^keyAlgorithm \(ECDSA-P384 by default\) is not a kind of key that is allowed: allowed are "Ed25519"\. /,
        /^validityDays is more than the 90 that are allowed: /,
      ],
    ],
  },
  {
    rule: policy.clientCertificateRotation,
    kind: "ClientCertificate",
    passes: [{ rotateBeforeDays: 7 }, { rotateBeforeDays: 300 }],
    fails: [
      [{}, /^rotateBeforeDays is not given: .* Give at least 7\.$/],
      [{ rotateBeforeDays: null }, /^rotateBeforeDays is not given/],
      [{ rotateBeforeDays: 6 }, /^rotateBeforeDays is less than 7: .* Give 7 or more\.$/],
      [{ rotateBeforeDays: 0 }, /^rotateBeforeDays is less than 7/],
    ],
  },
  {
    rule: policy.clientCertificateRotation,
    kind: "ClientCertificate",
    config: { minDays: 1 },
    passes: [{ rotateBeforeDays: 1 }],
    fails: [[{ rotateBeforeDays: 0 }, /^rotateBeforeDays is less than 1/]],
  },
  {
    rule: policy.clientDirectoryOutsideRepository,
    kind: "Remote",
    config: { repository: "/srv/repository" },
    passes: [
      ...[
        "~/.config/lxc",
        "~",
        "/srv/lxc",
        "/srv/repository-of-others/lxc",
        "/srv",
        "/srv/repository/../lxc",
        "",
      ].map((configDir) => ({ configDir })),
      ...[{}, { configDir: null }, { configDir: 7 }],
    ],
    fails: [
      ...["./lxc", "lxc", "../lxc", ".", "~other/lxc"].map((configDir): [object, RegExp] => [
        { configDir },
        inRepository,
      ]),
      ...["/srv/repository", "/srv/repository/lxc", "/srv/./repository/a/b", "/srv/repository/..lxc"].map(
        (configDir): [object, RegExp] => [
          { configDir },
          /^configDir is in the repository's folder "\/srv\/repository": /,
        ],
      ),
    ],
  },
  ...["HttpsAddress", "TrustToken"].map((kind) => ({
    ...{ rule: policy.clientDirectoryOutsideRepository, kind },
    passes: [
      {},
      { connection: { remote: "prod" } },
      { connection: { configDir: "~/.config/lxc" } },
      { connection: "no" },
    ],
    fails: [
      [{ connection: { configDir: "lxc" } }, /^connection\.configDir is relative to the program's folder: /],
    ] as [object, RegExp][],
  })),
  {
    rule: policy.clientDirectoryOutsideRepository,
    kind: "Provider",
    passes: [{}, { configDir: "/srv/lxc" }, { "lxd-access:configDir": "~/.config/lxc" }],
    fails: [
      [{ configDir: "lxc" }, /^configDir is relative/],
      [{ "lxd-access:configDir": "lxc" }, /^lxd-access:configDir is relative/],
    ],
  },
];

describe("the rules of the policy", () => {
  for (const { rule, kind, config = {}, passes, fails } of cases)
    describe(`${rule.name} about ${kind}${Object.keys(config).length > 0 ? ", configured" : ""}`, () => {
      it("lets pass what follows it", async () => {
        for (const inputs of passes)
          assert.deepEqual(await judge(rule, kind, inputs, { config }), [], JSON.stringify(inputs));
      });

      if (fails.length > 0)
        it("says which property is wrong and what to do, and shows no text of the program", async () => {
          for (const [inputs, ...expected] of fails) {
            const said = (await judge(rule, kind, inputs, { config })) ?? [];
            assert.equal(said.length, expected.length, `${JSON.stringify(inputs)}: ${said.join("\n")}`);
            expected.forEach((pattern, index) => {
              assert.match(said[index] ?? "", pattern);
            });
            for (const text of textsIn(inputs)) assert.ok(!said.join("\n").includes(text), text);
          }
        });
    });
});

/** The texts in a program's inputs that could be secret. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return value.length > 3 && !words.includes(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
