/** Logging in by SSH and knowing the host, with a real sshd in front of a real LXD daemon. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { atHome, sshFingerprintOf, startAgent, type TestAgent } from "../support/ssh-home";
import { useSshWayIn } from "../support/ssh-way-in";
import { type KeyForm, type KeyType, startTestSshd, type TestSshd } from "../support/sshd";

const passphrase = "open Sesame";

describeWith(["lxd-daemon", "sshd"], "a server behind SSH", () => {
  let sshd: TestSshd;
  let server: TestServer;
  let serverName: string;
  let folder: string;
  const way = useSshWayIn();

  before(async () => {
    sshd = await startTestSshd();
    server = await startServer("lxd-daemon");
    const { environment } = (await viewOf(server).request("GET", "/1.0")) as {
      environment: { server_name: string };
    };
    serverName = environment.server_name;
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lxa-ssh-"));
    way.programDirectory = folder;
    way.environment = {};
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** The host without a way to log in. */
  const host = () => {
    const { privateKey: _, ...rest } = sshd.connection;
    return { ...rest, socketPath: server.socketPath };
  };
  /** The host without a pin. */
  const unpinned = () => {
    const { knownHostsPath: _, ...rest } = sshd.connection;
    return { ...rest, socketPath: server.socketPath };
  };
  /** A key that nobody knows; answers the private key's file. */
  const strangerKey = (): string => {
    const path = join(folder, "stranger");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
    return path;
  };
  const fingerprint = (type: KeyType): string => sshFingerprintOf(sshd.hostKey(type));

  describe("is logged in to with", () => {
    const kinds: [title: string, type: KeyType, form?: KeyForm][] = [
      ["an Ed25519 key", "ed25519"],
      ["an ECDSA key", "ecdsa"],
      ["an RSA key", "rsa"],
      ["an ECDSA key in PEM", "ecdsa", { format: "PEM" }],
      ["an RSA key in PEM", "rsa", { format: "PEM" }],
      ["an RSA key in PKCS#8", "rsa", { format: "PKCS8" }],
      ["an ECDSA key in PKCS#8", "ecdsa", { format: "PKCS8" }],
    ];
    for (const [title, type, form = {}] of kinds) {
      it(`${title}, as text, as file, and protected`, async () => {
        const path = sshd.addKey(title, type, form);
        assert.equal(await way.ask({ ...host(), privateKey: readFileSync(path, "utf8") }), serverName);
        await way.close();
        assert.equal(await way.ask({ ...host(), privateKeyPath: path }), serverName);
        await way.close();
        const locked = sshd.addKey(`${title}, protected`, type, { ...form, passphrase });
        const withIt = { ...host(), privateKeyPassphrase: passphrase };
        assert.equal(await way.ask({ ...withIt, privateKeyPath: locked }), serverName);
        await way.close();
        assert.equal(await way.ask({ ...withIt, privateKey: readFileSync(locked, "utf8") }), serverName);
      });
    }

    it("an Ed25519 key in PKCS#8, as openssl makes it", async () => {
      const path = join(folder, "pkcs8");
      execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", path]);
      const spki = execFileSync("openssl", ["pkey", "-in", path, "-pubout", "-outform", "DER"]);
      const blob = Buffer.concat([field("ssh-ed25519"), field(spki.subarray(-32))]).toString("base64");
      writeFileSync(join(sshd.directory, "authorized_keys"), `ssh-ed25519 ${blob}\n`, { flag: "a" });
      assert.equal(await way.ask({ ...host(), privateKeyPath: path }), serverName);
    });

    it("a file relative to the program's folder, or below ~", async () => {
      writeFileSync(join(folder, "key"), sshd.privateKey, { mode: 0o600 });
      assert.equal(await way.ask({ ...host(), privateKeyPath: "./key" }), serverName);
      await way.close();
      await atHome(folder, async () => {
        assert.equal(await way.ask({ ...host(), privateKeyPath: "~/key" }), serverName);
      });
    });

    it("the usual files, where nothing is said; protected ones are passed over", async () => {
      mkdirSync(join(folder, ".ssh"));
      execFileSync("cp", [
        sshd.addKey("usual-locked", "ed25519", { passphrase }),
        join(folder, ".ssh/id_ed25519"),
      ]);
      writeFileSync(join(folder, ".ssh/id_rsa"), readFileSync(sshd.addKey("usual", "rsa")), { mode: 0o600 });
      await atHome(folder, async () => {
        assert.equal(await way.ask(host()), serverName);
      });
    });

    it("nothing at all: an error that says what would have been taken", async () => {
      await atHome(folder, async () => {
        const message = await way.fails(host(), "LXD_NOT_TRUSTED", /there is no key to log in with/);
        assert.match(message, /Give another user, privateKey, privateKeyPath or agent/);
      });
    });

    for (const [title, form] of [
      ["OpenSSH's own form", {}],
      ["PEM", { format: "PEM" }],
      ["PKCS#8", { format: "PKCS8" }],
    ] as const) {
      it(`a protected key in ${title}, and a wrong passphrase or none: an error without either`, async () => {
        const path = sshd.addKey(`locked ${title}`, "rsa", { ...form, passphrase });
        const before = sshd.connections();
        const none = await way.fails(
          { ...host(), privateKeyPath: path },
          "CONFIG_INVALID",
          /is protected by a passphrase/,
        );
        assert.ok(none.includes(path));
        const wrong = { ...host(), privateKeyPath: path, privateKeyPassphrase: "wrong Sesame" };
        const message = await way.fails(
          wrong,
          "CONFIG_INVALID",
          /does not open with this privateKeyPassphrase/,
        );
        assert.doesNotMatch(message, /Sesame/);
        assert.equal(sshd.connections(), before, "the host was not even called");
      });
    }

    it("a file that is not there, or is none: an error that names it", async () => {
      const missing = join(folder, "missing");
      const message = await way.fails({ ...host(), privateKeyPath: missing }, "CONFIG_INVALID", /ENOENT/);
      assert.ok(message.includes(missing));
      writeFileSync(missing, "secret nonsense");
      const damaged = await way.fails(
        { ...host(), privateKeyPath: missing },
        "CONFIG_INVALID",
        /damaged or of a kind/,
      );
      assert.doesNotMatch(damaged, /nonsense/);
    });

    it("a key or a user that the host does not know: an error that names what was tried", async () => {
      const stranger = strangerKey();
      const message = await way.fails(
        { ...host(), privateKeyPath: stranger },
        "LXD_NOT_TRUSTED",
        /does not let the user/,
      );
      assert.ok(message.includes(`tried: the key ${stranger}`), message);
      assert.ok(message.includes(`"${sshd.user}"`));
      await way.fails(
        { ...sshd.connection, user: "nobody-here" },
        "LXD_NOT_TRUSTED",
        /"nobody-here".*tried: privateKey/,
      );
    });
  });

  describe("is logged in to with an agent", () => {
    let agent: TestAgent;
    let socket: string;

    beforeEach(async () => {
      agent = await startAgent(join(folder, "agent.socket"));
      socket = agent.socket;
    });
    afterEach(() => agent.stop());

    it("named by its socket, by SSH_AUTH_SOCK, or by nothing", async () => {
      agent.add(sshd.addKey("agent-rsa", "rsa"));
      assert.equal(await way.ask({ ...host(), agent: socket }), serverName);
      await way.close();
      way.environment = { SSH_AUTH_SOCK: socket };
      assert.equal(await way.ask({ ...host(), agent: true }), serverName);
      await way.close();
      assert.equal(await way.ask(host()), serverName);
    });

    it("that has several keys, of which the host knows one", async () => {
      const stranger = strangerKey();
      agent.add(stranger);
      agent.add(sshd.privateKeyPath);
      assert.equal(await way.ask({ ...host(), agent: socket }), serverName);
    });

    it("that has no key, is not there, or is not named: errors that say so", async () => {
      await way.fails(
        { ...host(), agent: socket },
        "LXD_NOT_TRUSTED",
        /tried: the keys of the agent at .*agent\.socket/,
      );
      const missing = join(folder, "no-agent");
      await way.fails(
        { ...host(), agent: missing },
        "LXD_NOT_TRUSTED",
        /the agent at .*no-agent says: Failed to connect/,
      );
      await way.fails({ ...host(), agent: true }, "CONFIG_INVALID", /SSH_AUTH_SOCK is not set/);
    });
  });

  describe("is known by", () => {
    const knownHosts = (...lines: string[]): string => {
      const path = join(folder, "known_hosts");
      writeFileSync(path, `${lines.join("\n")}\n`);
      return path;
    };
    const name = (): string => `[${sshd.host}]:${sshd.port}`;
    const refused = async (ssh: object, message: RegExp): Promise<string> => {
      const [before, start] = [sshd.logins(), sshd.log().length];
      const said = await way.fails({ ...unpinned(), ...ssh }, "LXD_SERVER_IDENTITY", message);
      assert.equal(sshd.logins(), before);
      assert.doesNotMatch(sshd.log().slice(start), /userauth-request/, "nobody tried to log in");
      assert.match(said, /Nobody was logged in/);
      return said;
    };

    for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
      it(`the fingerprint of its ${type} key, though it has others`, async () => {
        assert.equal(await way.ask({ ...unpinned(), hostKeyFingerprint: fingerprint(type) }), serverName);
      });

      it(`its ${type} key alone in known_hosts, plain or hashed by ssh-keygen`, async () => {
        const knownHostsPath = knownHosts(`${name()} ${sshd.hostKey(type)} a comment`);
        assert.equal(await way.ask({ ...unpinned(), knownHostsPath }), serverName);
        await way.close();
        execFileSync("ssh-keygen", ["-H", "-f", knownHostsPath], { stdio: "ignore" });
        assert.match(readFileSync(knownHostsPath, "utf8"), /^\|1\|/);
        assert.equal(await way.ask({ ...unpinned(), knownHostsPath }), serverName);
      });
    }

    it("~/.ssh/known_hosts, where nothing is said", async () => {
      mkdirSync(join(folder, ".ssh"));
      writeFileSync(join(folder, ".ssh/known_hosts"), `${name()} ${sshd.hostKey()}\n`);
      await atHome(folder, async () => {
        assert.equal(await way.ask(unpinned()), serverName);
      });
    });

    it("nothing: it is refused, with the fingerprint to compare", async () => {
      await atHome(folder, async () => {
        const said = await refused({}, /the host is not known: .*\.ssh\/known_hosts holds no key of/);
        assert.ok(said.includes(fingerprint("ed25519")));
        assert.match(said, /ssh-keygen -lf .*hostKeyFingerprint/);
      });
      await refused({ knownHostsPath: knownHosts("other.example.org ssh-ed25519 AAAA") }, /holds no key of/);
      const authority = knownHosts(`@cert-authority * ${sshd.hostKey("rsa")}`);
      await refused({ knownHostsPath: authority }, /authorities \(@cert-authority\) are not used here/);
    });

    it("another key: it is refused, with both", async () => {
      const other = readFileSync(`${strangerKey()}.pub`, "utf8").trim();
      const said = await refused(
        { knownHostsPath: knownHosts(`${name()} ${other}`) },
        /is not one that .*known_hosts holds for/,
      );
      assert.ok(said.includes(`It showed ssh-ed25519 ${fingerprint("ed25519")}`));
      assert.ok(said.includes(`(ssh-ed25519 ${sshFingerprintOf(other)})`));
    });

    it("another fingerprint: it is refused, with those of all its keys", async () => {
      const said = await refused(
        { hostKeyFingerprint: `SHA256:${"A".repeat(43)}` },
        /this is not the pinned host/,
      );
      for (const type of ["ed25519", "ecdsa", "rsa"] as const)
        assert.ok(said.includes(fingerprint(type)), type);
    });

    it("a key that is revoked: it is refused, whatever else is said", async () => {
      const key = sshd.hostKey();
      await refused(
        { knownHostsPath: knownHosts(`${name()} ${key}`, `@revoked * ${key}`) },
        /says that the key of .* is revoked/,
      );
    });

    for (const type of ["ecdsa", "rsa"] as const) {
      it(`nothing, with no other key than ${type}: it is said where that one is to be found`, async () => {
        const only = await startTestSshd({ hostKeys: [type] });
        try {
          const ssh = { ...only.connection, knownHostsPath: knownHosts("# none") };
          const said = await way.fails(ssh, "LXD_SERVER_IDENTITY", /is not known/);
          assert.ok(said.includes(`ssh-keygen -lf /etc/ssh/ssh_host_${type}_key.pub`), said);
        } finally {
          await only.stop();
        }
      });
    }

    it("a file that is not there: an error that names it", async () => {
      const path = join(folder, "missing");
      await way.fails(
        { ...unpinned(), knownHostsPath: path },
        "CONFIG_INVALID",
        /cannot be read: ENOENT.*missing/,
      );
    });
  });
});

/** A text or bytes as SSH writes them: with their length before. */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
