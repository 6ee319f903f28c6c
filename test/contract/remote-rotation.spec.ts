/** A Remote that gets another client pair, when what is said about it does not arrive, or the new pair is trusted already. */
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, type ProfileName, startDouble } from "../support/double/double";
import { asInputs, makePair } from "../support/openssl-pair";
import { type ServerView, viewOf } from "../support/server-view";
import { plainText, type Recorded, Stack } from "../support/stack";

const everything = { restricted: false, projects: [] };

describe("another client pair of a Remote", () => {
  let server: Double;
  let view: ServerView;
  let stack: Stack;
  let folder: string;
  const [first, second] = [makePair("first"), makePair("second")];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lxa-rotation-"));
    stack = new Stack(folder);
    await start("lxd-5.0");
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(profile: ProfileName): Promise<void> {
    server = await startDouble(profile, { speed: 5 });
    view = viewOf(server);
    await view.listen();
  }
  async function joined(restriction = everything): Promise<Recorded> {
    const token = await view.issueToken("ci", restriction);
    const timeouts = { connect: 2, request: 1 };
    return stack.create("Remote", { name: "prod", token, timeouts, ...asInputs(first) });
  }
  const trusted = async (): Promise<string[]> => (await view.clients()).map(({ fingerprint }) => fingerprint);
  const isChange = ({ method, path }: { method: string; path: string }): boolean =>
    ["PUT", "PATCH"].includes(method) && path.startsWith("/1.0/certificates/");

  for (const fault of ["reset after handling", "hang after handling"] as const) {
    it(`is known to be in its place though the reply was lost (${fault})`, async () => {
      const made = await joined();
      server.intercept((request) => (isChange(request) ? fault : undefined));
      const wanted = { ...made.inputs, ...asInputs(second) };
      const updated = await stack.update(made, wanted);
      server.intercept(undefined);
      assert.deepEqual(await trusted(), [second.fingerprint]);
      assert.equal(updated.outputs["enrolled"], true);
      assert.equal(await stack.plan(updated, wanted), "same");
      await stack.destroy(updated);
      assert.deepEqual(await trusted(), []);
    });
  }

  it("is not taken for trusted where the request did not arrive; the next update finishes it", async () => {
    const made = await joined();
    server.intercept((request) => (isChange(request) ? "reset" : undefined));
    const wanted = { ...made.inputs, ...asInputs(second) };
    const { message, recorded } = await stack.updateFails(made, wanted);
    assert.match(
      message,
      new RegExp(
        `^Remote prod: putting the new client certificate in the place of ${first.fingerprint}: .*` +
          "does not trust the new one, or not yet\\..*run `pulumi up` again to finish \\[PARTIAL\\]$",
        "s",
      ),
    );
    assert.ok(recorded);
    assert.doesNotMatch(plainText(recorded), /PRIVATE KEY/);
    server.intercept(undefined);
    await stack.destroy(await stack.update(recorded, wanted));
    assert.deepEqual(await trusted(), []);
  });

  it("is still the client that was enrolled where the update's end was not recorded", async () => {
    const made = await joined();
    const wanted = { ...made.inputs, ...asInputs(second) };
    await stack.update(made, wanted); // its result is lost
    const again = await stack.update(made, wanted);
    assert.equal(again.outputs["enrolled"], true);
    await stack.destroy(again);
    assert.deepEqual(await trusted(), []);
  });

  it("of a directory of incus is replaced by a third one, and removed, where the second one's update was not recorded", async () => {
    await server.stop();
    await start("incus-6.0");
    const token = await view.issueToken("ci", everything);
    const place = { configDir: "incus", configFlavor: "incus" };
    const made = await stack.create("Remote", { name: "prod", token, ...place, ...asInputs(first) });
    const wanted = { ...made.inputs, ...asInputs(second) };
    await stack.update(made, wanted); // its result is lost
    const again = await stack.update(made, wanted);
    const third = makePair("third");
    const last = await stack.update(again, { ...made.inputs, ...asInputs(third) });
    const key = join(folder, "incus/clientcerts/prod.key");
    assert.equal(readFileSync(key, "utf8"), third.privateKey);
    await stack.destroy(last);
    assert.ok(!existsSync(key));
    assert.deepEqual(await trusted(), []);
  });

  it("that the server trusts already stays trusted, and the one of before leaves", async () => {
    const made = await joined();
    await view.trust("boss", second.certificate);
    const updated = await stack.update(made, { ...made.inputs, ...asInputs(second) });
    assert.equal(updated.outputs["enrolled"], false);
    assert.deepEqual(await trusted(), [second.fingerprint]);
    await stack.destroy(updated);
    assert.deepEqual(await trusted(), [second.fingerprint]);
  });

  it("that the server trusts already: a restricted one of before that may not leave is named", async () => {
    const made = await joined({ restricted: true, projects: [] });
    await view.trust("boss", second.certificate);
    await stack.update(made, { ...made.inputs, ...asInputs(second) });
    assert.ok((await trusted()).includes(first.fingerprint));
    assert.match(stack.messages.join("\n"), new RegExp(`warning: .*${first.fingerprint} stays trusted`));
  });

  it("that the server trusts already: one of before that is not to be revoked stays, and is named", async () => {
    const made = await joined();
    await view.trust("boss", second.certificate);
    await stack.update(made, { ...made.inputs, ...asInputs(second), revokeOnDelete: false });
    assert.ok((await trusted()).includes(first.fingerprint));
    assert.match(stack.messages.join("\n"), new RegExp(`warning: .*${first.fingerprint}.* stays trusted`));
  });

  it("that the server trusts already: one of before that has expired is named, as it cannot be asked", async () => {
    const made = await joined();
    await view.trust("boss", second.certificate);
    const clientExpiresAt = "2001-01-01T00:00:00.000Z";
    const expired = { ...made, outputs: { ...made.outputs, clientExpiresAt } };
    const updated = await stack.update(expired, { ...made.inputs, ...asInputs(second) });
    assert.equal(updated.outputs["enrolled"], false);
    assert.match(stack.messages.join("\n"), new RegExp(`warning: .*${first.fingerprint}.* stays trusted`));
  });

  it("asks nothing more where the pair is the same", async () => {
    const made = await joined();
    server.requests.length = 0;
    await stack.update(made, { ...made.inputs, revokeOnDelete: true });
    const asked = server.requests.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(asked, ["GET /1.0", "GET /1.0", "GET /1.0/projects"]);
  });

  it("changes the certificate of the entry and says nothing of the rest, which may be somebody else's by then", async () => {
    await server.stop();
    await start("incus-6.0");
    const made = await joined();
    const byHand = { name: "renamed", description: "on call", restricted: true, projects: ["default"] };
    await view.request("PATCH", `/1.0/certificates/${first.fingerprint}`, byHand);
    const said: unknown[] = [];
    server.intercept((request) => {
      if (isChange(request)) said.push(JSON.parse(request.body));
      return undefined;
    });
    await stack.update(made, { ...made.inputs, ...asInputs(second) });
    assert.deepEqual(said, [{ certificate: second.certificate }]);
    const entry = await view.request("GET", `/1.0/certificates/${second.fingerprint}`);
    const { name, description, restricted, projects } = entry as typeof byHand;
    assert.deepEqual({ name, description, restricted, projects }, byHand);
  });
});
