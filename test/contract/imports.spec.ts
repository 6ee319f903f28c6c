/** Imports from a double of each version, and what a real server does not do at will. */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Double, profileNames, startDouble } from "../support/double/double";
import { describeImports } from "../support/import-cases";
import { Importer, useImportStage } from "../support/importing";
import { rawRequest } from "../support/raw-request";
import { type ServerView, viewOf } from "../support/server-view";

for (const profile of profileNames) {
  describe(`an import from the double of ${profile}`, () => {
    describeImports(profile, async ({ stack, server }, configDir, name, token) => {
      await stack.create("Remote", { name, token, configDir, configFlavor: server.flavor });
    });
  });
}

describe("an import from a server", () => {
  let double: Double;
  let view: ServerView;
  let importer: Importer;
  beforeEach(async () => {
    double = await startDouble("lxd-6", { speed: 5, name: "a" });
    view = viewOf(double);
    importer = new Importer(mkdtempSync(join(tmpdir(), "lxa-import-")));
    importer.config = { socketPath: double.socketPath };
  });
  afterEach(async () => {
    rmSync(importer.folder, { recursive: true });
    await double.stop();
  });

  /** From now on it answers such a request otherwise than it did. */
  async function answers(path: RegExp, asked: string, change: (metadata: Shown) => void): Promise<void> {
    const { body } = await rawRequest(double, "GET", asked);
    change(body.metadata as Shown);
    double.intercept((request) =>
      request.method === "GET" && path.test(request.path) ? { status: 200, body: { ...body } } : undefined,
    );
  }

  it("that holds an address which it does not have says that the address moves between hosts", async () => {
    await view.listen();
    await answers(/^\/1\.0$/, "/1.0", ({ config }) => {
      config["core.https_address"] = "198.51.100.77:8443";
    });
    const found = await importer.take("HttpsAddress", "core.https_address");
    assert.deepEqual(found.args, { address: "198.51.100.77:8443", floating: true });
  });

  it("that holds an address which no program can say is refused", async () => {
    await view.setAddress("127.0.0.1:0");
    const message = await importer.refusal("HttpsAddress", "core.https_address");
    assert.match(
      message,
      /cannot be imported, since no program can say what it is: address must name a port/,
    );
  });

  it("that was left with the address of a change which was cut off finds nothing", async () => {
    await view.setAddress("127.76.88.68:0");
    await importer.findsNothing("HttpsAddress", "core.https_address");
  });

  it("that is clustered asks for the member, and lists those that there are", async () => {
    const address = await view.listen();
    const { body } = await rawRequest(double, "GET", "/1.0");
    const shown = body.metadata as Shown;
    shown.environment["server_clustered"] = true;
    const reply = (status: number, metadata: unknown, error = "") => ({
      status,
      body: {
        ...body,
        ...(status === 200 ? { metadata } : { type: "error" as const, error, error_code: status }),
      },
    });
    double.intercept(({ method, path }) => {
      if (method !== "GET") return undefined;
      if (path.startsWith("/1.0/cluster/members"))
        return reply(200, [
          { server_name: "a", status: "Online" },
          { server_name: "b", status: "Online" },
        ]);
      if (/^\/1\.0(\?target=a)?$/.test(path)) return reply(200, shown);
      return path.startsWith("/1.0?target=") ? reply(404, undefined, "Cluster member not found") : undefined;
    });
    assert.match(
      await importer.refusal("HttpsAddress", "core.https_address"),
      /is clustered and every member has a listener of its own\. Name one of "a", "b" \[INPUT_INVALID\]/,
    );
    assert.match(
      await importer.refusal("HttpsAddress", "core.https_address@c"),
      /has no member "c"\. It has "a", "b" \[INPUT_INVALID\]/,
    );
    const found = await importer.take("HttpsAddress", "core.https_address@a");
    assert.deepEqual(found.args, { address, target: "a" });
  });

  it("that does not show the secret of a token is refused", async () => {
    await view.listen();
    await view.issueToken("ci", { restricted: false, projects: [] });
    await answers(/^\/1\.0\/operations/, "/1.0/operations?recursion=1", ({ running = [] }) => {
      for (const { metadata } of running) delete metadata["secret"];
    });
    const message = await importer.refusal("TrustToken", "certificate/ci");
    assert.match(message, /does not show this client the secret of the token .*\[LXD_NOT_TRUSTED\]/s);
  });

  it("on which a token has expired says so: the next update issues another one", async () => {
    await view.listen();
    await view.issueToken("ci", { restricted: false, projects: [] });
    await answers(/^\/1\.0\/operations/, "/1.0/operations?recursion=1", ({ running = [] }) => {
      for (const { metadata } of running) metadata["expiresAt"] = "2020-01-01T00:00:00Z";
    });
    await assert.rejects(importer.take("TrustToken", "certificate/ci"), /\+ *'incomplete'/);
  });

  it("takes an administrator with projects that mean nothing as an administrator", async () => {
    await answers(/^\/1\.0\/certificates/, "/1.0/certificates?recursion=1", () => undefined);
    const entry = { name: "boss", type: "client", restricted: false, projects: ["default"] };
    const metadata = [{ ...entry, certificate: "", fingerprint: "ab".repeat(32) }];
    double.intercept(({ path }) =>
      path.startsWith("/1.0/certificates")
        ? { status: 200, body: { type: "sync", status: "Success", status_code: 200, metadata } }
        : undefined,
    );
    const found = await importer.take("TrustToken", "certificate/boss");
    assert.deepEqual([found.args["restricted"], found.args["projects"]], [false, undefined]);
  });

  it("asks once for all that are imported at the same time, and only reads", async () => {
    await view.listen();
    const names = Array.from({ length: 20 }, (_, index) => `client-${index}`);
    for (const name of names) await view.issueToken(name, { restricted: true, projects: [] });
    const ids = names.map((name) => `certificate/${name}`);
    const before = double.requests.length;
    assert.deepEqual(await importer.takeTogether("TrustToken", ids), ids);
    const asked = double.requests.slice(before).map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(asked.sort(), [
      ...["GET /1.0", "GET /1.0/certificates?recursion=1", "GET /1.0/operations?recursion=1"],
    ]);
  });

  it("of which the configuration is hidden from the client is refused", async () => {
    await view.listen();
    await answers(/^\/1\.0$/, "/1.0", (shown) => {
      Reflect.deleteProperty(shown, "config");
    });
    for (const [name, id] of [
      ["HttpsAddress", "core.https_address"],
      ["TrustToken", "certificate/ci"],
    ] as const)
      assert.match(
        await importer.refusal(name, id),
        /does not show its configuration .*\[LXD_NOT_TRUSTED\]/s,
      );
  });

  it("that is not there is an error, and never nothing", async () => {
    importer.config = { socketPath: join(importer.folder, "nobody") };
    assert.match(await importer.refusal("HttpsAddress", "core.https_address"), /\[LXD_UNREACHABLE\]/);
  });
});

