/**
 * Whole stacks by the real engine, with recognisable secrets in every place where they can be given, through success and
 * failure. After each step everything is searched that the run printed, stored, and left or had for a while.
 */
import * as assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type EchoingServer, startEchoingServer } from "../support/faults/echoing-server";
import { codeIn, type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { providerOf } from "../support/faults/run-watch";
import { filesIn } from "../support/faults/secret-search";
import { asOutput, asSecret } from "../support/faults/secret-program";
import { SecretStage } from "../support/faults/secret-stage";
import { forwardTo } from "../support/forwarder";
import { asInputs, makePair } from "../support/openssl-pair";
import { type AdminClient, freePort, openHttps, type ServerView, viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { startTestSshd, type TestSshd } from "../support/sshd";

/** Is no secret, and goes everywhere that a secret could go: it shows that the search can find. */
const marker = "findable-client";
const lxd = serverNamed("lxd-daemon");

describeWith(["pulumi", "lxd-daemon", "sshd"], "Secrets", function () {
  this.timeout(300_000);

  let server: TestServer;
  /** Has the HttpsAddress, since an Onboarding has that of the first one. */
  let other: TestServer;
  let view: ServerView;
  let admin: AdminClient;
  let otherAdmin: AdminClient;
  let sshd: TestSshd;
  let bastion: TestSshd;
  let echoing: EchoingServer;
  let stage: SecretStage;
  let ssh: object;
  const pair = makePair(marker);

  before(async () => {
    [server, other, sshd, bastion, stage] = await Promise.all([
      startServer("lxd-daemon"),
      startServer("lxd-6"),
      startTestSshd(),
      startTestSshd(),
      SecretStage.set(),
    ]);
    view = viewOf(server);
    [admin, otherAdmin] = await Promise.all([openHttps(server), openHttps(other, makePair("other"))]);
    echoing = await startEchoingServer(
      marker,
      remember("the secret of the echoed token", "5ec2e7".repeat(10)),
    );
    remember("the echoed token", echoing.token);
    ssh = sshThere();
    for (const [what, key] of [
      ["the key of the connection", admin.connection.clientKey],
      ["the key of the other connection", otherAdmin.connection.clientKey],
      ["the key of the Remote", pair.privateKey],
    ] as const)
      remember(what, key);
  });

  after(async () => {
    await Promise.all([server.stop(), other.stop(), sshd.stop(), bastion.stop(), echoing.close()]);
    stage.remove();
  });

  const remember = (what: string, secret: string): string => stage.search.remember(what, secret);
  const token = async (what: string): Promise<string> =>
    remember(what, await view.issueToken(marker, { restricted: false, projects: [] }));
  const finding = (fault: string, happened: string, on = lxd): FaultFinding => ({
    ...{ kind: "fault", fault, server: on, happened },
    left: stage.left(),
  });

  /** A connection through a bastion: one key plain, one as a secret of Pulumi, each with a passphrase. */
  const sshThere = (): object => {
    const passphrase = remember("the host's passphrase", 'phrase "of" & <the> host/1+1=2');
    const bastions = remember("the bastion's passphrase", "phrase%20of the bastion, ünd so weiter");
    const [key, bastionKey] = [
      sshd.addKey("locked", "rsa", { passphrase, format: "PEM" }),
      bastion.addKey("locked", "ed25519", { passphrase: bastions }),
    ].map((path) => remember("a key of an SSH host", readFileSync(path, "utf8")));
    return {
      ...{ ...sshd.connection, socketPath: server.socketPath },
      ...{ privateKey: key, privateKeyPassphrase: asSecret(passphrase) },
      proxyJump: {
        ...{ ...bastion.connection, privateKey: asSecret(bastionKey), privateKeyPassphrase: bastions },
      },
    };
  };
  /** What is made, by name, and stays through the steps that follow. */
  const made = new Map<string, readonly [type: string, name: string, args: object]>();
  const keep = (type: string, name: string, args: object): void => {
    made.set(name, [type, name, args]);
  };
  const kept = (): (readonly [string, string, object])[] => [...made.values()];
  const secretly = ({ clientKey, ...rest }: AdminClient["connection"]): object => ({
    ...rest,
    clientKey: asSecret(clientKey),
  });

  itFinds("pass through creates, plain and as secrets of Pulumi, by every way in", async () => {
    keep("HttpsAddress", "listener", {
      address: otherAdmin.address,
      connection: secretly(otherAdmin.connection),
    });
    keep("TrustToken", "by-ssh", { clientName: `${marker}-ssh`, projects: [], connection: { ssh: ssh } });
    keep("TrustToken", "by-https", {
      ...{ clientName: `${marker}-https`, projects: [] },
      connection: asOutput(admin.connection),
    });
    const socketPath = { socketPath: server.socketPath };
    keep("TrustToken", "by-unix", { clientName: "unix", projects: [], connection: socketPath });
    const pkcs12Password = remember("the password of an archive", "pass <word> of/one=archive");
    keep("ClientCertificate", "key", { commonName: marker, pkcs12Password });
    keep("Remote", "prod", {
      ...{ token: await token("the token of the Remote"), ...asInputs(pair), configDir: stage.configDir },
      pkcs12Password: asSecret(remember("the password of the Remote", "p4ssword-of-the-remote")),
    });
    keep("Onboarding", "edge", { address: admin.address, projects: [], connection: admin.connection });
    const functions = [
      ["getServer", { connection: admin.connection }],
      ["getServerAddresses", { connection: { ssh: { ...sshd.connection, socketPath: server.socketPath } } }],
      ["decodeTrustToken", { token: echoing.token }],
    ] as const;
    remember("the open key of the SSH host", sshd.privateKey);
    stage.give({ resources: kept(), functions });
    const output = await stage.runs("up", "--yes", "--skip-preview", "--diff", "--show-full-output");
    assert.match(output, /12 created/);
    assert.equal(await stage.rememberMade(), 12);
    assert.deepEqual(stage.clientFilesWithSecrets(), ["client.key"]);
    const roles = stage.roles();
    for (const role of ["language host", "program", "provider", "provider's launcher", "pulumi"])
      assert.ok(roles.includes(role), `the ${role} was seen`);
    return finding("resources and functions, by every way in", "all created");
  });

  itFinds("pass through a change that shows old and new, previews, and a refresh", async () => {
    const next = makePair("admin-2");
    await view.trust("admin-2", next.certificate);
    remember("the new key of the connection", next.privateKey);
    const connection = secretly({ ...admin.connection, ...asInputs(next) });
    keep("TrustToken", "by-https", { clientName: `${marker}-https`, projects: ["default"], connection });
    const pkcs12Password = remember("the new password of an archive", "another-pass-word");
    keep("ClientCertificate", "key", { commonName: marker, pkcs12Password });
    const given = await token("another token of the Remote");
    keep("Remote", "prod", { token: asSecret(given), ...asInputs(pair), configDir: stage.configDir });
    const functions = [["getServerAddresses", { connection: { ...admin.connection } }]] as const;
    stage.give({ resources: kept(), functions });
    const planned = await stage.runs("preview", "--json", "--diff", "--import-file", "import.json");
    assert.match(planned, new RegExp(marker));
    const output = await stage.runs("up", "--yes", "--diff", "--show-full-output", "--show-sames");
    assert.match(output, /3 updated/);
    await stage.runs("refresh", "--yes", "--diff", "--show-sames");
    await stage.rememberMade();
    return finding("previews, a change of keys, tokens and passwords, a refresh", "all updated");
  });

  itFinds("pass through creates and functions that fail at every stage", async () => {
    const nowhere = await freePort();
    const pin = { serverFingerprint: "a".repeat(64) };
    const stale = await token("a token that was revoked");
    await view.revokeTokens();
    // What comes in the way of a remote's file after the directory was looked at, and before the client has joined.
    const inTheWay = join(stage.clientFolder, "servercerts", "half.crt");
    const late = await forwardTo(admin.address, () => {
      mkdirSync(inTheWay, { recursive: true });
      return true;
    });
    const half = makePair("half");
    const stranger = makePair("stranger");
    remember("the key of a Remote that ends half-made", half.privateKey);
    remember("the key of a Remote that is not let in", stranger.privateKey);
    const wrongPhrase = remember("a wrong passphrase", "wr0ng & phrase");
    const failing: [type: string, name: string, args: object][] = [
      ["HttpsAddress", "elsewhere", { address: ":8443", connection: { ...admin.connection, ...pin } }],
      [
        "TrustToken",
        "nobody",
        {
          clientName: "x",
          projects: [],
          connection: { ...admin.connection, address: `127.0.0.1:${nowhere}` },
        },
      ],
      [
        "TrustToken",
        "locked",
        {
          clientName: "x",
          projects: [],
          connection: { ssh: { ...ssh, privateKeyPassphrase: wrongPhrase } },
        },
      ],
      ["Remote", "late", { token: stale, ...asInputs(stranger) }],
      ["Remote", "echo", { token: echoing.token, ...asInputs(stranger) }],
      [
        "Remote",
        "half",
        {
          token: await token("the token of the half-made Remote"),
          ...{ ...asInputs(half), addresses: [late.address] },
          configDir: stage.configDir,
        },
      ],
    ];
    stage.give({
      resources: [...kept(), ...failing],
      functions: [
        ["getServer", { connection: { ...admin.connection, ...pin } }],
        ["getServer", { connection: { ...admin.connection, clientCertificate: pair.privateKey } }],
        ["decodeTrustToken", { token: remember("a token that is none", "eyJub3QtYS10b2tlbiI6MX0=") }],
      ],
    });
    const { code, output } = await stage.run("up", "--yes", "--skip-preview", "--continue-on-error");
    rmSync(inTheWay, { recursive: true, force: true });
    await late.close();
    assert.notEqual(code, 0);
    const told: [who: string, fault: string][] = [
      ["HttpsAddress (elsewhere)", "a connection that is pinned to another certificate"],
      ["TrustToken (nobody)", "a server that does not listen"],
      ["TrustToken (locked)", "a wrong passphrase of an SSH key"],
      ["Remote (late)", "a token that was revoked"],
      ["Remote (echo)", "a server that repeats the token in its error"],
      ["Remote (half)", "a client directory that fails after the join"],
    ];
    assert.ok(echoing.attempts() > 0, "the token was sent to the server that repeats it");
    assert.match(output, /\[secret\]/);
    await stage.rememberMade();
    return [
      ...told.map(([who, fault]) => finding(fault, codeOf(who, output), /echo/.test(who) ? "own" : lxd)),
      finding("functions with a private key as certificate, and a token that is none", functionCodes(output)),
    ];
  });

  itFinds("pass through a provider that is killed in the middle", async () => {
    let killed = 0;
    const way = await forwardTo(otherAdmin.address, () => {
      const provider = providerOf(stage.project);
      if (provider === undefined) return true;
      process.kill(provider, "SIGKILL");
      killed++;
      return false;
    });
    const connection = { ...secretly(otherAdmin.connection), address: way.address };
    stage.give({
      resources: [
        ...kept().filter(([type]) => type !== "HttpsAddress"),
        ["HttpsAddress", "listener", { address: otherAdmin.address, connection }],
        ["TrustToken", "killed", { clientName: marker, projects: [], connection }],
      ],
    });
    const { code, output } = await stage.run("up", "--yes", "--skip-preview", "--diff");
    await way.close();
    assert.notEqual(code, 0, output);
    assert.ok(killed > 0, "the provider was killed");
    assert.deepEqual(
      filesIn(stage.project.directory).filter((path) => /(^|\/)core(\.|$)/.test(path)),
      [],
    );
    return finding("kill -9 of the provider while it holds a connection's key", "the run failed");
  });

  itFinds("are not in what is exported, deleted from state, and left by a destroy", async () => {
    stage.give({ resources: kept() });
    for (const args of [
      ["stack", "export"],
      ["stack", "output"],
      ["stack", "history", "--json"],
      ["stack", "--show-urns"],
    ])
      await stage.runs(...args);
    await stage.runs("stack", "export", "--file", "exported.json");
    await stage.runs("stack", "import", "--file", "exported.json");
    const urn = "urn:pulumi:test::test::pulumi-nodejs:dynamic/lxd-access:TrustToken::by-unix";
    await stage.runs("state", "delete", "--yes", urn);
    await stage.runs("destroy", "--yes", "--skip-preview", "--diff", "--show-full-output");
    assert.deepEqual(stage.placesOf(marker), ["output", "state"], "the search finds what is no secret");
    assert.ok(stage.search.size > 20, `${stage.search.size} secrets`);
    return finding("export, import, history, state delete and destroy", "all done");
  });
});

/** The code with which a resource failed. */
function codeOf(who: string, output: string): string {
  const said = output
    .slice(output.lastIndexOf(`${who}:`))
    .split("\n")
    .find((line) => line.includes("error:"));
  assert.ok(said !== undefined, `${who} failed`);
  return codeIn(said);
}

/** The codes with which functions failed, each once. */
function functionCodes(output: string): string {
  const codes = [...output.matchAll(/error: (?:getServer|decodeTrustToken): .*\[([A-Z_]+)\]/g)].map(
    (match) => match[1],
  );
  assert.ok(codes.length > 0, output);
  return [...new Set(codes)].join(", ");
}
