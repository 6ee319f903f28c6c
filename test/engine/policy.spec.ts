/** The policy pack by the real engine: what it prints, what it stops, and how it is configured. */
import * as assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { policies } from "../../sdk/policy";
import { keepsMachineAddresses } from "../support/extra-addresses";
import { makePair } from "../support/openssl-pair";
import { PulumiProject, type Run } from "../support/pulumi-project";
import { freePort, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";

const root = resolve(__dirname, "../..");
const pack = join(root, "policy-pack");
const pin = "ab".repeat(32);

/** A violation as the CLI shows it. */
interface Violation {
  level: string;
  policy: string;
  type: string;
  name: string;
}

/** A Remote in YAML, with the certificate that another resource makes. */
const yamlRemote = (name: string, key: string, inputs: string): string =>
  `  ${name}:
    type: lxd-access:Remote
    properties: { ${inputs}, clientCertificate: "\${${key}.certificate}", clientKey: "\${${key}.privateKey}" }
`;

/** Programs in which each rule is broken, and followed. None is more than planned, so that no server is needed. */
const programs = {
  typescript: {
    type: (name: string) => `pulumi-nodejs:dynamic/lxd-access:${name}`,
    broken: `
import { secret } from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
new HttpsAddress("everywhere", { address: ":8443" });
new HttpsAddress("public", { address: secret("203.0.113.7") });
new TrustToken("stranger", { clientName: "stranger", projects: ["other"], revokeClientOnDelete: false });
new TrustToken("administrator", { clientName: "administrator", restricted: false });
const key = new ClientCertificate("key", { keyAlgorithm: "RSA-4096" });
new Remote("mirror", { protocol: "simplestreams", addresses: ["https://mirror.example.org"], configDir: "./lxc" });
for (const name of ["prod", "dev"])
  new Remote(name, {
    addresses: ["10.0.0.11"],
    serverFingerprint: "${pin}",
    clientCertificate: key.certificate,
    clientKey: key.privateKey,
  });
`,
    followed: (certificate: string) => `
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
const server = new HttpsAddress("server", { address: "10.0.0.11:8443" });
const invitation = new TrustToken("invitation", { clientName: "ci", groups: ["operators"] }, { dependsOn: [server] });
for (const name of ["prod", "dev"]) {
  const key = new ClientCertificate(name, { validityDays: 90, rotateBeforeDays: 30 });
  new Remote("remote-" + name, {
    token: invitation.token,
    clientCertificate: key.certificate,
    clientKey: key.privateKey,
    project: "web",
  });
}
new Remote("mirror", {
  protocol: "simplestreams",
  addresses: ["https://mirror.example.org"],
  serverCertificate: ${JSON.stringify(certificate)},
  configDir: "/nonexistent/lxc",
});
`,
  },
  yaml: {
    type: (name: string) => `lxd-access:index:${name}`,
    broken: `
resources:
  everywhere: { type: "lxd-access:HttpsAddress", properties: { address: ":8443" } }
  public: { type: "lxd-access:HttpsAddress", properties: { address: { "fn::secret": 203.0.113.7 } } }
  stranger:
    type: lxd-access:TrustToken
    properties: { clientName: stranger, projects: [other], revokeClientOnDelete: false }
  administrator: { type: "lxd-access:TrustToken", properties: { clientName: administrator, restricted: false } }
  key: { type: "lxd-access:ClientCertificate", properties: { keyAlgorithm: RSA-4096 } }
  mirror:
    type: lxd-access:Remote
    properties: { protocol: simplestreams, addresses: ["https://mirror.example.org"], configDir: ./lxc }
${["prod", "dev"].map((name) => yamlRemote(name, "key", `addresses: [10.0.0.11], serverFingerprint: "${pin}"`)).join("")}`,
    followed: (certificate: string) => `
resources:
  server: { type: "lxd-access:HttpsAddress", properties: { address: "10.0.0.11:8443" } }
  invitation: { type: "lxd-access:TrustToken", properties: { clientName: ci, groups: [operators] } }
${["prod", "dev"]
  .map(
    (name) =>
      `  ${name}: { type: "lxd-access:ClientCertificate", properties: { validityDays: 90, rotateBeforeDays: 30 } }\n` +
      yamlRemote(`remote-${name}`, name, 'token: "${invitation.token}", project: web'),
  )
  .join("")}  mirror:
    type: lxd-access:Remote
    properties:
      protocol: simplestreams
      addresses: ["https://mirror.example.org"]
      serverCertificate: ${JSON.stringify(certificate)}
      configDir: /nonexistent/lxc
`,
  },
};

const configuration = {
  "allowed-projects": { projects: ["web", "ci-*"] },
  "client-certificate-limits": { algorithms: ["ECDSA-P384"] },
};

/** What is wrong with the first of the programs. */
const expected: [level: string, policy: string, type: string, name: string][] = [
  ["mandatory", "no-wildcard-listener", "HttpsAddress", "everywhere"],
  ["mandatory", "no-public-address", "HttpsAddress", "public"],
  ["mandatory", "no-unrestricted-token", "TrustToken", "administrator"],
  ["mandatory", "allowed-projects", "TrustToken", "stranger"],
  ["advisory", "identity-tokens", "TrustToken", "administrator"],
  ["advisory", "identity-tokens", "TrustToken", "stranger"],
  ["advisory", "revoke-on-delete", "TrustToken", "stranger"],
  ["advisory", "pinned-remotes", "Remote", "mirror"],
  ["advisory", "client-certificate-limits", "ClientCertificate", "key"],
  ["advisory", "client-certificate-limits", "ClientCertificate", "key"],
  ["advisory", "client-certificate-rotation", "ClientCertificate", "key"],
  ["mandatory", "client-directory-outside-repository", "Remote", "mirror"],
  ["advisory", "one-certificate-per-stage", "ClientCertificate", "key"],
];

describeWith(["pulumi"], "the policy pack by the real engine", function () {
  this.timeout(300_000);

  it("has a broken example for each rule", () => {
    const broken = new Set(expected.map(([, policy]) => policy));
    assert.deepEqual([...broken].sort(), policies.map(({ name }) => name).sort());
  });

  for (const [language, { type, broken, followed }] of Object.entries(programs))
    describe(`with a program in ${language === "yaml" ? "YAML" : "TypeScript"}`, () => {
      let project: PulumiProject;

      before(async () => {
        project = await PulumiProject.create(broken, { language: language as keyof typeof programs });
        project.write("policies.json", JSON.stringify(configuration));
      });

      after(() => {
        project.remove();
      });

      it("tells what is wrong, and `up` makes nothing", async () => {
        const { code, output } = await project.run(["up", "--yes", ...packFor(project)]);
        assert.notEqual(code, 0, output);
        const all = expected.map(([level, policy, name, resource]) => ({
          ...{ level, policy, type: type(name), name: resource },
        }));
        assert.deepEqual(sorted(violationsIn(output)), sorted(all), output);
        assert.match(output, /^ +address is in no private network: .*\. Choose one in a private network, /m);
        // What a program marks as secret reaches a policy as it is, and the engine would print it.
        assert.ok(!output.includes("203.0.113.7"), output);
        assert.match(output, /is used in development \(Remote "dev"\) and in production \(Remote "prod"\)/);
        assert.deepEqual(await resourcesOf(project), []);
      });

      it("has nothing to say where each rule is followed, though much is not known yet", async () => {
        project.give(followed(makePair("mirror").certificate));
        project.write("policies.json", readFileSync(join(pack, "example-config.json"), "utf8"));
        const { code, output } = await project.run(["preview", ...packFor(project)]);
        assert.equal(code, 0, output);
        assert.match(output, /lxd-access@v\S+ \(local/);
        assert.deepEqual(violationsIn(output), [], output);
        assert.doesNotMatch(output, /can't run policy/);
      });
    });
});

describeWith(["pulumi"], "the pack of one's own in docs/policy.md by the real engine", function () {
  this.timeout(120_000);

  it("picks rules, changes their levels, and has one of its own", async () => {
    const page = readFileSync(join(root, "docs/policy.md"), "utf8");
    const project = await PulumiProject.create(
      `
resources:
  known: { type: "lxd-access:TrustToken", properties: { clientName: web-ci, projects: [web] } }
  stranger:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [other], revokeClientOnDelete: false }
`,
      { language: "yaml" },
    );
    try {
      project.write("our-rules/index.ts", /```ts\n(.*?)```/s.exec(page)?.[1] ?? "");
      project.write("our-rules/package.json", '{ "version": "1.2.3" }');
      const folder = join(project.directory, "our-rules");
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
      const { code, output } = await project.run(["preview", "--policy-pack", executable(project, folder)]);
      assert.notEqual(code, 0, output);
      assert.match(output, /our-rules@v1\.2\.3/);
      const all = ["clients-of-teams", "allowed-projects", "revoke-on-delete"].map((policy) => ({
        ...{ level: "mandatory", policy, type: "lxd-access:index:TrustToken", name: "stranger" },
      }));
      assert.deepEqual(sorted(violationsIn(output)), sorted(all), output);
    } finally {
      project.remove();
    }
  });
});

describeWith(["pulumi", "lxd-daemon"], "the policy pack by the real engine on a real LXD", function () {
  this.timeout(300_000);

  let server: TestServer;
  let project: PulumiProject;
  let outside: string;

  before(keepsMachineAddresses);
  before(async () => {
    server = await startServer("lxd-daemon");
    outside = mkdtempSync(join(tmpdir(), "lxa-policy-"));
    const remote = `
    type: lxd-access:Remote
    properties:
      token: \${invitation.token}
      clientCertificate: \${key.certificate}
      clientKey: \${key.privateKey}
      project: default
      configDir: ${outside}`;
    const program = `
resources:
  server:
    type: lxd-access:HttpsAddress
    properties: { interface: lo, port: ${await freePort()} }
  invitation:
    type: lxd-access:TrustToken
    properties: { clientName: ci, projects: [default] }
    options: { dependsOn: ["\${server}"] }
  key: { type: "lxd-access:ClientCertificate", properties: { validityDays: 30, rotateBeforeDays: 10 } }
  blue:${remote}
  green:${remote}
    options: { dependsOn: ["\${blue}"] }
`;
    const config = { "lxd-access:socketPath": server.socketPath };
    project = await PulumiProject.create(program, { language: "yaml", config });
  });

  after(async () => {
    project.remove();
    rmSync(outside, { recursive: true });
    await server.stop();
  });

  it("ends the run where its configuration makes no sense", async () => {
    project.write("policies.json", '{ "no-public-address": { "privateNetwork": ["10.0.0.0/8"] } }');
    const { code, output } = await project.run(["preview", ...packFor(project)]);
    assert.notEqual(code, 0, output);
    const expected =
      'The configuration of the policy "no-public-address": there is no "privateNetwork", only privateNetworks, ';
    assert.ok(output.includes(expected), output);
  });

  it("lets pass what follows the rules, and finds in the end what only the outputs tell", async () => {
    project.write("policies.json", JSON.stringify({ "identity-tokens": "disabled" }));
    assert.deepEqual(violationsIn(await project.up(...packFor(project))), []);
    assert.notEqual(await viewOf(server).address(), "");

    project.write(
      "policies.json",
      JSON.stringify({
        "identity-tokens": "disabled",
        "no-public-address": { privateNetworks: ["10.0.0.0/8"] },
        "one-certificate-per-stage": {
          enforcementLevel: "mandatory",
          stages: { one: ["blue"], two: ["green"] },
        },
      }),
    );
    const { code, output } = await project.run(["up", "--yes", "--skip-preview", ...packFor(project)]);
    assert.notEqual(code, 0, output);
    assert.deepEqual(
      sorted(violationsIn(output)),
      sorted([
        {
          level: "mandatory",
          policy: "no-public-address",
          type: "lxd-access:index:HttpsAddress",
          name: "server",
        },
        {
          ...{ level: "mandatory", policy: "one-certificate-per-stage" },
          ...{ type: "lxd-access:index:ClientCertificate", name: "key" },
        },
      ]),
      output,
    );
    await project.destroy();
  });
});

/**
 * The arguments for the pack, as an executable that runs it as Pulumi's host of Node.js does with its folder. The host can do that
 * only since releases that cannot be built from Go modules, so one that was built here cannot.
 */
function packFor(project: PulumiProject): string[] {
  return ["--policy-pack", executable(project, pack), "--policy-pack-config", "policies.json"];
}

function executable(project: PulumiProject, folder: string): string {
  const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [folder] });
  const script = `#!/bin/sh\ncd "${folder}" && exec "${process.execPath}" "${runner}" "$1" .\n`;
  const file = join(project.directory, "policies");
  writeFileSync(file, script, { mode: 0o755 });
  return file;
}

function violationsIn(output: string): Violation[] {
  const lines = output.matchAll(/^ +- \[(\w+)\] (?:\[severity: \w+\] )? *(\S+) +\((\S+): (\S+)\)$/gm);
  return [...lines].map(([, level = "", policy = "", type = "", name = ""]) => ({
    level,
    policy,
    type,
    name,
  }));
}

function sorted(violations: Violation[]): Violation[] {
  return violations.toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)));
}

async function resourcesOf(project: PulumiProject): Promise<unknown[]> {
  const { output }: Run = await project.run(["stack", "export"]);
  const { deployment } = JSON.parse(output) as { deployment: { resources?: unknown[] } };
  return deployment.resources ?? [];
}