/** Ids of a wrong form are refused with the right one, and none of them leads anywhere. */
describe("ids of what is imported", () => {
  let importer: Importer;
  beforeEach(() => {
    importer = new Importer(mkdtempSync(join(tmpdir(), "lxa-import-")));
    // No id of a wrong form leads to a server.
    importer.config = { socketPath: "/nonexistent" };
  });
  afterEach(() => {
    rmSync(importer.folder, { recursive: true });
  });

  const forms = {
    HttpsAddress: /\[REMOTE:\]core\.https_address\[@MEMBER\]/,
    TrustToken: /\[REMOTE:\]certificate\/NAME\[\/FINGERPRINT\] or \[REMOTE:\]identity\/NAME/,
    Remote: /NAME\[:CLIENT_DIRECTORY\]/,
    ClientCertificate: /FOLDER .* or FILE\.crt/,
  } as const;
  const everywhere = ["", "a\nb", "\u001b[31m", "\u0000", "x".repeat(10_000), "\ud800"];
  const wrong: Record<keyof typeof forms, readonly string[]> = {
    HttpsAddress: [
      ...["..", "core.https_address@", "core.https_address@a\n", "CORE.HTTPS_ADDRESS", "core.https_addressx"],
      ...[
        ":core.https_address",
        "../x:core.https_address",
        "-x:core.https_address",
        "certificate/ci",
        "prod",
      ],
    ],
    TrustToken: [
      ...[
        "..",
        "certificate",
        "certificate/",
        "certificate//",
        "identity/",
        "certificate/ci/",
        "certificate/ci/x",
      ],
      ...[`certificate/ci/${"a".repeat(63)}`, "core.https_address", ":certificate/ci", "token/ci", "prod"],
    ],
    Remote: [
      "..",
      ".",
      "-x",
      "~x",
      "prod:",
      ":client",
      "a/b",
      "a\\b",
      "certificate/ci",
      "prod:~x/y",
      "<<",
      "a b",
    ],
    ClientCertificate: ["~x/client"],
  };
  for (const [name, form] of Object.entries(forms) as [keyof typeof forms, RegExp][])
    it(`knows ids of another form from those of a resource ${name}`, async () => {
      for (const id of [...everywhere, ...wrong[name]]) {
        const message = await importer.refusal(name, id);
        assert.match(message, /\[INPUT_INVALID\]$/, id);
        assert.match(message, form, id);
        assert.ok(message.length < 400 && !/\p{Cc}/u.test(message), id);
      }
    });

  it("finds no remote and no pair where another resource's id is given for one", async () => {
    importer.environment = { LXD_CONF: "nowhere", INCUS_CONF: "nowhere" };
    await importer.findsNothing("Remote", "core.https_address");
    for (const id of ["core.https_address", "certificate/ci", "..", "prod", "/"])
      await importer.findsNothing("ClientCertificate", id);
  });
});

