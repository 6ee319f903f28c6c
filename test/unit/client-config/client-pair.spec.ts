import { strict as assert } from "node:assert";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  loadOrCreateClientPair,
  readClientPair,
  writeClientPair,
  writeRemote,
} from "../../../provider/client-config/client-directory";
import type { KeyPair } from "../../../provider/pki/client-pair";
import { directoryWith, entryAt, modeOf, newDirectory, removeDirectories, textOf } from "./directories";
import { makePair } from "../../support/openssl-pair";
import type { OpensslPair } from "../../support/openssl-pair";

const lxd = { flavor: "lxd", name: "edge" } as const;
const incus = { flavor: "incus", name: "edge" } as const;

describe("the client pair", () => {
  let a: OpensslPair;
  let b: OpensslPair;
  before(() => {
    a = makePair("a");
    b = makePair("b");
  });
  after(removeDirectories);

  const plain = ({ certificate, privateKey }: KeyPair): KeyPair => ({ certificate, privateKey });
  const filesOf = (pair: KeyPair, stem = "client"): Record<string, string> => ({
    [`${stem}.crt`]: pair.certificate,
    [`${stem}.key`]: pair.privateKey,
  });
  const never = (): Promise<KeyPair> => assert.fail("a pair was made");

  describe("loadOrCreateClientPair", () => {
    it("makes a pair once, with the modes of lxc, and keeps it", async () => {
      const directory = join(newDirectory(), "lxc");
      const made = await loadOrCreateClientPair({ directory, ...lxd, create: () => Promise.resolve(a) });
      assert.deepEqual(made, plain(a));
      assert.deepEqual(readdirSync(directory).sort(), ["client.crt", "client.key"]);
      assert.deepEqual(
        [textOf(directory, "client.crt"), textOf(directory, "client.key")],
        [a.certificate, a.privateKey],
      );
      assert.deepEqual(
        ["", "client.crt", "client.key"].map((path) => modeOf(directory, path)),
        ["0750", "0644", "0600"],
      );
      assert.deepEqual(
        await loadOrCreateClientPair({ directory, ...lxd, name: "x", create: never }),
        plain(a),
      );
    });

    it("makes one pair for many remotes that ask at once", async () => {
      const directory = newDirectory();
      const pairs = [a, b];
      const ask = (name: string) =>
        loadOrCreateClientPair({
          directory,
          flavor: "lxd",
          name,
          create: () => Promise.resolve(pairs.pop() ?? never()),
        });
      const got = await Promise.all(["r1", "r2", "r3", "r4"].map(ask));
      assert.deepEqual(got, Array(4).fill(plain(b)));
    });

    it("makes a pair per remote for incus, unless the directory has one", async () => {
      const directory = newDirectory();
      await loadOrCreateClientPair({ directory, ...incus, create: () => Promise.resolve(a) });
      assert.deepEqual(readdirSync(join(directory, "clientcerts")).sort(), ["edge.crt", "edge.key"]);
      assert.equal(modeOf(directory, "clientcerts"), "0750");
      assert.equal(modeOf(directory, "clientcerts/edge.key"), "0600");
      const other = { directory, ...incus, name: "other" };
      assert.deepEqual(
        await loadOrCreateClientPair({ ...other, create: () => Promise.resolve(b) }),
        plain(b),
      );

      const shared = directoryWith(filesOf(a));
      assert.deepEqual(
        await loadOrCreateClientPair({ directory: shared, ...incus, create: never }),
        plain(a),
      );
      assert.deepEqual(readdirSync(shared).sort(), ["client.crt", "client.key"]);
    });

    it("finishes what was cut off between certificate and key", async () => {
      const directory = directoryWith({ "client.crt": a.certificate });
      const made = await loadOrCreateClientPair({ directory, ...lxd, create: () => Promise.resolve(b) });
      assert.deepEqual(made, plain(b));
      assert.equal(textOf(directory, "client.crt"), b.certificate);
    });

    it("waits for a client that is just writing its pair, and uses that", async () => {
      const directory = directoryWith({ "client.crt": a.certificate });
      setTimeout(() => {
        writeFileSync(join(directory, "client.key"), a.privateKey);
      }, 200);
      assert.deepEqual(await loadOrCreateClientPair({ directory, ...lxd, create: never }), plain(a));
    });

    it("passes on why no pair could be made, and leaves no files", async () => {
      const directory = newDirectory();
      const create = (): Promise<KeyPair> => Promise.reject(new RangeError("no entropy"));
      await assert.rejects(
        loadOrCreateClientPair({ directory, ...lxd, create }),
        new RangeError("no entropy"),
      );
      assert.deepEqual(readdirSync(directory), []);
    });

    it("never uses, nor touches, what is not a whole pair", async () => {
      const torn: [files: Record<string, string>, problem: RegExp][] = [
        [
          { "client.key": a.privateKey },
          /client\.key is there, but not .*client\.crt\. Both were left as they are/,
        ],
        [{ ...filesOf(a), "client.key": b.privateKey }, /client\.key does not belong to .*client\.crt/],
        [
          { ...filesOf(a), "client.key": "" },
          /client\.key is not a readable private key without a passphrase/,
        ],
        [{ ...filesOf(a), "client.crt": "nonsense" }, /client\.crt is not a readable certificate/],
      ];
      const actions: ((directory: string) => Promise<unknown>)[] = [
        (directory) => loadOrCreateClientPair({ directory, ...lxd, create: never }),
        (directory) => readClientPair({ directory, ...lxd }),
        (directory) => writeClientPair({ directory, ...lxd, pair: b }),
      ];
      const checks = torn.flatMap(([files, problem]) =>
        actions.map(async (act) => {
          const directory = directoryWith(files);
          await assert.rejects(act(directory), { errorCode: "CLIENT_CONFIG", message: problem });
          assert.deepEqual(readdirSync(directory).sort(), Object.keys(files).sort());
          for (const [path, content] of Object.entries(files)) assert.equal(textOf(directory, path), content);
        }),
      );
      await Promise.all(checks); // at once: each pair is read again for two seconds
    });
  });

  describe("writeClientPair", () => {
    it("writes a given pair where there is none, and is content where it is there", async () => {
      const directory = newDirectory();
      await writeClientPair({ directory, ...lxd, pair: a });
      await writeClientPair({ directory, ...lxd, pair: a });
      assert.deepEqual(await readClientPair({ directory, ...lxd }), plain(a));
      assert.equal(modeOf(directory, "client.key"), "0600");
    });

    it("refuses another pair in an LXD directory, whatever it replaces", async () => {
      const directory = directoryWith(filesOf(a));
      const write = writeClientPair({ directory, ...lxd, pair: b, replaces: a.fingerprint });
      await assert.rejects(write, {
        errorCode: "CLIENT_CONFIG",
        message: /client\.crt is another client's certificate/,
      });
      assert.deepEqual(
        [textOf(directory, "client.crt"), textOf(directory, "client.key")],
        [a.certificate, a.privateKey],
      );
    });

    it("replaces an incus remote's own pair only where it is known to be ours, be there an entry or not yet", async () => {
      const directory = newDirectory();
      await writeClientPair({ directory, ...incus, pair: b });
      const refused = {
        errorCode: "CLIENT_CONFIG",
        message: /clientcerts\/edge\.crt is another client's certificate.*or move both away/s,
      };
      await assert.rejects(writeClientPair({ directory, ...incus, pair: a }), refused);
      await writeRemote({ directory, name: "edge", entry: { ...entryAt(1), protocol: "incus" } });
      await assert.rejects(writeClientPair({ directory, ...incus, pair: a }), refused);
      assert.deepEqual(await readClientPair({ directory, ...incus }), plain(b));

      await writeClientPair({ directory, ...incus, pair: a, replaces: b.fingerprint });
      assert.deepEqual(await readClientPair({ directory, ...incus }), plain(a));
      assert.equal(modeOf(directory, "clientcerts/edge.key"), "0600");
    });

    it("leaves the pair that an incus directory's remotes share alone", async () => {
      const directory = directoryWith(filesOf(a));
      await writeClientPair({ directory, ...incus, pair: b });
      assert.equal(textOf(directory, "client.key"), a.privateKey);
      assert.deepEqual(await readClientPair({ directory, ...incus }), plain(b));
    });

    it("refuses a key that is another certificate's, and says nothing of either", async () => {
      const directory = newDirectory();
      const write = writeClientPair({ directory, ...lxd, pair: { ...a, privateKey: b.privateKey } });
      await assert.rejects(write, {
        errorCode: "INPUT_INVALID",
        message:
          "clientKey: it is not the key of clientCertificate. Give the two of one pair [INPUT_INVALID]",
      });
      assert.deepEqual(readdirSync(directory), []);
    });
  });
});
