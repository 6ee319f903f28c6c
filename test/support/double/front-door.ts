import { once } from "node:events";
import { rmSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { certificateRoutes } from "./certificates";
import { groupRoutes } from "./groups";
import { identityRoutes } from "./identities";
import { networkRoutes } from "./networks";
import { operationRoutes } from "./operations";
import { projectRoutes } from "./projects";
import type { ApiReply, ApiRequest, Caller, Host, Route } from "./protocol";
import { ApiError, Crash, isTrusted, may, notAllowed, refused } from "./protocol";
import { serverRoutes } from "./server";
import { fingerprintOf, trustedEntry, trustedIdentity } from "./trust-store";

const ROUTES: Route[] = [
  ...[...serverRoutes, ...certificateRoutes, ...operationRoutes],
  ...[...projectRoutes, ...networkRoutes, ...groupRoutes, ...identityRoutes],
];

/** A request as tests see it. */
export interface SeenRequest {
  method: string;
  /** With the query. */
  path: string;
  /** Counts the connections over which requests came. */
  connectionId: number;
  /** SHA-256 of the client certificate, hex; undefined over the unix socket and for anonymous clients. */
  clientFingerprint?: string;
  /** As sent. */
  body: string;
}

/**
 * What goes wrong with a request: a reply of the test's own, the connection cut, no reply at all; either before
 * the server looked at it, or after it did what was asked.
 */
export type Fault =
  { status: number; body: unknown } | "reset" | "hang" | "reset after handling" | "hang after handling";

export type Intercept = (request: SeenRequest) => Fault | undefined;

/** Takes connections, finds out who asks, and hands each request to the handler of its path. */
export class FrontDoor {
  readonly requests: Omit<SeenRequest, "body">[] = [];
  connections = 0;
  hook: Intercept | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #ids = new WeakMap<Socket, number>();
  #lastId = 0;
  #host?: Host;
  #unix?: http.Server;
  #tls?: https.Server;

  constructor(private readonly socketPath: string) {}

  /** Takes a connection of the network listener. */
  readonly acceptTls = (socket: Socket): void => {
    this.#track(socket);
    // The HTTPS server never listens itself: closing it would cut the idle connections of its clients.
    this.#tls?.emit("connection", socket);
  };

  /** Starts to answer over the unix socket, and over TLS what {@link acceptTls} is given. */
  async open(host: Host, privateKey: string): Promise<void> {
    this.#host = host;
    const onRequest = (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
      void this.#answer(incoming, outgoing);
    };
    // A Go server keeps idle connections until the client ends them.
    const patient = { keepAliveTimeout: 0, requestTimeout: 0 };
    this.#tls = https.createServer(
      {
        ...patient,
        ...{ key: privateKey, cert: host.identity.certificate, minVersion: "TLSv1.3" },
        ...{ requestCert: true, rejectUnauthorized: false },
      },
      onRequest,
    );
    this.#unix = http.createServer(patient, onRequest);
    this.#unix.on("connection", (socket: Socket) => {
      this.#track(socket);
    });
    // What a killed server left behind.
    rmSync(this.socketPath, { force: true });
    this.#unix.listen(this.socketPath);
    await once(this.#unix, "listening");
  }

  async close(): Promise<void> {
    this.#host?.listener.close();
    const unix = this.#unix;
    this.#unix = undefined;
    const closed = unix && once(unix, "close");
    unix?.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #track(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A client that goes away is not this server's problem.
    socket.on("error", () => undefined);
  }

  async #answer(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const host = this.#host;
    if (!host) return;
    try {
      const caller = callerOf(host, incoming.socket);
      const seen = this.#remember(incoming, caller);
      const text = await readText(incoming);
      const fault = this.hook?.({ ...seen, body: text });
      if (fault === "hang") return;
      if (fault === "reset") throw new Crash("asked for by the test");
      if (typeof fault === "object") {
        send(outgoing, { ...fault, headers: {} });
        return;
      }
      const reply = await handle(host, { ...seen, text, caller, incoming, outgoing });
      if (fault === "hang after handling") return;
      if (fault === "reset after handling") throw new Crash("asked for by the test");
      send(outgoing, reply);
    } catch (error) {
      incoming.socket.destroy();
      // A client may leave in the middle of its request. Anything else is a bug of the test or of the double.
      if (!(error instanceof Crash) && !incoming.errored) throw error;
    }
  }

  #remember(incoming: http.IncomingMessage, caller: Caller): Omit<SeenRequest, "body"> {
    const { socket, method = "", url = "" } = incoming;
    const connectionId = this.#ids.get(socket) ?? ++this.#lastId;
    this.#ids.set(socket, connectionId);
    const { fingerprint } = caller;
    const seen = { method, path: url, connectionId };
    this.requests.push(fingerprint === undefined ? seen : { ...seen, clientFingerprint: fingerprint });
    return { ...seen, clientFingerprint: fingerprint };
  }
}

/** Trust is looked up anew for each request: a client that was removed is a stranger on its open connection. */
function callerOf(host: Host, socket: Socket): Caller {
  const remoteAddress = `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`;
  const nobody = { overUnix: false, permissions: [], remoteAddress };
  if (!(socket instanceof TLSSocket)) return { ...nobody, overUnix: true };
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return nobody;
  const trust = trustedEntry(host, certificate);
  const identity = trustedIdentity(host, certificate);
  const permissions = (identity?.groups ?? []).flatMap(
    (name) => host.state.groups.get(name)?.permissions ?? [],
  );
  return { ...nobody, certificate, fingerprint: fingerprintOf(certificate), trust, identity, permissions };
}

async function readText(incoming: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function handle(
  host: Host,
  given: {
    method: string;
    path: string;
    text: string;
    caller: Caller;
    incoming: http.IncomingMessage;
    outgoing: http.ServerResponse;
  },
): Promise<ApiReply> {
  const { method, text, caller, incoming, outgoing } = given;
  const url = new URL(`http://server${given.path}`);
  const request: ApiRequest = {
    ...{ method, text, caller, path: url.pathname, query: url.searchParams },
    ifMatch: incoming.headers["if-match"],
    clientGone: () => outgoing.destroyed,
  };
  try {
    return await dispatch(host, request);
  } catch (error) {
    if (error instanceof ApiError) return refused(error);
    throw error;
  }
}

function dispatch(host: Host, request: ApiRequest): ApiReply | Promise<ApiReply> {
  const { profile } = host;
  const routes = ROUTES.filter(
    ({ path, ofIdentities }) => path.test(request.path) && (profile.hasIdentities || !ofIdentities),
  );
  if (routes.length === 0) throw new ApiError(404, profile.notFound);
  const route = routes.find(({ method }) => method === request.method);
  if (!isTrusted(request.caller) && !route?.untrusted) throw new ApiError(403, profile.forbidden);
  if (!route) throw new ApiError(501, profile.notImplemented);
  if (route.needs && !may(request.caller, route.needs)) throw notAllowed(host, request.caller);
  return route.handle(host, request, decoded(route.path.exec(request.path)?.[1] ?? ""));
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiError(400, `invalid URL escape in "${segment}"`);
  }
}

function send(outgoing: http.ServerResponse, { status, headers, body }: ApiReply): void {
  const text = `${JSON.stringify(body)}\n`;
  outgoing.writeHead(status, { "Content-Type": "application/json", ...headers });
  outgoing.end(text);
}
