/** The rules as a whole: what they are, how they are configured, and what they learn beyond a resource's inputs. */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { keyAlgorithms } from "../../provider/pki/certificate";
import * as policy from "../../sdk/policy";
import { judge, judgeStack, judgeType, unknownText } from "../support/policy-rule";

describe("the policy", () => {
  for (const rule of policy.policies)
    it(`${rule.name} is a plain object that says what it is about, and is about nothing else`, async () => {
      const { name, description, enforcementLevel, severity, remediationSteps, configSchema } = rule;
      assert.match(name, /^[a-z]+(-[a-z]+)*$/);
      for (const text of [description, remediationSteps]) assert.match(text ?? "", /^[A-Z].{40,}\.$/);
      assert.ok(["advisory", "mandatory"].includes(enforcementLevel ?? ""), enforcementLevel);
      assert.ok(["low", "medium", "high", "critical"].includes(severity ?? ""), severity);
      for (const { description: about } of Object.values(configSchema?.properties ?? {}))
        assert.match(about ?? "", /\.$/);
      if (!("validateResource" in rule)) return;
      const strangers = [
        "aws:s3/bucket:Bucket",
        "pulumi:pulumi:Stack",
        "lxd-access:index:Onboarding",
        "lxd-access:index:",
        "",
      ];
      for (const type of [...strangers, "lxd-access:index:toString", "pulumi:providers:aws"])
        assert.equal(await judgeType(rule, type, {}), undefined, type);
    });

  it("have names of their own, and are all in the list", () => {
    assert.equal(new Set(policy.policies.map(({ name }) => name)).size, policy.policies.length);
    const exported = Object.values(policy).filter((one) => one !== policy.policies);
    assert.deepEqual(new Set<unknown>(policy.policies), new Set<unknown>(exported));
  });

  it("pass over the resources that their configuration excepts", async () => {
    const inputs = { restricted: false };
    const except = (name: string, patterns: string[]): Promise<string[] | undefined> =>
      judge(policy.noUnrestrictedToken, "TrustToken", inputs, { name, config: { except: patterns } });
    assert.equal(await except("administrator", ["administrator"]), undefined);
    assert.equal(await except("administrator-1", ["x", "administrator-*"]), undefined);
    assert.equal((await except("administrator-1", ["administrator", "admin.*", "ADMIN*"]))?.length, 1);
  });

  it("know every kind of key, and take the name of no other", () => {
    const { algorithms } = policy.clientCertificateLimits.configSchema?.properties ?? {};
    assert.deepEqual(algorithms?.default, keyAlgorithms);
    assert.deepEqual(algorithms.items, { type: "string", enum: keyAlgorithms });
  });

  it("refuse a configuration that they do not understand", async () => {
    const configure = (rule: ResourceValidationPolicy, kind: string, config: object, inputs: object = {}) =>
      judge(rule, kind, inputs, { config });
    const notThere = {
      name: "Error",
      message: /^The configuration of the policy "no-wildcard-listener": there is no "exept", only except\.$/,
    };
    await assert.rejects(configure(policy.noWildcardListener, "HttpsAddress", { exept: [] }), notThere);
    // The engine prints the stack, and where in the package it was found helps nobody.
    await assert.rejects(
      configure(policy.noWildcardListener, "HttpsAddress", { exept: [] }),
      ({ message, stack }: Error) => stack === message,
    );
    for (const network of [
      "10.0.0.0",
      "10.0.0.0/33",
      "10.0.0/8",
      "fd00::/129",
      "/8",
      "fd00::%eth0/8",
      "10.0.0.0/08",
    ])
      await assert.rejects(
        configure(policy.noPublicAddress, "HttpsAddress", { privateNetworks: ["10.0.0.0/8", network] }),
        {
          message: `The configuration of the policy "no-public-address": in privateNetworks ${JSON.stringify(network)} is no network, such as "10.0.0.0/8".`,
        },
      );
    await assert.rejects(
      configure(
        policy.clientDirectoryOutsideRepository,
        "Remote",
        { repository: "src" },
        { configDir: "/lxc" },
      ),
      { message: /: repository is "src", which is no absolute path\.$/ },
    );
  });
});

describe("no-public-address about a whole stack", () => {
  const server = (interfaceOrSubnet: object, resolvedAddress: unknown) => ({
    ...{ kind: "HttpsAddress", name: "server" },
    props: { given: interfaceOrSubnet, resolvedAddress, address: resolvedAddress },
  });

  it("finds the address that an interface turned out to have", async () => {
    const [[name, message] = [], ...more] = await judgeStack(policy.noPublicAddress, [
      server({ interface: "enp5s0" }, "203.0.113.7:8443"),
    ]);
    assert.equal(name, "server");
    assert.match(message ?? "", /^interface has an address that is in no private network/);
    assert.deepEqual(more, []);
  });

  it("says nothing of what is private, not known yet, or judged by its inputs", async () => {
    const stack = [
      server({ interface: "enp5s0" }, "10.0.0.11:8443"),
      server({ interface: "enp5s0" }, unknownText),
      server({ interface: "enp5s0" }, undefined),
      server({ address: "203.0.113.7" }, "203.0.113.7"),
      { kind: "HttpsAddress", name: "planned", props: { interface: "enp5s0" } },
    ];
    assert.deepEqual(await judgeStack(policy.noPublicAddress, stack), []);
  });
});

describe("client-directory-outside-repository", () => {
  let folder: string;
  let before: string;
  beforeEach(() => {
    before = process.cwd();
    folder = mkdtempSync(join(tmpdir(), "lxa-repository-"));
    mkdirSync(join(folder, "repository", ".git"), { recursive: true });
    mkdirSync(join(folder, "repository", "node_modules", "pack"), { recursive: true });
    symlinkSync(join(folder, "repository"), join(folder, "link"));
  });
  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  const isRefused = async (configDir: string, config: object = {}): Promise<boolean> =>
    (await judge(policy.clientDirectoryOutsideRepository, "Remote", { configDir }, { config }))?.length === 1;

  it("finds the repository above the pack's folder, and sees through links", async () => {
    process.chdir(join(folder, "repository", "node_modules", "pack"));
    assert.equal(await isRefused(join(folder, "repository", "lxc")), true);
    assert.equal(await isRefused(join(folder, "link", "not", "there", "yet")), true);
    assert.equal(await isRefused(join(folder, "lxc")), false);
  });

  it("takes ~ for the home folder, which a repository may be in or be", async () => {
    assert.equal(await isRefused("~/.config/lxc", { repository: homedir() }), true);
    assert.equal(await isRefused("~/.config/lxc", { repository: join(homedir(), "src") }), false);
    assert.equal(await isRefused("~/src/lxc", { repository: join(homedir(), "src") }), true);
  });
});
