/** What a network can make of a connection before anything is said inside TLS, or without knowing what is said. */
import { setTimeout as pause } from "node:timers/promises";
import type { Conduct, Wire } from "./front";

/** Something done to one connection. */
export interface WireFault {
  readonly title: string;
  /** Whether it lasts longer than anybody waits. */
  readonly isEndless?: boolean;
  /** Whether it is tried with each kind of server; the others have to do with the client alone. */
  readonly isCommon?: boolean;
  /** Hangs up when the TLS handshake is over. */
  readonly isHangingUp?: boolean;
  /** Nobody listens. */
  readonly isRefusing?: boolean;
  readonly onWire?: (wire: Wire) => void;
  /** Shows another certificate than the pinned one. */
  readonly isStranger?: boolean;
  readonly tls?: Conduct["tls"];
}

export const wireFaults: readonly WireFault[] = [
  { title: "refuses", isCommon: true, isRefusing: true },
  { title: "accepts and stays silent", isCommon: true, isEndless: true, onWire: () => undefined },
  { title: "closes at once", onWire: ({ near }) => near.end() },
  { title: "resets at once", onWire: ({ near }) => near.resetAndDestroy() },
  {
    title: "stalls in the TLS handshake",
    isEndless: true,
    onWire: ({ pass }) => {
      pass(start((chunk, near) => void near.write(chunk.subarray(0, 100))));
    },
  },
  { title: "drips the TLS handshake", isEndless: true, onWire: drip },
  {
    title: "resets in the TLS handshake",
    onWire: ({ pass }) => {
      pass(
        start((chunk, near) => {
          near.write(chunk.subarray(0, 100), () => near.resetAndDestroy());
        }),
      );
    },
  },
  {
    title: "garbles the TLS handshake",
    onWire: ({ pass }) => {
      let isFirst = true;
      pass((chunk, near) => {
        near.write(isFirst ? garbled(chunk) : chunk);
        isFirst = false;
      });
    },
  },
  {
    title: "garbles a reply",
    onWire: ({ pass }) => {
      // What a server says of itself is longer than its part of the handshake.
      pass((chunk, near) => void near.write(chunk.length > 3000 ? garbled(chunk) : chunk));
    },
  },
  {
    title: "alerts in the TLS handshake",
    onWire: ({ near }) => near.end(Buffer.from("15030300020228", "hex")),
  },
  { title: "speaks something else than TLS", onWire: ({ near }) => near.end("SSH-2.0-OpenSSH_9.6\r\n") },
  { title: "hangs up after the TLS handshake", isHangingUp: true },
  { title: "shows another certificate", isCommon: true, isStranger: true },
];

/** Spoken by the whole front, so that it is not there for one connection alone. */
export const olderTls: WireFault = {
  title: "speaks TLS 1.2 only",
  tls: { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" },
};

type Change = (chunk: Buffer, near: Wire["near"]) => void;

/** What becomes of the first thing that the server sends; nothing follows. */
function start(change: Change): Change {
  let isOver = false;
  return (chunk, near) => {
    if (!isOver) change(chunk, near);
    isOver = true;
  };
}

function garbled(chunk: Buffer): Buffer {
  const changed = Buffer.from(chunk);
  const last = changed.length - 1;
  changed[last] = (changed[last] ?? 0) ^ 1;
  return changed;
}

/** A byte now and then, so that something is always coming. */
function drip({ pass }: Wire): void {
  let turn = Promise.resolve();
  pass((chunk, near) => {
    turn = turn.then(async () => {
      for (const byte of chunk) {
        if (near.destroyed) return;
        near.write(Buffer.of(byte));
        await pause(50);
      }
    });
  });
}
