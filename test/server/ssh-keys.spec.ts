/** With what SSH logs in where little is said, and in which forms keys are taken, with a real sshd and a real agent. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeSshKeyProblem } from "../../provider/lxd/ssh/private-key";
import { viewOf } from "../support/server-view";
import { startServer, type TestServer } from "../support/servers";
import { describeWith } from "../support/skip";
import { atHome, sshFingerprintOf, startAgent, type TestAgent } from "../support/ssh-home";
import { useSshWayIn } from "../support/ssh-way-in";
import { type KeyForm, type KeyType, startTestSshd, type TestSshd } from "../support/sshd";

describeWith(["lxd-daemon", "sshd"], "a login by SSH", () => {
  let sshd: TestSshd;
  let server: TestServer;
  let home: string;
  let agent: TestAgent;
  const way = useSshWayIn();

  before(async () => {
    sshd = await startTestSshd();
    server = await startServer("lxd-daemon");
  });
  after(async () => {
    await server.stop();
    await sshd.stop();
  });
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "lxa-ssh-"));
    mkdirSync(join(home, ".ssh"));
    agent = await startAgent(join(home, "agent.socket"));
    way.environment = { SSH_AUTH_SOCK: agent.socket };
  });
  afterEach(async () => {
    await way.close();
    await agent.stop();
    rmSync(home, { recursive: true });
  });

  const host = () => {
    const { privateKey: _, ...rest } = sshd.connection;
    return { ...rest, socketPath: server.socketPath };
  };
  /** A key that nobody knows; answers the private key's file. */
  const strangerKey = (name: string, passphrase = ""): string => {
    const path = join(home, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", path]);
    return path;
  };
  const usual = (name: string): string => join(home, ".ssh", name);
  const asks = async (ssh = {}): Promise<void> => {
    const { environment } = (await viewOf(server).request("GET", "/1.0")) as {
      environment: { server_name: string };
    };
    assert.equal(await way.ask({ ...host(), ...ssh }), environment.server_name);
    await way.close();
  };

  describe("without a word about keys", () => {
    it("takes a usual file where the agent that is there has no key, another's, or does not run any more", async () => {
      copyFileSync(sshd.privateKeyPath, usual("id_ed25519"));
      await atHome(home, async () => {
        await asks();
        agent.add(strangerKey("stranger"));
        await asks();
        way.environment = { SSH_AUTH_SOCK: join(home, "no-agent") };
        await asks();
      });
    });

    it("takes the agent's keys first", async () => {
      agent.add(sshd.privateKeyPath);
      const stranger = strangerKey("stranger");
      copyFileSync(stranger, usual("id_ed25519"));
      const [start, shown] = [sshd.log().length, sshFingerprintOf(readFileSync(`${stranger}.pub`, "utf8"))];
      await atHome(home, async () => {
        await asks();
        assert.ok(!sshd.log().slice(start).includes(shown));
        way.environment = {};
        copyFileSync(sshd.addKey("second", "rsa"), usual("id_rsa"));
        await asks();
        assert.ok(sshd.log().slice(start).includes(shown), "the log shows what is tried");
      });
    });

    it("does not come to the usual files where the agent has too many keys for sshd, and says so", async () => {
      for (const name of ["1", "2", "3", "4", "5", "6"]) agent.add(strangerKey(name));
      copyFileSync(sshd.privateKeyPath, usual("id_ed25519"));
      await atHome(home, async () => {
        const message = await way.fails(host(), "LXD_NOT_TRUSTED", /Too many authentication failures/);
        assert.match(
          message,
          /tried: the keys of the agent at [^,;]*; not tried any more, .*\(MaxAuthTries\): the key .*id_ed25519; .*agent: false/,
        );
        await asks({ agent: false });
      });
    });

    it("passes over usual files that are of no use, and says which where nothing else helps", async () => {
      writeFileSync(usual("id_ecdsa"), "garbage");
      copyFileSync(strangerKey("locked", "another phrase"), usual("id_ed25519"));
      copyFileSync(sshd.addKey("usual-rsa", "rsa"), usual("id_rsa"));
      await atHome(home, async () => {
        await asks();
        await asks({ privateKeyPassphrase: "my phrase" });
        rmSync(usual("id_rsa"));
        const without = await way.fails(host(), "LXD_NOT_TRUSTED", /tried: the keys of the agent/);
        assert.match(without, /passed over: .*\.ssh\/id_ed25519\) is protected by a passphrase/);
        assert.match(without, /passed over: .*\.ssh\/id_ecdsa\) is damaged/);
        const wrong = { ...host(), privateKeyPassphrase: "my phrase" };
        const message = await way.fails(wrong, "LXD_NOT_TRUSTED", /there is no key to log in with/);
        assert.match(message, /passed over: .*id_ed25519\) does not open with this privateKeyPassphrase/);
        assert.doesNotMatch(message, /phrase"|my phrase|garbage/);
      });
    });
  });

  const forms: [title: string, type: KeyType, form: KeyForm, change: (text: string) => string][] = [
    ["without its last newline", "ed25519", {}, (text) => text.trimEnd()],
    ["with Windows' line ends", "ed25519", {}, (text) => text.replaceAll("\n", "\r\n")],
    ["with text before and after it", "ed25519", {}, (text) => `# my key\n${text}\nthe end\n`],
    ["indented, as in YAML", "ed25519", {}, (text) => text.replace(/^/gm, "    ")],
    ["in PEM, indented", "rsa", { format: "PEM" }, (text) => text.replace(/^/gm, "\t")],
    ["in PKCS#8, with text before it", "ecdsa", { format: "PKCS8" }, (text) => `Bag Attributes\n${text}`],
    ["in PEM, protected", "rsa", { format: "PEM", passphrase: "open Sesame" }, (text) => ` ${text}`],
    [
      "behind the name of its curve, as openssl writes it",
      "ecdsa",
      { format: "PEM" },
      (text) => `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${text}`,
    ],
  ];
  for (const [title, type, form, change] of forms) {
    it(`takes a key ${title}`, async () => {
      const privateKey = change(readFileSync(sshd.addKey(title.replace("#", ""), type, form), "utf8"));
      assert.equal(describeSshKeyProblem(privateKey), undefined, "a check lets it pass");
      const { passphrase } = form;
      await asks({ privateKey, ...(passphrase === undefined ? {} : { privateKeyPassphrase: passphrase }) });
    });
  }
});
