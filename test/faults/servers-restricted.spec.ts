/** A client that may not administer as the connection: what is hidden from it is never taken for gone, nor for in order. */
import { strict as assert } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { getServer } from "../../provider/functions/get-server";
import { getServerAddresses } from "../../provider/functions/get-server-addresses";
import { keepsMachineAddresses } from "../support/extra-addresses";
import { codeIn, type FaultFinding, itFinds, serverNamed } from "../support/faults/finding";
import { callFunction } from "../support/function-call";
import { setStage, type Stage } from "../support/joined-server";
import { asInputs, makePair } from "../support/openssl-pair";
import { openHttps } from "../support/server-view";
import { describeWith } from "../support/skip";
import type { Recorded } from "../support/stack";

type Inputs = Record<string, unknown>;

const right = /does not show its configuration to this client.*unrestricted client certificate/s;

for (const kind of ["lxd-daemon", "incus-daemon"] as const) {
  describe("Servers", () => {
    describeWith([kind], `that the connection may not administer: ${kind}`, () => {
      let stage: Stage;
      let connection: Inputs;
      const guests: Inputs[] = [];

      before(keepsMachineAddresses);
      before(async () => {
        stage = await setStage(kind);
        // Even a stack that keeps what does not answer must not keep quiet about this.
        stage.stack.config = { onUnreachable: "keep" };
        connection = (await openHttps(stage.server)).connection;
        for (const projects of [["default"], []]) {
          const pair = makePair(`guest-${projects.length}`);
          await restrict(`guest-${projects.length}`, pair, projects);
          guests.push({ ...connection, ...asInputs(pair) });
        }
      });
      after(() => stage.end());

      const restrict = async (
        name: string,
        { certificate, fingerprint }: ReturnType<typeof makePair>,
        projects: string[],
      ): Promise<void> => {
        const { view } = stage;
        await view.trust(name, certificate);
        const path = `/1.0/certificates/${fingerprint}`;
        const entry = (await view.request("GET", path)) as object;
        await view.request("PUT", path, { ...entry, restricted: true, projects });
      };

      const everything = async (): Promise<object> => {
        const { view } = stage;
        return [await view.address(), (await view.pendingTokens()).sort(), await view.clients()];
      };

      /** What a guest's calls of a resource come to: the code of all of them. */
      const tried = async (made: Recorded, wish: Inputs): Promise<string> => {
        const { stack } = stage;
        const codes = new Set<string>();
        for (const guest of guests) {
          const asGuest = { ...made, outputs: { ...made.outputs, connection: guest } };
          const wanted = { ...wish, connection: guest };
          const before = await everything();
          const calls = [
            () => stack.refresh(asGuest),
            () => stack.update(asGuest, { ...made.inputs, connection: guest }),
            () => stack.update(asGuest, wanted),
            () => stack.destroy(asGuest),
            () => stack.create(made.name, wanted),
          ];
          for (const call of calls) codes.add(await refusal(call()));
          assert.deepEqual(await everything(), before);
        }
        return [...codes].join();
      };

      const finding = (what: string, happened: string, left: string): FaultFinding => ({
        ...{ kind: "fault", server: serverNamed(kind), happened, left },
        fault: `a client restricted to a project, or to none, ${what}`,
      });
      const untouched = "everything as it was; the missing right is named";

      itFinds("an HttpsAddress", async () => {
        const inputs = { address: stage.address, connection };
        const made = await stage.stack.create("HttpsAddress", inputs);
        const happened = await tried(made, { address: "127.0.0.1:1" });
        return finding("reads, updates, deletes and creates an HttpsAddress", happened, untouched);
      });

      itFinds("a TrustToken whose token waits, and one whose client is trusted", async () => {
        const { stack, view } = stage;
        const wish = (clientName: string, projects: string[]): Inputs => ({
          clientName,
          projects,
          connection,
        });
        const pending = await stack.create("TrustToken", wish("waits", ["default"]));
        const redeemed = await stack.create("TrustToken", wish("came", ["default"]));
        await view.redeem(String(redeemed.outputs["token"]), makePair("came"));
        const consumed = (await stack.refresh(redeemed)) ?? assert.fail();
        const codes = [await tried(pending, wish("waits", [])), await tried(consumed, wish("came", []))];
        return finding(
          "reads, updates, deletes and creates TrustTokens",
          [...new Set(codes)].join(),
          untouched,
        );
      });

      itFinds("getServer and getServerAddresses", async () => {
        const all = await callFunction(getServerAddresses, { connection });
        const found: string[] = [];
        for (const guest of guests) {
          found.push(await refusal(callFunction(getServer, { connection: guest })));
          const addresses = callFunction(getServerAddresses, { connection: guest });
          // Not only administrators may list them: all of them, or an error.
          const isTold = await addresses.then(
            (answer) => isDeepStrictEqual(answer, all),
            () => false,
          );
          found.push(isTold ? "every address" : await refusal(addresses));
        }
        return finding(
          "asks getServer and getServerAddresses",
          [...new Set(found)].sort().join(", or "),
          "the missing right is named; every address is told only where the server tells it",
        );
      });

      itFinds("a Remote of that client: it needs no more than its own trust", async () => {
        const { stack, view, address } = stage;
        const pair = makePair("own");
        const token = await view.issueToken("own", { restricted: true, projects: [] });
        const inputs = { name: "prod", token, addresses: [address], ...asInputs(pair) };
        const made = await stack.create("Remote", inputs);
        const seen = (await stack.refresh(made)) ?? assert.fail();
        assert.equal(await stack.plan(seen, inputs), "same");
        assert.deepEqual(seen.outputs["projects"], []);
        await stack.destroy(seen);
        const isLeft = (await view.clients()).some(({ fingerprint }) => fingerprint === pair.fingerprint);
        const isSaid = stack.messages.some((message) =>
          message.includes("does not let a restricted client remove itself"),
        );
        assert.equal(isSaid, isLeft, "a client that stays is told of");
        if (isLeft) await view.removeClient(pair.fingerprint);
        const left = isLeft
          ? "the client stays trusted, as a warning says: this server lets none of these leave"
          : "the client is out";
        return finding("joins, looks and leaves as a Remote", "done", left);
      });
    });
  });
}

/** The code of a call that has to name the right that is missing. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const message = await call.then(
    (answer) => assert.fail(`it answered ${JSON.stringify(answer)}`),
    (error: unknown) => (error as Error).message,
  );
  assert.match(message, right);
  return codeIn(message);
}
