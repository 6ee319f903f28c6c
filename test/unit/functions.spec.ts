/** The functions as a program calls them. What they answer of real servers is shown by the server tests. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { type FunctionName, functions } from "../../provider/registry";
import * as sdk from "../../sdk";
import { registerAll, valueOf } from "../support/registrations";

type Same<A, B> = [Solid<A>, Solid<B>] extends [Solid<B>, Solid<A>] ? true : false;
type Solid<T> = T extends object ? { [K in keyof T]-?: Solid<Exclude<T[K], undefined>> } : T;
type Args<Name extends FunctionName> = z.infer<(typeof functions)[Name]["args"]>;
type Result<Name extends FunctionName> = z.infer<(typeof functions)[Name]["result"]>;
type Answer<Call extends (...args: never[]) => Promise<unknown>> = Awaited<ReturnType<Call>>;

/** Checked by `npm run verify`. */
export const argumentsAgree: Record<FunctionName, true> = {
  decodeTrustToken: true satisfies Same<sdk.DecodeTrustTokenArgs, Args<"decodeTrustToken">>,
  getDefaultRemote: true satisfies Same<sdk.ClientDirectoryArgs, Args<"getDefaultRemote">>,
  getServer: true satisfies Same<sdk.GetServerArgs, Args<"getServer">>,
  getServerAddresses: true satisfies Same<sdk.GetServerAddressesArgs, Args<"getServerAddresses">>,
  listRemotes: true satisfies Same<sdk.ClientDirectoryArgs, Args<"listRemotes">>,
};
export const answersAgree: Record<FunctionName, true> = {
  decodeTrustToken: true satisfies Same<Answer<typeof sdk.decodeTrustToken>, Result<"decodeTrustToken">>,
  getDefaultRemote: true satisfies Same<Answer<typeof sdk.getDefaultRemote>, Result<"getDefaultRemote">>,
  getServer: true satisfies Same<Answer<typeof sdk.getServer>, Result<"getServer">>,
  getServerAddresses: true satisfies Same<
    Answer<typeof sdk.getServerAddresses>,
    Result<"getServerAddresses">
  >,
  listRemotes: true satisfies Same<Answer<typeof sdk.listRemotes>, Result<"listRemotes">>,
};

const secret = "5ec4e7".repeat(10) + "abcd";
const fingerprint = "0123456789abcdef".repeat(4);
const tokenOf = (extra: object): string =>
  Buffer.from(
    JSON.stringify({
      client_name: "ci",
      fingerprint,
      addresses: ["10.0.0.11:8443", "[fd00::1]:8443"],
      secret,
      expires_at: "0001-01-01T00:00:00Z",
      ...extra,
    }),
  ).toString("base64");

describe("decodeTrustToken", () => {
  it("says everything but the secret", async () => {
    const token = tokenOf({ type: "Client certificate", expires_at: "2027-01-01T00:00:00Z" });
    assert.deepEqual(await sdk.decodeTrustToken({ token }), {
      clientName: "ci",
      serverFingerprint: fingerprint,
      addresses: ["10.0.0.11:8443", "[fd00::1]:8443"],
      expiresAt: "2027-01-01T00:00:00Z",
      kind: "identity",
    });
    const endless = await sdk.decodeTrustToken({ token: tokenOf({}) });
    assert.equal(endless.expiresAt, undefined);
    assert.equal(endless.kind, "certificate");
  });

  it("answers nothing secret for a token that is one", async () => {
    const answer = sdk.decodeTrustTokenOutput({ token: pulumi.secret(tokenOf({})) });
    assert.equal(await pulumi.isSecret(answer), false);
    const told = (await valueOf(answer)) as sdk.DecodeTrustTokenResult;
    assert.equal(told.clientName, "ci");
    assert.ok(!JSON.stringify(told).includes(secret));
  });

  it("answers undefined where a TrustToken issued none", async () => {
    const issued: pulumi.Output<string | undefined> = pulumi.secret(undefined);
    const answer = sdk.decodeTrustTokenOutput({ token: issued });
    assert.equal(await valueOf(answer), undefined);
    assert.equal(await pulumi.isSecret(answer), false);
  });

  it("refuses what is no token, without repeating it", async () => {
    const damaged = tokenOf({}).slice(3);
    await assert.rejects(sdk.decodeTrustToken({ token: damaged }), (error: Error) => {
      assert.match(error.message, /decodeTrustToken: token: is not a trust token.*\[INPUT_INVALID\]/);
      assert.ok(!error.message.includes(damaged.slice(0, 20)));
      return error instanceof pulumi.RunError;
    });
  });
});

describe("a function", () => {
  it("is there in both forms", () => {
    for (const name of Object.keys(functions)) {
      assert.equal(typeof Reflect.get(sdk, name), "function");
      assert.equal(typeof Reflect.get(sdk, `${name}Output`), "function");
    }
  });

  it("does not take a connection that was given as undefined for none", async () => {
    await assert.rejects(
      sdk.getServer({ connection: undefined }),
      /connection: names no way in.*\[INPUT_INVALID\]/,
    );
  });

  it("names the property that is wrong", async () => {
    const args = { connection: { socketPath: "relative" } };
    await assert.rejects(sdk.getServer(args), /getServer: connection\.socketPath: must be an absolute path/);
  });

  it("says why a server does not answer", async () => {
    const args = { connection: { socketPath: "/nonexistent/unix.socket" } };
    await assert.rejects(sdk.getServer(args), /No server runs with this socket.*\[LXD_UNREACHABLE\]/);
  });

  it("does not take a component for there, whose resources may not be", async () => {
    const { made } = await registerAll(() => new pulumi.ComponentResource("test:index:Nothing", "nothing"));
    // @ts-expect-error: no component is taken
    const answer = sdk.decodeTrustTokenOutput({ token: tokenOf({}) }, { dependsOn: [made] });
    const settled = Reflect.get(answer, "promise") as () => Promise<unknown>;
    await assert.rejects(settled(), /dependsOn: a component .* name a resource in it/);
  });

  it("costs a program that calls none nothing: the provider's code is not loaded", () => {
    const root = resolve(__dirname, "../..");
    const program = `require("./sdk"); console.log(Object.keys(require.cache).filter((file) => file.startsWith(process.argv[1])).length)`;
    const args = ["-r", "ts-node/register", "-e", program, "--", join(root, "provider/")];
    assert.equal(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" }).trim(), "0");
  });
});
