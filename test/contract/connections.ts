/** Listeners and LXD clients of one test, which go when it ends. */
import * as assert from "node:assert/strict";
import type { Server } from "node:net";
import { AccessError, type ErrorCode } from "../../provider/errors";
import { LxdClient } from "../../provider/lxd/client";
import type { Pin, Timeouts } from "../../provider/lxd/transport";
import { makePair } from "../support/openssl-pair";
import { openssl } from "../unit/pki/openssl";
import { makeServerPair, type Pair } from "./authority";
import { type Answer, listenOn, listenTls, reply, server, type TlsListener } from "./tls-listener";

/** For listeners that are not to be waited for. Seconds. */
export const short: Timeouts = { connect: 0.3, request: 0.3 };
/** For listeners that a busy machine must have time to connect to, but that are not to be waited for then. Seconds. */
export const impatient: Timeouts = { connect: 1.5, request: 0.3 };
/** The pair that listeners have where nothing else is said, and to which clients are pinned. */
export const own: Pair = makeServerPair();
export const pin = { fingerprint: fingerprintOf(own.certificate) };
/** The answer of a server that trusts the client. */
export const trusted: Answer = (socket) => socket.write(reply(server));

const client = makePair("client");

export interface Connections {
  readonly listen: (answer: Answer, pair?: Pair) => Promise<TlsListener>;
  /** Starts any other server; answers its port. */
  readonly start: (server: Server) => Promise<number>;
  /** A client with a certificate of its own; patient where nothing else is said. */
  readonly dial: (port: number, options?: { host?: string; pin?: Pin; timeouts?: Timeouts }) => LxdClient;
}

/** For the tests of the surrounding `describe`. */
export function useConnections(): Connections {
  const open: { close(): Promise<void> }[] = [];
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));
  return {
    async listen(answer, pair = own) {
      const listener = await listenTls(pair, answer);
      open.push(listener);
      return listener;
    },
    async start(other) {
      const started = await listenOn(other);
      open.push(started);
      return started.port;
    },
    dial(port, { host = "127.0.0.1", pin: expected = pin, timeouts = { connect: 20, request: 20 } } = {}) {
      const pair = { clientCertificate: client.certificate, clientKey: client.privateKey };
      const dialled = new LxdClient({ kind: "https", host, port, pin: expected, ...pair }, timeouts);
      open.push(dialled);
      return dialled;
    },
  };
}

/** What a call that is to fail fails with. */
export async function refusal(call: Promise<unknown>): Promise<AccessError> {
  const error = await call.then(
    () => assert.fail("it was to fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AccessError, String(error));
  return error;
}

/** Requires a call to fail with this code and message; answers the message. */
export async function fails(call: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<string> {
  const error = await refusal(call);
  assert.equal(error.errorCode, code, error.message);
  assert.match(error.message, message);
  return error.message;
}

/** SHA-256 as openssl prints it, in the form of LXD. */
export function fingerprintOf(certificate: string): string {
  const printed = openssl(["x509", "-noout", "-fingerprint", "-sha256"], certificate);
  return printed.replace(/^.*=|[:\n]/g, "").toLowerCase();
}
