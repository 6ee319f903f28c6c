import * as assert from "node:assert/strict";
import { readStack, type StackResource } from "../../cli/drift/stack";
import { withSecrets } from "../../provider/secrets";
import { makePair } from "../support/openssl-pair";
import { exported, type ExportedResource } from "../support/drift";

const mark = "4dabf18193072939515e22adb298388d";
const secret = (plaintext: unknown): unknown => ({
  [mark]: "1b47061264138c4ac30d75fd1eb44270",
  plaintext: JSON.stringify(plaintext),
});

function listener(more: Record<string, unknown> = {}, name = "server"): ExportedResource {
  const inputs = { address: ":8443" };
  return { name, of: { name: "HttpsAddress", id: "core.https_address", inputs, stored: "{}" }, more };
}

/** The only resource of a stack with this one. */
function only(resource: ExportedResource, options: Parameters<typeof exported>[2] = {}): StackResource {
  const [first, ...others] = readStack(exported("plugin", [resource], options)).resources;
  assert.deepEqual(others, []);
  return first ?? assert.fail("there is none");
}

describe("a stack as Pulumi exports it", () => {
  for (const front of ["dynamic", "plugin"] as const)
    it(`is read with the configuration of its provider, of the ${front} front`, () => {
      const config = { socketPath: "/a/socket", timeouts: { connect: 3 }, address: null };
      const { name, resources, others, notes } = readStack(exported(front, [listener()], { config }));
      assert.equal(name, "fleet/test");
      const [{ inputs, config: found, type, ...one }] = resources as [StackResource];
      assert.deepEqual(
        [type, one.name, one.id, inputs],
        ["HttpsAddress", "server", "core.https_address", { address: ":8443" }],
      );
      assert.deepEqual(found, { socketPath: "/a/socket", timeouts: '{"connect":3}' });
      assert.deepEqual([others, notes], [[], []]);
    });

  it("tells providers of one name apart", () => {
    const stack = exported("plugin", [listener()], { config: { socketPath: "/new" } }) as {
      deployment: { resources: { id?: string; type: string; inputs: unknown }[] };
    };
    const { resources } = stack.deployment;
    const old = resources.find(({ type }) => type === "pulumi:providers:lxd-access");
    resources.push({ ...(old ?? assert.fail()), id: "89abcdef", inputs: { socketPath: "/old" } });
    assert.deepEqual(readStack(stack).resources[0]?.config, { socketPath: "/new" });
  });

  it("leaves out what is to be deleted, only read, or no resource of this package, but knows the first two", () => {
    const stack = readStack(
      exported("plugin", [
        listener({ delete: true }, "old"),
        listener({ external: true }, "read"),
        listener({ custom: false }, "component"),
        listener({ type: "other:index:HttpsAddress" }, "stranger"),
        listener(),
      ]),
    );
    assert.deepEqual(
      stack.resources.map(({ name }) => name),
      ["server"],
    );
    assert.deepEqual(
      stack.others.map(({ name }) => name),
      ["old", "read"],
    );
  });

  it("names a resource as its program does", () => {
    assert.equal(only(listener({}, "a::b$c")).name, "a::b$c");
  });

  it("has resources that this release does not know", () => {
    assert.equal(only(listener({ type: "lxd-access:index:Newer" })).type, "Newer");
  });

  const lines: [position: string | undefined, source: unknown][] = [
    ["project:///index.ts#2,1", { file: "index.ts", line: 2 }],
    ["project:///src/my%20hosts.ts#12", { file: "src/my hosts.ts", line: 12 }],
    ["project:///../other/index.ts#2,1", undefined],
    ["project:///node_modules/pulumi-lxd-access/dist/sdk/onboarding.js#20,3", undefined],
    ["project:///%zz.ts#2", undefined],
    ["file:///index.ts#2", undefined],
    ["project:///index.ts", undefined],
    ["project:///index.ts#0", undefined],
    [undefined, undefined],
  ];
  for (const [sourcePosition, source] of lines)
    it(`says of ${String(sourcePosition)} where that is in the project`, () => {
      assert.deepEqual(only(listener({ sourcePosition })).source, source);
    });

  it("looks for the program's own line behind that of a package", () => {
    const frame = (sourcePosition: string) => ({ sourcePosition });
    const stackTrace = [frame("project:///node_modules/a/b.js#1"), {}, frame("project:///index.ts#7,9")];
    const sourcePosition = "project:///node_modules/a/b.js#1";
    assert.deepEqual(only(listener({ sourcePosition, stackTrace })).source, { file: "index.ts", line: 7 });
  });

  it("says what a run that was cut off was at work on", () => {
    const urn = "urn:pulumi:test::fleet::lxd-access:index:HttpsAddress::server";
    const more = { pending_operations: [{ type: "creating", resource: { urn, type: "x" } }] };
    const { notes } = readStack(exported("plugin", [], { more }));
    assert.equal(notes.length, 1);
    assert.match(
      notes[0] ?? "",
      /^fleet\/test: a run is at work on "creating urn:pulumi:test::fleet::.*::server", or was cut off/,
    );
  });

  it("may be empty, and then has the name that is asked for", () => {
    for (const deployment of [{}, { resources: null }, { resources: [] }]) {
      const stack = readStack({ version: 3, deployment }, "fleet/new");
      assert.deepEqual([stack.name, stack.resources, stack.notes], ["fleet/new", [], []]);
    }
  });

  it("may be of version 4, which says what it makes use of", () => {
    const stack = { ...(exported("plugin", [listener()]) as object), version: 4, features: ["hooks"] };
    assert.equal(readStack(stack).resources.length, 1);
  });

  const broken: [what: string, exported: unknown][] = [
    ["a text", "stack"],
    ["nothing", undefined],
    ["null", null],
    ["a list", []],
    ["no version", { deployment: {} }],
    ["a later version", { version: 5, deployment: {} }],
    ["an older version", { version: 2, deployment: {} }],
    ["no deployment", { version: 3 }],
    ["resources that are no list", { version: 3, deployment: { resources: {} } }],
    ["a resource without a URN", { version: 3, deployment: { resources: [{ type: "a:b:c" }] } }],
  ];
  for (const [what, stack] of broken)
    it(`is refused as no stack: ${what}`, () => {
      assert.throws(
        () => readStack(stack, "fleet/dev"),
        /fleet\/dev: this is no stack .*\[CONFIG_INVALID\]$/,
      );
    });

  it("is refused where its secrets are not shown, or damaged", () => {
    const hidden = { [mark]: "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:abc" };
    const damaged = { [mark]: "1b47061264138c4ac30d75fd1eb44270", plaintext: '"half' };
    for (const address of [hidden, damaged]) {
      const stack = exported("plugin", [listener({ inputs: { address } })]);
      assert.throws(() => readStack(stack), /::server in its stack: a secret in it is .*\[CONFIG_INVALID\]$/);
    }
  });
});