describe("the client directory of a Remote that is imported by its name alone", () => {
  const { HOME } = process.env;
  let importer: Importer;
  beforeEach(() => {
    importer = new Importer(mkdtempSync(join(tmpdir(), "lxa-import-")));
    process.env["HOME"] = importer.folder;
  });
  afterEach(() => {
    process.env["HOME"] = HOME;
    rmSync(importer.folder, { recursive: true });
  });

  /** Writes a directory with the remote of an image server, which is never dialled. */
  const has = (directory: string, name: string): void => {
    mkdirSync(join(importer.folder, directory), { recursive: true });
    const text = `remotes:\n  ${name}: {addr: "https://example.org", protocol: simplestreams, public: true}\n`;
    writeFileSync(join(importer.folder, directory, "config.yml"), text);
  };
  const configDirOf = async (name: string): Promise<unknown> =>
    (await importer.take("Remote", name)).args["configDir"];

  it("is that of lxc, else that of incus, as every machine can write it", async () => {
    has(".config/incus", "both");
    assert.equal(await configDirOf("both"), "~/.config/incus");
    has(".config/lxc", "both");
    assert.equal(await configDirOf("both"), "~/.config/lxc");
    has("snap/lxd/common/config", "both");
    assert.equal(await configDirOf("both"), "~/snap/lxd/common/config");
    importer.environment = { LXD_CONF: "mine" };
    has("mine", "both");
    assert.equal(await configDirOf("both"), "mine");
  });

  it("is one of incus for a name that lxc defines itself, and the program says so", async () => {
    has(".config/lxc", "images");
    has(".config/incus", "images");
    importer.environment = { LXD_CONF: ".config/lxc", INCUS_CONF: ".config/incus" };
    mkdirSync(join(importer.folder, ".config/incus/clientcerts"));
    const { args } = await importer.take("Remote", "images");
    assert.deepEqual([args["configDir"], args["configFlavor"]], [".config/incus", "incus"]);
  });

  it("is the one that the environment names for connections, unless stack config does", async () => {
    has("one", "x");
    has("two", "x");
    importer.environment = { LXD_ACCESS_CONFIG_DIR: "one" };
    assert.equal(await configDirOf("x"), "one");
    importer.config = { configDir: "two" };
    assert.equal(await configDirOf("x"), "two");
  });
});

describe("the entry of a Remote that was imported", () => {
  const on = useImportStage("incus-6.0");

  it("keeps all that its client wrote when something else is changed", async () => {
    await on.view.listen();
    const token = await on.view.issueToken("ci", { restricted: false, projects: [] });
    const joined = { name: "prod", token, configDir: "client", configFlavor: "incus" };
    await on.stack.create("Remote", joined);
    const file = join(on.importer.folder, "client", "config.yml");
    const several = `https://127.0.0.1:1,https://${await on.view.address()}/`;
    const entry = `  prod: { addr: "${several}", protocol: incus, public: false }\n`;
    writeFileSync(
      file,
      `default-remote: local\nremotes:\n  local: {addr: "unix://", protocol: incus}\n${entry}`,
    );
    const { name, id, args, state } = await on.importer.take("Remote", "prod:client");
    const before = { name, id, inputs: args, outputs: state, stored: "" };
    const changed = await on.stack.update(before, { ...args, setDefault: true });
    const text = readFileSync(file, "utf8");
    assert.match(text, /^default-remote: "?prod/m);
    assert.ok(text.includes(entry.trim()), text);
    const refreshed = (await on.stack.refresh(changed)) ?? assert.fail("it is there");
    assert.equal(await on.stack.plan(refreshed, { ...args, setDefault: true }), "same");
  });
});

type Shown = Record<"config" | "environment", Record<string, unknown>> & {
  running?: { metadata: Record<string, unknown> }[];
};
