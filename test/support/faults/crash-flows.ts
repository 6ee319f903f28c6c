/** The runs that are cut off, of single resources: how each is made, changed and destroyed. */
import { asInputs } from "../openssl-pair";
import { openHttps } from "../server-view";
import type { Flow, FlowMaker } from "./crash-flow";
import { clientDirectory, type CrashGround } from "./crash-ground";
import type { Program } from "./small-engine";

type Flows = Readonly<Record<string, FlowMaker>>;

const setting = { name: "server", expects: ["before PATCH /1.0", "after PATCH /1.0"] };

function listening({ server }: CrashGround, address: string, others: object = {}): Program {
  const inputs = { address, connection: { socketPath: server.socketPath }, ...others };
  return { server: { resource: "HttpsAddress", inputs: () => inputs } };
}

/** Over HTTPS, through the listener that is changed. */
async function overItself(
  ground: CrashGround,
  write: (to: (address: string) => Program) => Omit<Flow, "name" | "expects">,
): Promise<Flow> {
  const { connection } = await openHttps(ground.server, ground.pair);
  return { ...setting, ...write((address) => listening(ground, address, { connection })) };
}

/** The listener on every interface with the same port, which the connection in use reaches as well. */
const wider = ({ address }: CrashGround): string => address.replace(/^.*:/, ":");

export const httpsAddressFlows: Flows = {
  "made where the server listens nowhere": (ground) => ({
    ...{ ...setting, doing: "creating an HttpsAddress", isListening: false },
    after: listening(ground, ground.others[0]),
    mayStay: ["the server listens on an address of the program"],
  }),
  changed: (ground) => ({
    ...{ ...setting, doing: "updating an HttpsAddress" },
    before: listening(ground, ground.others[0]),
    after: listening(ground, ground.others[1]),
  }),
  "destroyed: unset again": (ground) => ({
    ...{ ...setting, doing: "deleting an HttpsAddress that goes back to none", isListening: false },
    before: listening(ground, ground.others[0]),
    after: {},
  }),
  "destroyed: the address of before put back": (ground) => ({
    ...{ ...setting, doing: "deleting an HttpsAddress that goes back to another address" },
    before: listening(ground, ground.others[0]),
    after: {},
  }),
  "made at an address that cannot be had": (ground) => ({
    ...{ ...setting, doing: "creating an HttpsAddress that the server cannot have", isListening: false },
    // Of no machine; the server finds out by itself.
    after: listening(ground, "10.255.255.1:8443", { floating: true }),
    mended: listening(ground, ground.others[0]),
  }),
  "made over the very listener": (ground) =>
    overItself(ground, (to) => ({
      doing: "creating an HttpsAddress over the listener that it widens",
      after: to(wider(ground)),
      mayStay: ["the server listens on another address"],
    })),
  "destroyed over the very listener": (ground) =>
    overItself(ground, (to) => ({
      doing: "deleting an HttpsAddress over the listener that it had widened",
      before: to(wider(ground)),
      after: {},
    })),
};

function inviting({ server }: CrashGround, ...projects: string[]): Program {
  const inputs = { clientName: "edge", projects, connection: { socketPath: server.socketPath } };
  return { token: { resource: "TrustToken", inputs: () => inputs } };
}

/** A client redeems the token. */
const redeemed: Flow["between"] = async ({ view, pair }, { token }) => {
  await view.redeem(String(token?.["token"]), pair);
};

const invited = { name: "token" };
const issued = ["before POST /1.0/certificates", "after POST /1.0/certificates"];
const revoked = ["before DELETE /1.0/operations/ID", "after DELETE /1.0/operations/ID"];
const restricted = [
  "before PATCH /1.0/certificates/FINGERPRINT",
  "after PATCH /1.0/certificates/FINGERPRINT",
];
const removed = ["before DELETE /1.0/certificates/FINGERPRINT", "after DELETE /1.0/certificates/FINGERPRINT"];

