/** One SSH connection per host, user, key and bastion, for everything in this process that goes to that host. */
import { connect, type Socket } from "node:net";
import { AccessError, codeOf, isAccessError, messageOf } from "../../errors";
import { unlessAborted } from "../../waiting";
import { hintForHost, hintForSilence } from "../host-hints";
import { type Dial, SshConnection } from "./connection";
import { describeSshHost, type SshHost } from "./host";
import type { Waiter } from "./within-time";

interface Shared {
  readonly connection: SshConnection;
  readonly bastion: Share | undefined;
  users: number;
}

/** A part in a connection that others use as well. */
export interface Share {
  readonly connection: SshConnection;
  /** Closes the connection when nobody else uses it any more. */
  release(): void;
}

const all = new Map<string, Shared>();

/** The connection to a host, through a bastion where one is given. Nothing is opened before it is used. */
export function shareSshConnection(host: SshHost, bastion: SshHost | undefined): Share {
  const key = JSON.stringify([host, bastion]);
  const shared = all.get(key) ?? start(host, bastion);
  all.set(key, shared);
  shared.users++;
  let isReleased = false;
  return {
    connection: shared.connection,
    release() {
      if (isReleased) return;
      isReleased = true;
      if (--shared.users > 0) return;
      all.delete(key);
      shared.connection.close();
      shared.bastion?.release();
    },
  };
}

function start(host: SshHost, jump: SshHost | undefined): Shared {
  if (jump === undefined) {
    const direct: Dial = (waiter) => dialTcp(host, waiter);
    return { connection: new SshConnection(host, direct), bastion: undefined, users: 0 };
  }
  const bastion = shareSshConnection(jump, undefined);
  const prefix = `through the bastion ${describeSshHost(jump)}: `;
  const through: Dial = async ({ signal, waitsFor }) => {
    const waiter: Waiter = {
      signal,
      waitsFor: (what) => {
        waitsFor(`${prefix}${what}`);
      },
    };
    try {
      return await bastion.connection.forwardToPort(host.host, host.port, waiter);
    } catch (error) {
      if (!isAccessError(error)) throw error;
      throw new AccessError(error.errorCode, `${prefix}${messageOf(error)}`, { cause: error });
    }
  };
  return { connection: new SshConnection(host, through), bastion, users: 0 };
}

async function dialTcp({ host, port }: SshHost, waiter: Waiter): Promise<Socket> {
  waiter.waitsFor(`the host does not answer. ${hintForSilence}`);
  const socket = connect({ host, port });
  socket.setNoDelay(true);
  const connected = new Promise<Socket>((resolve, reject) => {
    socket.once("connect", () => {
      resolve(socket);
    });
    socket.once("error", (error) => {
      const hint = hintForHost(codeOf(error)) ?? "Does sshd run there, on this port?";
      reject(new AccessError("LXD_UNREACHABLE", `${messageOf(error)}. ${hint}`, { cause: error }));
    });
  });
  return unlessAborted(waiter.signal, connected, () => socket.destroy());
}
