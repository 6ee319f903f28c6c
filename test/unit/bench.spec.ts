/** What `npm run bench` tells is worth no more than its clockwork: the far network, the statistics, what is drawn. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { load } from "cheerio";

const root = resolve(__dirname, "../..");

describe("the delay proxy of the bench", () => {
  const roundTrip = 40;
  let far: Server;

  beforeEach(async () => {
    // Answers each piece in capitals, and ends when the client does.
    far = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("data", (chunk) => socket.write(chunk.toString().toUpperCase()));
      socket.on("end", () => socket.end("END"));
    }).listen(0, "127.0.0.1");
    await once(far, "listening");
  });

  afterEach(() => {
    far.close();
  });

  after(async () => {
    const { undoAll } = await import("../../scripts/ending.mjs");
    await undoAll();
  });

  const open = async () => {
    const { openProxy } = await import("../../bench/ground/delay-proxy.mjs");
    return openProxy(`127.0.0.1:${(far.address() as AddressInfo).port}`, roundTrip);
  };

  const talk = async (
    address: string,
    pieces: readonly string[],
  ): Promise<{ text: string; first: number }> => {
    const begun = performance.now();
    const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
    for (const piece of pieces) socket.write(piece);
    socket.end();
    let text = "";
    let first = NaN;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (text === "") first = performance.now() - begun;
      text += chunk.toString();
    }
    return { text, first };
  };

  it("takes a round trip for the connection and one for the first reply", async () => {
    const { address } = await open();
    const { first } = await talk(address, ["hello"]);
    // Node's timers may be up to a millisecond early.
    assert.ok(first >= 2 * roundTrip - 2, `the first reply came after ${first} ms`);
  });

  it("keeps the order of everything, the end included, and counts what came through", async () => {
    const { address, takeTraffic } = await open();
    const pieces = Array.from({ length: 2000 }, (_, index) => `piece ${index} `);
    const { text } = await talk(address, pieces);
    const said = pieces.join("").toUpperCase();
    assert.equal(text, `${said}END`);
    await talk(address, ["again"]);
    const { connections, bytesUp, bytesDown } = await takeTraffic();
    assert.equal(connections, 2);
    assert.equal(bytesUp, said.length + "again".length);
    assert.equal(bytesDown, said.length + "AGAIN".length + 2 * "END".length);
    assert.equal((await takeTraffic()).connections, 0);
  });

  it("accepts and says nothing once it is told to be silent", async () => {
    const { address, silence, takeTraffic } = await open();
    await silence();
    const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
    await once(socket, "connect");
    socket.end("hello");
    let traffic = await takeTraffic();
    while (traffic.connections === 0) traffic = await takeTraffic();
    assert.equal(traffic.bytesDown, 0);
    socket.destroy();
  });
});

describe("the statistics of the bench", () => {
  it("take the ratio of the medians, and the spread of the rounds", async () => {
    const { medianOf, ratioOf } = await import("../../bench/ground/statistics.mjs");
    assert.equal(medianOf([5, 1, 3]), 3);
    assert.equal(medianOf([4, 1, 3, 2]), 2.5);
    assert.deepEqual(ratioOf([10, 30, 20], [10, 10, 40]), { ratio: 2, min: 0.5, max: 3 });
  });

  it("measure in turn, every other round backwards", async () => {
    const { interleave } = await import("../../bench/ground/statistics.mjs");
    const order: string[] = [];
    const side = (name: string) => (round: number) => Promise.resolve(order.push(`${name}${round}`));
    const samples = await interleave(2, { a: side("a"), b: side("b") });
    assert.deepEqual(order, ["a0", "b0", "b1", "a1"]);
    assert.deepEqual(samples, { a: [1, 4], b: [2, 3] });
  });
});

describe("what the bench says of a missed bar", () => {
  it("is by how much, and what of it Pulumi takes for resources of the same properties", async () => {
    const { tell } = await import("../../bench/ground/side-by-side.mjs");
    const compared = (likeness?: number[]) => ({
      ...{ ours: [3000, 2900, 3100], floor: [1000, 1000, 1000], likeness, costs: [] },
      ...{ memory: 0, floorMemory: 0, likenessMemory: 0 },
    });
    const notesOf = (times: number, likeness?: number[]): string[] => {
      const result: Parameters<typeof tell>[0] = { figures: [], samples: {}, plots: [] };
      tell(result, "a refresh", compared(likeness), { times, rest: "It goes into modules." });
      return result.notes ?? [];
    };
    assert.deepEqual(notesOf(3), []);
    const [told = ""] = notesOf(1.5);
    assert.match(
      told,
      /^\*\*Missed\*\*: a refresh takes 3\.00 s, 2\.00 s more than .* the bar leaves 0\.50 s\./,
    );
    const [split = ""] = notesOf(1.5, [1750, 1750, 1750]);
    assert.match(
      split,
      /same properties take 0\.75 s more, too.* 1\.25 s are the package's\. It goes into modules\.$/,
    );
    const [none = ""] = notesOf(1.5, [3200, 3200, 3200]);
    assert.match(none, /take 2\.20 s more, too.* The package adds nothing/);
  });

  it("is what of a resource's state is Pulumi's own", async () => {
    const { tellSizes } = await import("../../bench/ground/state-size.mjs");
    const resource = (privateKey: string, address: string) => ({
      ...{ type: "pulumi-nodejs:dynamic/lxd-access:Remote", urn: "u".repeat(1000) },
      ...{ inputs: { privateKey }, outputs: { privateKey, address } },
    });
    const notesOf = (...resources: object[]): string[] => {
      const result: Parameters<typeof tellSizes>[0] = { figures: [], samples: {}, plots: [] };
      tellSizes(result, JSON.stringify({ checkpoint: { latest: { resources } } }), "over HTTPS");
      return result.notes ?? [];
    };
    assert.deepEqual(notesOf(resource("k".repeat(5000), "a".repeat(1000))), []);
    const [told = ""] = notesOf(resource("k".repeat(5000), "a".repeat(2500)));
    assert.match(told, /3\.6\d kB of a Remote, of which 1\.0\d kB are Pulumi's own/);
  });
});

describe("the waterfall of the bench", () => {
  it("names the requests in their order, and gives what lies between to the provider", async () => {
    const { waterfallOf } = await import("../../bench/ground/waterfall.mjs");
    const packet = (at: number, direction: "open" | "up" | "down", connection = 1) => ({
      ...{ at, direction, connection },
      bytes: 1,
    });
    const packets = [
      packet(1001, "down", 0), // of a connection from before
      ...[packet(1010, "open"), packet(1011, "up"), packet(1110, "down")],
      ...[packet(1112, "up"), packet(1113, "up"), packet(1160, "down"), packet(1162, "down")],
      ...[packet(1170, "open", 2), packet(1170, "up", 2), packet(1270, "down", 2)],
      ...[packet(1272, "up", 2), packet(1320, "down", 2)],
    ];
    const span = { begun: 1000, ended: 1325, roundTrip: 50 };
    assert.deepEqual(
      waterfallOf(packets, ["GET /1.0", "POST /1.0/certificates"], span).map(
        ({ what, from, to }) => `${what} ${from}-${to}`,
      ),
      [
        ...["provider 0-10", "TCP 10-60", "TLS 60-110", "provider 110-112", "GET /1.0 112-162"],
        ...["provider 162-170", "TCP 170-220", "TLS 220-270", "provider 270-272"],
        ...["POST /1.0/certificates 272-320", "provider 320-325"],
      ],
    );
  });
});

describe("the profile of the bench", () => {
  it("gives Node's own time to who called it, and a module's to whoever loaded it, too", async () => {
    const { byModule, readProfile } = await import("../../bench/ground/profile.mjs");
    const node = (id: number, url: string, ...children: number[]) => ({
      ...{ id, children },
      callFrame: { functionName: "f", url },
    });
    const nodes = [
      node(1, "", 2),
      node(2, `file://${root}/dist/provider/dynamic.js`, 3, 4),
      node(3, "node:internal/modules"),
      node(4, `${root}/node_modules/zod/index.js`),
    ];
    const folder = mkdtempSync(join(tmpdir(), "lxa-bench-"));
    try {
      const file = join(folder, "one.cpuprofile");
      writeFileSync(file, JSON.stringify({ nodes, samples: [2, 3, 4], timeDeltas: [1000, 2000, 4000] }));
      const modules = byModule(readProfile(file));
      assert.deepEqual(modules.get("provider/dynamic.js"), { own: 3, all: 7 });
      assert.deepEqual(modules.get("zod"), { own: 4, all: 4 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the document of the bench", () => {
  const figure = (what: string, ratio: number, bar?: number) => ({ what, ratio, unit: "×" as const, bar });
  const taken = {
    ...{ title: "One join", when: "2026-01-01 00:00" },
    figures: [figure("fast", 1.1, 1.15), figure("slow", 1.2, 1.15), figure("free", 9)],
    samples: { "one | two": { unit: "ms", values: [3, 1, 2] } },
    plots: [],
  };
  const results = { isQuick: false, machine: { cores: 2 }, measures: { one: taken } };

  it("says which bars are met, and tells the rest beside", async () => {
    const { render } = await import("../../bench/report/document.mjs");
    const text = render(results, "performance");
    assert.match(text, /\| One join \| fast \| 1\.10× \| {2}\| ≤ 1\.15× \| met \|/);
    assert.match(text, /\| One join \| slow \| 1\.20× \| {2}\| ≤ 1\.15× \| \*\*missed\*\* \|/);
    assert.doesNotMatch(text, /\| One join \| free/);
    assert.match(text, /\| free \| 9× \|/);
    assert.match(text, /\| one \\\| two \| 2 ms \| 1 – 3 \| 3 \|/);
  });

  it("draws each kind of plot as an image that can be read", async () => {
    const { draw } = await import("../../bench/report/document.mjs");
    const one = { file: "one", title: "A & <B>" };
    const frame = (name: string, ...children: { name: string; milliseconds: number; children: [] }[]) => ({
      ...{ name, milliseconds: 10, children },
    });
    const pictures = [
      draw({
        ...{ kind: "lines", ...one, x: "N", y: "ms" },
        lines: [{ name: "ours & theirs", points: [{ x: 1, values: [1, 3] }] }],
      }),
      draw({ kind: "waterfall", ...one, bars: [{ what: "GET /1.0?a&b", from: 0, to: 50 }] }),
      draw({ kind: "flame", ...one, top: frame("all", { name: "zod<", milliseconds: 10, children: [] }) }),
    ];
    const words = ["ours & theirs", "GET /1.0?a&b", "zod<"];
    for (const [index, picture] of pictures.entries()) {
      assert.doesNotMatch(picture, /NaN|undefined/);
      const $ = load(picture, { xml: true });
      assert.equal($("svg > title").text(), "A & <B>");
      assert.ok(
        $("text")
          .text()
          .includes(words[index] ?? ""),
        picture,
      );
    }
  });
});