describe("the secrets of an exported stack", () => {
  const secretsIn = (...args: Parameters<typeof exported>): string[] => [
    ...readStack(exported(...args)).secrets,
  ];

  it("are all that the program marked, in resources of other packages too", () => {
    const inputs = { address: secret("10.0.0.99:8443") };
    const found = secretsIn("plugin", [
      listener({ inputs }),
      listener(
        { type: "random:index:Password", outputs: { result: secret({ words: ["swordfish", 7, "ab"] }) } },
        "other",
      ),
    ]);
    assert.deepEqual(found.sort(), ["10.0.0.99:8443", "swordfish"]);
    const plain = only(listener({ inputs })).inputs;
    assert.deepEqual(plain, { address: "10.0.0.99:8443" });
  });

  it("are all that the schema calls secret, even where no one marked it, and what is inside a token", () => {
    const { privateKey } = makePair("admin");
    const token = Buffer.from(
      JSON.stringify({
        client_name: "ci",
        fingerprint: "ab".repeat(32),
        addresses: ["10.0.0.1:8443"],
        secret: "5e1f".repeat(16),
      }),
    ).toString("base64");
    const found = secretsIn("dynamic", [
      listener({ inputs: { connection: { clientKey: privateKey, address: "10.0.0.1" } } }),
      listener({ type: "pulumi-nodejs:dynamic/lxd-access:TrustToken", outputs: { token } }, "invitation"),
    ]);
    assert.ok(found.includes(privateKey.trim()));
    assert.ok(found.includes(token));
    assert.ok(found.includes("5e1f".repeat(16)));
    assert.ok(!found.includes("10.0.0.1"));
  });

  it("are those of the configuration, inside the text of ssh too", () => {
    const { privateKey } = makePair("admin");
    const config = {
      ...{ clientKey: "a key of mine", address: "10.0.0.1" },
      ssh: secret(JSON.stringify({ host: "a-host", privateKey, privateKeyPassphrase: "swordfish" })),
    };
    const found = secretsIn("plugin", [], { config });
    assert.ok(["a key of mine", privateKey.trim(), "swordfish"].every((one) => found.includes(one)));
    assert.ok(!found.includes("10.0.0.1"));
  });

  it("are not what is only beside a secret: hidden outputs, and a connection that is an output of something", () => {
    const connection = { address: "10.0.0.1:8443", clientKey: "a key of mine" };
    const found = secretsIn("plugin", [
      listener({
        inputs: { connection: secret(connection), address: secret("10.0.0.99:8443") },
        outputs: { server: secret({ name: "host-a", fingerprint: "ab" }), connection: secret(connection) },
      }),
    ]);
    assert.deepEqual(found.sort(), ["10.0.0.99:8443", "a key of mine"]);
  });

  it("are found in the form in which the fronts mark them", () => {
    const outputs = withSecrets({ token: "a token" }, [["token"]]);
    const of = {
      name: "TrustToken" as const,
      id: "certificate/ci",
      inputs: {},
      stored: JSON.stringify(outputs),
    };
    assert.deepEqual(secretsIn("plugin", [{ name: "invitation", of }]), ["a token"]);
  });
});
