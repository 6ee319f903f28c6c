/** Connections to a server's unix socket that an SSH host forwards. */
import type { Duplex } from "node:stream";
import type { buildConnector } from "undici";
import { AccessError, isAccessError, messageOf } from "../errors";
import type { SshConnection } from "./ssh/connection";
import { withinTime } from "./ssh/within-time";

/** Makes what the HTTP client sends requests over. */
export type Connect = (
  options: buildConnector.Options,
  callback: (error: Error | null, stream: Duplex | null) => void,
) => void;

/** A connector that has the host forward a stream to the first of these sockets that takes one. `name` names it in messages. */
export function forwarded(
  connection: SshConnection,
  socketPaths: readonly string[],
  seconds: number,
  name: string,
): Connect {
  return (_options, callback) => {
    withinTime(seconds, (waiter) => connection.forwardToSocket(socketPaths, waiter)).then(
      (stream) => {
        callback(null, stream);
      },
      (reason: unknown) => {
        const error = isAccessError(reason, "LXD_SERVER_IDENTITY")
          ? new AccessError(reason.errorCode, `Connecting to ${name}: ${reason.summary}`, { cause: reason })
          : reason;
        callback(error instanceof Error ? error : new Error(messageOf(error)), null);
      },
    );
  };
}
