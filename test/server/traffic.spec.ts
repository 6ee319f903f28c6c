/** What resources cost in traffic, counted between them and a server: connections, round trips, requests. No clock is asked. */
import * as assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mock } from "node:test";
import { ClientPool } from "../../provider/lxd/pool";
import type { ResourceName } from "../../provider/registry";
import { countOnTheWayTo } from "../support/counting-way";
import { asInputs, makePair } from "../support/openssl-pair";
import { rawRequest } from "../support/raw-request";
import { describeWith } from "../support/skip";
import { type Recorded, recorded, Stack } from "../support/stack";
import { stackProvider } from "../support/stack-front";
import { type CountedKind, setTrafficGround, type TrafficGround } from "../support/traffic-ground";

type Inputs = Record<string, unknown>;

/** What a provider process can be told. */
interface ProviderProcess {
  readonly create: (name: ResourceName, inputs: Inputs) => Promise<Recorded>;
  /** Answers the outputs then. */
  readonly refresh: (resource: Recorded) => Promise<Inputs>;
}

for (const kind of ["lxd-daemon", "incus-daemon", "lxd-6"] as const) describeOn(kind);

function describeOn(kind: CountedKind): void {
  describeWith([kind], `the traffic with a server (${kind})`, () => {
    let ground: TrafficGround;
    let stack: Stack;
    /** Round trips of a request by hand, over a connection of its own. */
    let ofOneRequest: number;

    before(async () => {
      ground = await setTrafficGround(kind);
      stack = new Stack(ground.newFolder());
    });
    after(() => ground.end());
    afterEach(() => {
      mock.restoreAll();
    });
    beforeEach(async () => {
      ground.way.takeCost();
      const { clientCertificate: certificate, clientKey: privateKey } = ground.connection;
      await rawRequest({ address: ground.way.address, certificate, privateKey }, "GET", "/1.0");
      ofOneRequest = ground.way.takeCost().roundTrips;
      ground.takeRequests();
    });

    /** Does things in one provider process, so over the connections and with the replies that it has. */
    async function inOneProcess<Result>(work: (one: ProviderProcess) => Promise<Result>): Promise<Result> {
      const pool = new ClientPool();
      const here = { environment: {}, programDirectory: "/", now: () => new Date(), log: () => undefined };
      const provider = (name: ResourceName) => stackProvider("dynamic", name, here, {}, pool);
      try {
        return await work({
          create: async (name, inputs) => {
            const { id, outs } = await provider(name).create(inputs);
            return recorded(name, id, inputs, outs);
          },
          refresh: async ({ name, id, outputs, inputs }) => {
            const { props = {} } = await provider(name).read(id, outputs, inputs);
            return props as Inputs;
          },
        });
      } finally {
        await pool.close();
      }
    }

    const tokenInputs = (clientName: string, projects = ["default"]): Inputs => ({
      ...{ clientName, projects, connection: ground.connection },
    });
    const remoteInputs = async (name: string, address = ground.way.address): Promise<Inputs> => {
      const token = await ground.view.issueToken(name, { restricted: false, projects: [] });
      return { name, token, addresses: [address] };
    };
    /** Of a Remote of a client that is trusted already. */
    const trustedInputs = (name: string, pair: Record<string, string>): Inputs => {
      const { serverFingerprint } = ground.connection;
      return { name, addresses: [ground.way.address], serverFingerprint, ...pair };
    };
    const isTrusted = async (fingerprint: unknown): Promise<boolean> =>
      (await ground.view.clients()).some((client) => client.fingerprint === fingerprint);
    /** What was done since the last look took one connection, and that many round trips more than one request does. */
    const assertCost = (further: number): void => {
      const { connections, roundTrips } = ground.way.takeCost();
      assert.equal(connections, 1);
      assert.ok(roundTrips <= ofOneRequest + further, `${roundTrips} round trips`);
    };

    it("takes a round trip for TLS and one for a request, as counted here", () => {
      assert.equal(ofOneRequest, 2);
    });

    describe("of a Remote that joins is one connection: a look, the token, and a look at all that is then recorded", () => {
      afterEach(() => {
        assertCost(2);
      });

      it("without a client directory", async () => {
        const made = await stack.create("Remote", await remoteInputs("nowhere"));
        assert.ok(await isTrusted(made.outputs["clientFingerprint"]));
      });

      for (const flavor of [undefined, "lxd", "incus"] as const) {
        const whose = flavor ?? "the server's kind";
        it(`with a new client directory of ${whose}, whose pair is then the one that is trusted`, async () => {
          const place = { configDir: ground.newFolder(), configFlavor: flavor };
          await stack.create("Remote", { ...(await remoteInputs(`new-${String(flavor)}`)), ...place });
          const [pair, ...others] = clientsIn(place.configDir);
          assert.deepEqual(others, []);
          assert.ok(await isTrusted(pair));
        });
      }

      for (const flavor of ["lxd", "incus"] as const) {
        it(`with the pair that a client directory of ${flavor} has`, async () => {
          const place = { configDir: ground.newFolder(), configFlavor: flavor };
          const pair = makePair("there");
          mkdirSync(place.configDir);
          writeFileSync(join(place.configDir, "client.crt"), pair.certificate);
          writeFileSync(join(place.configDir, "client.key"), pair.privateKey, { mode: 0o600 });
          await stack.create("Remote", { ...(await remoteInputs(`old-${flavor}`)), ...place });
          assert.deepEqual(clientsIn(place.configDir), [pair.fingerprint]);
          assert.ok(await isTrusted(pair.fingerprint));
        });
      }
    });

    it("of a token is one connection: the server, all else that it depends on, the token, and a look at it", async () => {
      ground.way.takeCost();
      const token = await stack.create("TrustToken", tokenInputs("issued"));
      assert.equal(token.outputs["state"], "pending");
      // Where there are identities, its name is looked for among them.
      assertCost(kind === "lxd-6" ? 4 : 3);
    });

    it("of a look at a Remote is that of one request", async () => {
      const remote = await stack.create("Remote", await remoteInputs("looked-at"));
      ground.way.takeCost();
      const found = await stack.refresh(remote);
      assert.deepEqual(found?.outputs["projects"], remote.outputs["projects"]);
      assertCost(0);
    });

    it("of a look at a token that waits is that of one request, and of one more where there are identities", async () => {
      const token = await stack.create("TrustToken", tokenInputs("looked-at-token"));
      ground.way.takeCost();
      const found = await stack.refresh(token);
      assert.equal(found?.outputs["state"], "pending");
      assertCost(kind === "lxd-6" ? 1 : 0);
    });

    it("of a refresh of tokens is one connection and at most 8 requests, the same for few and for many", async () => {
      // Replies are shared for a time, which does not pass here.
      mock.method(performance, "now", () => 1000);
      const tokens: Recorded[] = [];
      const seen: string[][] = [];
      for (const count of [5, 60]) {
        const names = Array.from({ length: count - tokens.length }, (_none, index) => `${count}-${index}`);
        const made = inOneProcess(({ create }) =>
          Promise.all(names.map((name) => create("TrustToken", tokenInputs(name)))),
        );
        tokens.push(...(await made));
        ground.way.takeCost();
        ground.takeRequests();
        await inOneProcess(async ({ refresh }) => {
          // The engine has a few under way at a time.
          for (let first = 0; first < count; first += 5) {
            const found = await Promise.all(tokens.slice(first, first + 5).map(refresh));
            for (const { state } of found) assert.equal(state, "pending");
          }
        });
        assert.equal(ground.way.takeCost().connections, 1);
        seen.push(ground.takeRequests().map(({ request }) => request));
      }
      const [few = [], many] = seen;
      assert.deepEqual(many, few);
      assert.ok(few.length > 0 && few.length <= 8, few.join(", "));
    });

    it("of a refresh of Remotes is one connection and two requests for each client that they are", async () => {
      const pairs = ["one", "two", "three"].map((name) => makePair(name));
      for (const [index, { certificate }] of pairs.entries())
        await ground.view.trust(`client-${index}`, certificate);
      const inputs = [1, 2, 3, 4].flatMap((round) =>
        pairs.map((pair, index) => trustedInputs(`remote-${round}-${index}`, asInputs(pair))),
      );
      const remotes = await inOneProcess(({ create }) =>
        Promise.all(inputs.map((one) => create("Remote", one))),
      );
      ground.way.takeCost();
      ground.takeRequests();
      for (const found of await stack.refreshTogether(remotes)) {
        assert.ok(found !== undefined);
        assert.equal(found.outputs["incomplete"], undefined);
      }
      assert.equal(ground.way.takeCost().connections, pairs.length);
      const requests = ground.takeRequests();
      for (const { fingerprint } of pairs) {
        const own = requests.filter(({ client }) => client === fingerprint).map(({ request }) => request);
        assert.deepEqual(own.sort(), ["GET /1.0", "GET /1.0/projects"]);
      }
    });

    it("has what decides a create read afresh, though a refresh and another create have just read it", async () => {
      const { clientCertificate, clientKey } = ground.connection;
      const known = makePair("known");
      await inOneProcess(async ({ create, refresh }) => {
        // The same client over the same connection, which reads the projects, too.
        const remote = await create("Remote", trustedInputs("reader", { clientCertificate, clientKey }));
        const token = await create("TrustToken", tokenInputs("before"));
        const refreshAll = () => Promise.all([refresh(remote), refresh(token)]);

        await refreshAll();
        await assert.rejects(create("TrustToken", tokenInputs("shop", ["late"])), /\[LXD_NOT_FOUND\]/);
        await refreshAll();
        await ground.view.createProject("late");
        const made = await create("TrustToken", tokenInputs("shop", ["late"]));
        assert.equal(made.outputs["state"], "pending");

        await refreshAll();
        await ground.view.trust("known", known.certificate);
        const expected = { ...tokenInputs("known"), clientFingerprint: known.fingerprint };
        const adopted = await create("TrustToken", expected);
        assert.equal(adopted.outputs["state"], "consumed");
      });
      assert.equal(ground.way.takeCost().connections, 1);
    });

    it("of ten Remotes that join at once is at most two connections each, also where they make one client directory", async () => {
      const configDir = ground.newFolder();
      const ways = await Promise.all(Array.from({ length: 10 }, () => countOnTheWayTo(ground.way.address)));
      try {
        const wanted = ways.map(async ({ address }, index) => ({
          name: "Remote" as const,
          inputs: { ...(await remoteInputs(`crowd-${index}`, address)), configDir },
        }));
        const outcomes = await stack.createTogether(await Promise.all(wanted));
        assert.deepEqual(outcomes, Array(ways.length).fill("created"));
        const connections = ways.map((way) => way.takeCost().connections);
        assert.ok(Math.max(...connections) <= 2, connections.join(", "));
        const pairs = clientsIn(configDir);
        // `incus` has a pair for each remote.
        assert.equal(pairs.length, kind === "incus-daemon" ? ways.length : 1);
        for (const pair of pairs) assert.ok(await isTrusted(pair));
      } finally {
        await Promise.all(ways.map((way) => way.close()));
      }
    });
  });
}

/** SHA-256 of the client certificates in a client directory, hex. */
function clientsIn(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /^(client|clientcerts\/.*)\.crt$/.test(file))
    .map((file) => new X509Certificate(readFileSync(join(directory, file))).fingerprint256)
    .map((text) => text.replaceAll(":", "").toLowerCase());
}
