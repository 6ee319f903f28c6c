/** A Remote joins while a connection comes to grief, or leads to somebody else: fault by connection, on real servers. */
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { listenOn, listenTls, reply, server as greeting } from "../contract/tls-listener";
import { itFinds } from "../support/faults/finding";
import { type Conduct, type Exchange, passOn, type SeenRequest } from "../support/faults/front";
import { describeNetwork, impatient } from "../support/faults/network-ground";
import { olderTls, type WireFault, wireFaults } from "../support/faults/wire-faults";
import { makePair } from "../support/openssl-pair";
import { freePort } from "../support/server-view";

/** The connections of a join, and what has the client make another one. */
const places: readonly Place[] = [
  { title: "the first connection", number: 1, before: passOn },
  { title: "another connection for the token", number: 2, before: closeAfterFirst },
  { title: "the connection to ask whether the token was taken", number: 2, before: loseReplyToToken },
];

interface Place {
  readonly title: string;
  /** Of the connection that comes to grief. */
  readonly number: number;
  readonly before: NonNullable<Conduct["onRequest"]>;
}

describe("Remote and its network", () => {
  describeNetwork((on) => {
    for (const place of places)
      for (const fault of place.number === 1 ? [...wireFaults, olderTls] : wireFaults) {
        if (on.server.startsWith("Incus") && fault.isCommon !== true) continue;
        const title = `${place.title}: ${fault.title}`;
        itFinds(
          title,
          async () => {
            const inputs = fault.isEndless === true ? { timeouts: impatient } : {};
            return {
              ...{ kind: "fault", fault: title, server: on.server },
              ...(await on.join(disturb(place, fault), { inputs })),
            };
          },
          { isLong: place.number !== 1 || on.server.startsWith("Incus") },
        );
      }

    itFinds("a TLS session that another server could resume", async () => {
      const [host = "", port = ""] = on.front.address.split(":");
      const dial = { host, port: Number(port), rejectUnauthorized: false };
      const shows = (connection: number) => (connection === 1 ? "own" : "other");
      await on.front.behave({ shows });
      const first = connectTls(dial);
      const [session] = (await once(first, "session")) as [Buffer];
      first.destroy();
      const second = connectTls({ ...dial, session });
      await once(second, "secureConnect");
      assert.deepEqual([second.isSessionReused(), on.front.connections.at(-1)?.shown], [true, "other"]);
      second.destroy();
      const fault = "another server resumes the TLS session of the first connection";
      const outcome = await on.join({ shows, onRequest: closeAfterFirst });
      // Whoever resumes is not shown a certificate, and would refuse the right server as well.
      const { happened } = await on.join({ onRequest: closeAfterFirst });
      assert.equal(happened, "joined");
      return { ...{ kind: "fault", fault, server: on.server }, ...outcome };
    });

    describe("with several addresses", () => {
      const ends: (() => Promise<void>)[] = [];
      afterEach(() => Promise.all(ends.splice(0).map((end) => end())));

      /** Whoever else may be at an address in the token. */
      const others = new Map<string, () => Promise<string>>([
        ["nobody", async () => `127.0.0.1:${await freePort()}`],
        ["a name that is not found", () => Promise.resolve("edge.invalid:8443")],
        [
          "a silent one",
          async () => {
            const { port, close } = await listenOn(createTcpServer());
            ends.push(close);
            return `127.0.0.1:${port}`;
          },
        ],
        [
          "a stranger",
          async () => {
            const stranger = await listenTls(makePair("stranger"), (socket) => socket.write(reply(greeting)));
            ends.push(async () => {
              assert.equal((await stranger.bytes()).length, 0, "a stranger is told nothing");
              await stranger.close();
            });
            return `127.0.0.1:${stranger.port}`;
          },
        ],
      ]);
      const everybody = [...others.keys()];
      const lists = on.server.startsWith("Incus")
        ? [everybody]
        : [...everybody.map((one) => [one]), everybody];
      for (const names of lists)
        for (const [end, conduct] of [
          ["the server", {}],
          ["the server, which resets", { onWire: ({ near }) => void near.resetAndDestroy() }],
        ] as const satisfies [string, Conduct][]) {
          const title = `${names.join(", ")}, and then ${end}`;
          itFinds(title, async () => {
            const found = await Promise.all(names.map((name) => others.get(name)?.() ?? assert.fail(name)));
            const outcome = await on.join(conduct, {
              addresses: [...found, on.front.address],
              inputs: end === "the server" ? {} : { timeouts: impatient },
            });
            return { ...{ kind: "fault", fault: `addresses: ${title}`, server: on.server }, ...outcome };
          });
        }

      itFinds("one that swallows what it is asked, and then another of the server", async () => {
        const { address } = on.front;
        const fault = "addresses: one that swallows what it is asked, and then another of the server";
        const onRequest = (exchange: Exchange) =>
          exchange.request.connection.number === 1 ? undefined : passOn(exchange);
        const addresses = [address, address.replace("127.0.0.1", "localhost")];
        const outcome = await on.join({ onRequest }, { addresses });
        return { ...{ kind: "fault", fault, server: on.server }, ...outcome };
      });
    });
  });
});

function disturb(place: Place, { onWire, isStranger, isRefusing, isHangingUp, tls }: WireFault): Conduct {
  return {
    ...{ tls, onRequest: place.before },
    ...(isRefusing === true && { refusesAfter: place.number - 1 }),
    onWire: (wire) => {
      if (wire.number < place.number || onWire === undefined) wire.pass();
      else onWire(wire);
    },
    hangsUp: (connection) => isHangingUp === true && connection >= place.number,
    shows: (connection) => (isStranger === true && connection >= place.number ? "other" : "own"),
  };
}

/** Has the client make a new connection for what it sends next, as servers may. */
async function closeAfterFirst({ write, ask }: Exchange, seen: readonly SeenRequest[]): Promise<void> {
  const said = (await ask()).toString("latin1");
  write(Buffer.from(seen.length > 1 ? said : said.replace("\r\n", "\r\nconnection: close\r\n"), "latin1"));
}

async function loseReplyToToken(exchange: Exchange): Promise<void> {
  if (!exchange.request.what.startsWith("POST ")) return passOn(exchange);
  await exchange.ask();
  exchange.reset();
}
