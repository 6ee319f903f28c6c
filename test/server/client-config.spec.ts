/** Client directories as the real `lxc` and `incus` take them: what is written here is used by them, and survives them. */
import { strict as assert } from "node:assert";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import {
  loadOrCreateClientPair,
  readRemote,
  removeRemote,
  writeClientPair,
  writeRemote,
} from "../../provider/client-config/client-directory";
import type { RemoteEntry } from "../../provider/client-config/client-directory";
import { makePair } from "../support/openssl-pair";
import type { OpensslPair } from "../support/openssl-pair";
import { rawRequest } from "../support/raw-request";
import { freePort } from "../support/server-view";
import { startServer, unavailableReason } from "../support/servers";
import type { TestServer } from "../support/servers";

const run = promisify(execFile);

/** The columns of `remote list -f json` that both clients have. */
interface ListedRemote {
  Addr: string;
  Project: string;
  Protocol: string;
  Public: boolean;
  Static: boolean;
}

for (const [kind, flavor, command] of [
  ["lxd-daemon", "lxd", "lxc"],
  ["incus-daemon", "incus", "incus"],
] as const) {
  describe(`a client directory as the real ${command} uses it`, () => {
    let server: TestServer | undefined;
    let addr: string;
    let serverCertificate: string;
    let client: OpensslPair;
    let directory: string;
    const made: string[] = [];

    before(async function () {
      const reason = unavailableReason(kind) ?? unusableReason(command);
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`);
        Object.assign(this.test?.parent ?? {}, { skipReason: reason });
        this.skip();
      }
      server = await startServer(kind);
      client = makePair("client");
      ({ addr, serverCertificate } = await listenFor(server, client));
    });
    after(async () => {
      await server?.stop();
      for (const path of made) rmSync(path, { recursive: true, force: true });
    });
    beforeEach(() => {
      directory = newDirectory();
    });

    function newDirectory(): string {
      const path = mkdtempSync(join(tmpdir(), "lxa-conf-"));
      made.push(path);
      return path;
    }

    /** Runs the real client on the directory; nothing but loopback can be reached. */
    async function clientSays(...args: string[]): Promise<string> {
      return clientOf(directory, ...args);
    }

    async function clientOf(path: string, ...args: string[]): Promise<string> {
      const nowhere = {
        HTTP_PROXY: "http://127.0.0.1:9",
        HTTPS_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "127.0.0.1",
      };
      const own = flavor === "lxd" ? { LXD_CONF: path } : { INCUS_CONF: path };
      const env = { PATH: process.env.PATH, HOME: path, LANG: "C.UTF-8", ...nowhere, ...own };
      const child = run(command, args, { env });
      child.child.stdin?.end();
      return (await child).stdout;
    }

    async function listedRemotes(): Promise<Partial<Record<string, ListedRemote>>> {
      return JSON.parse(await clientSays("remote", "list", "-f", "json")) as Record<string, ListedRemote>;
    }

    function entry(extra: Partial<RemoteEntry> = {}): RemoteEntry {
      return { addr, protocol: flavor, public: false, ...extra };
    }

    async function writeEdge(): Promise<void> {
      await writeClientPair({ directory, flavor, name: "edge", pair: client });
      await writeRemote({ directory, name: "edge", entry: entry(), serverCertificate });
    }

    it("lists what is on the remote, trusted by the pair and the pin that were written", async () => {
      await writeEdge();
      assert.deepEqual(JSON.parse(await clientSays("list", "edge:", "-f", "json")), []);
      const { auth } = JSON.parse(await clientSays("query", "edge:/1.0")) as { auth: string };
      assert.equal(auth, "trusted");
    });

    it("uses the pair that was made for the directory, and makes none of its own", async () => {
      const create = () =>
        Promise.resolve({ certificate: client.certificate, privateKey: client.privateKey });
      await loadOrCreateClientPair({ directory, flavor, name: "edge", create });
      await writeRemote({ directory, name: "edge", entry: entry(), serverCertificate });
      await clientSays("list", "edge:");
      const again = await loadOrCreateClientPair({
        ...{ directory, flavor, name: "edge" },
        create: () => assert.fail("a second pair was made"),
      });
      assert.equal(again.certificate, client.certificate);
    });

    it("refuses the server where the pin is another's: the pin is what it trusts", async () => {
      await writeClientPair({ directory, flavor, name: "edge", pair: client });
      const stranger = makePair("stranger").certificate;
      await writeRemote({ directory, name: "edge", entry: entry(), serverCertificate: stranger });
      await assert.rejects(clientSays("list", "edge:"), /certificate|x509/i);
    });

    it("shows the remote in its list, and as the default where that was asked for", async () => {
      await writeRemote({ directory, name: "edge", entry: entry({ project: "web" }), serverCertificate });
      const images: RemoteEntry = { addr: "https://127.0.0.1:9", protocol: "simplestreams", public: true };
      await writeRemote({ directory, name: "mirror", entry: images, setDefault: true, flavor });

      const { edge, mirror } = await listedRemotes();
      assert.deepEqual(
        [edge?.Addr, edge?.Project, edge?.Protocol, edge?.Public, edge?.Static],
        [addr, "web", flavor, false, false],
      );
      assert.deepEqual(
        [mirror?.Addr, mirror?.Protocol, mirror?.Public],
        [images.addr, "simplestreams", true],
      );
      assert.equal(await clientSays("remote", "get-default"), "mirror\n");
    });

    it("adds a remote beside ours and keeps ours, and we keep its", async () => {
      await writeEdge();
      // The shared pair of the directory, which an Incus client takes for remotes without a pair of their own.
      await loadOrCreateClientPair({
        ...{ directory, flavor: "lxd", name: "theirs" },
        create: () => Promise.resolve({ certificate: client.certificate, privateKey: client.privateKey }),
      });
      await clientSays("remote", "add", "theirs", addr, "--accept-certificate");
      assert.deepEqual(await readRemote({ directory, name: "edge", flavor }), {
        directoryExists: true,
        entry: entry(),
        serverCertificate,
      });
      await clientSays("list", "edge:");

      const theirs = (await listedRemotes()).theirs;
      await writeRemote({ directory, name: "edge-2", entry: entry(), serverCertificate });
      await removeRemote({ directory, name: "edge", addr });
      const { edge, ...others } = await listedRemotes();
      assert.deepEqual([edge, others.theirs, others["edge-2"]?.Addr], [undefined, theirs, addr]);
      await clientSays("list", "theirs:");
    });

    it("reads every name and project as it was given, whatever YAML makes of it", async () => {
      const names = [
        "yes",
        "null",
        "0x1F",
        "1_000",
        "1e3",
        "2024-01-02",
        "017",
        "y",
        "=",
        "@x",
        "#e",
        "*a",
        "&a",
        "!t",
      ];
      names.push(
        "[a]",
        "{b}",
        "'q'",
        '"q"',
        "%",
        "|",
        ">",
        "?",
        ",",
        "é",
        "日本",
        "__proto__",
        "a.b",
        "NaN",
        "+1",
      );
      for (const name of names) {
        await writeRemote({ directory, name, entry: entry({ project: name }), setDefault: true });
      }
      const listed = new Map(Object.entries(await listedRemotes()));
      for (const name of names) {
        assert.deepEqual([listed.get(name)?.Addr, listed.get(name)?.Project], [addr, name]);
      }
      assert.equal(await clientSays("remote", "get-default"), "+1\n");
    });

    it("would have begun the directory in the same way", async () => {
      await writeRemote({ directory, name: "edge", entry: entry(), serverCertificate });
      const theirs = newDirectory();
      const add = ["remote", "add", "edge", "https://127.0.0.1:9", "--public", "--protocol", "simplestreams"];
      await clientOf(theirs, ...add).catch(() => undefined); // that server need not answer for the file to be made

      const [ours, its] = [directory, theirs].map((path) => {
        const config = parse(readFileSync(join(path, "config.yml"), "utf8")) as {
          remotes: Record<string, unknown>;
        };
        delete config.remotes.edge;
        // LXD's client of 5.0 writes this one too; later ones have it built in.
        if (flavor === "lxd") delete config.remotes.images;
        return config;
      });
      assert.deepEqual(ours, its);
      const modes = [directory, theirs].map((path) => statSync(join(path, "config.yml")).mode);
      assert.equal(modes[0], modes[1]);
    });

    it("has no trace of a removed remote, and takes a new one of its name", async () => {
      await writeEdge();
      await removeRemote({ directory, name: "edge", addr });
      assert.equal((await listedRemotes()).edge, undefined);
      await assert.rejects(clientSays("list", "edge:"), /edge/);
      await writeEdge();
      await clientSays("list", "edge:");
    });
  });
}

/** Why the command-line client cannot be run; undefined where it can. */
function unusableReason(command: string): string | undefined {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return `there is no ${command} on PATH`;
  }
}

/** Makes the server listen on loopback and trust a client, behind the back of the code under test. */
async function listenFor(
  server: TestServer,
  client: OpensslPair,
): Promise<{ addr: string; serverCertificate: string }> {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const reply = await rawRequest({ socketPath: server.socketPath }, method, path, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.body.error}`);
    return reply.body.metadata;
  };
  const address = `127.0.0.1:${await freePort()}`;
  await ask("PATCH", "/1.0", { config: { "core.https_address": address } });
  const certificate = client.certificate.replace(/-----[^-]+-----|\s/g, "");
  await ask("POST", "/1.0/certificates", { type: "client", name: "client", certificate });
  const { environment } = (await ask("GET", "/1.0")) as { environment: { certificate: string } };
  return { addr: `https://${address}`, serverCertificate: environment.certificate };
}