export const trustTokenFlows: Flows = {
  issued: (ground) => ({
    ...{ ...invited, doing: "creating a TrustToken", expects: issued },
    after: inviting(ground, "default"),
  }),
  "other rights while it waits": (ground) => ({
    ...{ ...invited, doing: "updating the rights of a TrustToken that waits" },
    expects: [...revoked, ...issued],
    before: inviting(ground, "default"),
    after: inviting(ground, "default", "second"),
  }),
  "other rights once it is redeemed": (ground) => ({
    ...{ ...invited, doing: "updating the rights of a TrustToken's client", expects: restricted },
    before: inviting(ground, "default"),
    between: redeemed,
    after: inviting(ground, "default", "second"),
  }),
  "destroyed while it waits": (ground) => ({
    ...{ ...invited, doing: "deleting a TrustToken that waits", expects: revoked },
    before: inviting(ground, "default"),
    after: {},
  }),
  "destroyed once it is redeemed": (ground) => ({
    ...{ ...invited, doing: "deleting a TrustToken that was redeemed", expects: removed },
    before: inviting(ground, "default"),
    between: redeemed,
    after: {},
  }),
};

type Inputs = Record<string, unknown>;

const inDirectory = { configDir: `./${clientDirectory}` };
const joined = ["before POST /1.0/certificates", "after POST /1.0/certificates"];
const left = ["before DELETE /1.0/certificates/FINGERPRINT", "after DELETE /1.0/certificates/FINGERPRINT"];

/** A token that was issued by hand, anew for each run. */
async function token({ view }: CrashGround): Promise<string> {
  return view.issueToken("edge", { restricted: false, projects: [] });
}

function joining(inputs: Inputs): Program {
  return { remote: { resource: "Remote", inputs: () => ({ name: "edge", ...inputs }) } };
}

/** Somebody removes the client. */
const cast: Flow["between"] = async ({ view }) => {
  for (const { fingerprint } of await view.clients()) await view.removeClient(fingerprint);
};

export const remoteFlows: Flows = {
  "joins, with a pair that is given": async (ground) => ({
    ...{ name: "remote", doing: "creating a Remote with a given pair", expects: joined },
    after: joining({ ...asInputs(ground.pair), token: await token(ground) }),
  }),
  "joins, with a pair that is given, and writes it": async (ground) => ({
    ...{ name: "remote", doing: "creating a Remote with a given pair in a client directory" },
    expects: [...joined, "rename client/config.yml"],
    after: joining({ ...inDirectory, ...asInputs(ground.pair), token: await token(ground) }),
  }),
  "joins, with the pair of a client directory": async (ground) => ({
    ...{ name: "remote", doing: "creating a Remote with the pair of a client directory" },
    expects: [...joined, "rename client/config.yml"],
    after: joining({ ...inDirectory, token: await token(ground), setDefault: true }),
  }),
  "renamed, and made the default": async (ground) => {
    const inputs = { ...inDirectory, token: await token(ground) };
    return {
      ...{ name: "remote", doing: "renaming a Remote and making it the default one" },
      expects: ["rename client/config.yml"],
      before: joining(inputs),
      after: joining({ ...inputs, name: "other", setDefault: true }),
    };
  },
  "given another pair": async (ground) => {
    const inputs = { ...(ground.server.flavor === "incus" ? inDirectory : {}), token: await token(ground) };
    return {
      ...{
        name: "remote",
        doing: "giving a Remote another pair",
        expects: ["/1.0/certificates/FINGERPRINT"],
      },
      before: joining({ ...inputs, ...asInputs(ground.pair) }),
      after: joining({ ...inputs, ...asInputs(ground.nextPair) }),
    };
  },
  "joins again with another token": async (ground) => ({
    ...{ name: "remote", doing: "updating a Remote that was removed by hand", expects: joined },
    before: joining({ ...asInputs(ground.pair), token: await token(ground) }),
    between: cast,
    after: joining({ ...asInputs(ground.pair), token: await token(ground) }),
  }),
  destroyed: async (ground) => ({
    ...{ name: "remote", doing: "deleting a Remote", expects: left },
    before: joining({ ...asInputs(ground.pair), token: await token(ground) }),
    after: {},
  }),
};
