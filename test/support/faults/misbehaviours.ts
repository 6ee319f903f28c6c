/** What a network, a proxy or a failing server can make of a request and of its reply. */
import { setTimeout as pause } from "node:timers/promises";
import { reply } from "../../contract/tls-listener";
import type { Exchange } from "./front";

const [rare, common, endless] = [{}, { isCommon: true }, { isEndless: true }];
const failed = { type: "error", error: "cannot tell the other members", error_code: 500, metadata: null };
const hints = "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n";

/** Something done to one request instead of passing it on and its reply back. */
export interface Misbehaviour {
  /** A phrase whose subject is the server or the network: "resets before the reply". */
  readonly title: string;
  /** Whether it lasts longer than anybody waits. */
  readonly isEndless?: boolean;
  /** Whether it is what networks and servers do every day: it is tried at each step, and again and again. */
  readonly isCommon?: boolean;
  readonly act: (exchange: Exchange) => Promise<void> | void;
}

/** What becomes of a request that never gets to the daemon. */
const unheard: readonly Misbehaviour[] = [
  {
    title: "resets before the server got it",
    isCommon: true,
    act: ({ reset }) => {
      reset();
    },
  },
  {
    title: "closes before the server got it",
    act: ({ end }) => {
      end();
    },
  },
  { title: "swallows it", isCommon: true, isEndless: true, act: () => undefined },
  {
    title: "a proxy's page with 502 in the server's place",
    act: ({ write }) => {
      write(reply("<html>Bad Gateway</html>", "502 Bad Gateway"));
    },
  },
];

/** What becomes of the reply to a request that the daemon got. */
const garbled: readonly Misbehaviour[] = [
  heard("resets before the reply", common, ({ reset }) => {
    reset();
  }),
  heard("closes before the reply", rare, ({ end }) => {
    end();
  }),
  heard("no reply", { isCommon: true, isEndless: true }, () => undefined),
  heard("drips the head of the reply", endless, drip),
  heard("drips the body of the reply", endless, (exchange, said) => {
    exchange.write(headOf(said));
    return drip(exchange, bodyOf(said));
  }),
  heard("500 and a page", common, says(reply("<html>Oops</html>", "500 Internal Server Error"))),
  heard("200 and a page", rare, says(reply("<html>Welcome</html>"))),
  heard("500 and an error", common, says(reply(failed, "500 Internal Server Error"))),
  heard("cut JSON", rare, ({ write }, said) => {
    write(reply(bodyOf(said).subarray(0, -9).toString()));
  }),
  heard("cut off in the middle", rare, ({ end }, said) => {
    end(said.subarray(0, -9));
  }),
  heard("JSON of another shape", rare, says(reply({ hello: "world" }))),
  heard("metadata of another shape", rare, says(reply({ type: "sync", metadata: 42 }))),
  heard("an endless body", endless, endlessBody),
  heard("a head of 64 KiB", rare, says(reply("", "200 OK", [`x-long: ${"x".repeat(65_536)}`]))),
  heard("an endless head", endless, endlessHead),
  heard(
    "a redirect to a stranger",
    rare,
    says(reply("", "307 Temporary Redirect", ["location: https://127.0.0.1:9/1.0"])),
  ),
  heard("100 Continue and then the reply", rare, after("HTTP/1.1 100 Continue\r\n\r\n")),
  heard("103 Early Hints and then the reply", rare, after(hints)),
  heard("103 Early Hints for ever", endless, earlyHints),
  heard(
    "101 Switching Protocols",
    rare,
    says("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  ),
  heard("a content-length that is too long", endless, ({ write }, said) => {
    write(withLength(said, bodyOf(said).length + 9));
  }),
  heard("a content-length that is too short", rare, ({ write }, said) => {
    write(withLength(said, bodyOf(said).length - 9));
  }),
  heard("two replies", rare, ({ write }, said) => {
    write(Buffer.concat([said, said]));
  }),
  heard("something else than HTTP", rare, says("SSH-2.0-OpenSSH_9.6\r\n")),
  heard("an empty reply", rare, says("HTTP/1.1 204 No Content\r\n\r\n")),
];

export const misbehaviours: readonly Misbehaviour[] = [...unheard, ...garbled];

type Answer = (exchange: Exchange, said: Buffer) => Promise<void> | void;

function heard(
  title: string,
  kind: Pick<Misbehaviour, "isCommon" | "isEndless">,
  answer: Answer,
): Misbehaviour {
  return { title, ...kind, act: async (exchange) => answer(exchange, await exchange.ask()) };
}

function says(bytes: string): Answer {
  return ({ write }) => {
    write(bytes);
  };
}

function after(bytes: string): Answer {
  return ({ write }, said) => {
    write(Buffer.concat([Buffer.from(bytes), said]));
  };
}

function headOf(said: Buffer): Buffer {
  return said.subarray(0, said.indexOf("\r\n\r\n") + 4);
}

function bodyOf(said: Buffer): Buffer {
  return said.subarray(said.indexOf("\r\n\r\n") + 4);
}

function withLength(said: Buffer, length: number): Buffer {
  const head = headOf(said).toString("latin1");
  return Buffer.concat([
    Buffer.from(head.replace(/content-length: \d+/, `content-length: ${length}`)),
    bodyOf(said),
  ]);
}

/** A byte now and then, so that something is always coming. */
async function drip({ write, isOpen }: Exchange, said: Buffer): Promise<void> {
  for (const byte of said) {
    if (!isOpen()) return;
    write(Buffer.of(byte));
    await pause(50);
  }
}

async function earlyHints({ write, isOpen }: Exchange): Promise<void> {
  while (isOpen()) {
    write(hints);
    await pause(50);
  }
}

/** More than any reply is, as fast as it is taken. */
async function endlessBody({ write, isOpen }: Exchange): Promise<void> {
  write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"type":"\r\n');
  const chunk = Buffer.from(`10000\r\n${"x".repeat(65_536)}\r\n`);
  while (isOpen()) {
    write(chunk);
    await pause(1);
  }
}

/** A head that never ends, in lines that each are short. */
async function endlessHead({ write, isOpen }: Exchange): Promise<void> {
  write("HTTP/1.1 200 OK\r\n");
  while (isOpen()) {
    write("x-more: and more\r\n");
    await pause(50);
  }
}
