/** listRemotes and getDefaultRemote, beside what the real `lxc remote list` and `incus remote list` say. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getDefaultRemote } from "../../provider/functions/get-default-remote";
import { listRemotes } from "../../provider/functions/list-remotes";
import type { Context } from "../../provider/handler";
import { needsClient, runClient } from "../support/client-command";

/** A row of `remote list -f json`. */
interface Row {
  Addr: string;
  Project: string;
  Protocol: string;
  Public: boolean;
  Static: boolean;
}

const context: Context = {
  connect: () => assert.fail("no server is asked"),
  client: () => assert.fail("no server is asked"),
  claim: () => assert.fail("nothing is made"),
  isClaimed: () => assert.fail("nothing is made"),
  onUnreachable: "fail",
  programDirectory: tmpdir(),
  usualConfigDirs: () => assert.fail("the directory is named"),
  now: () => new Date(),
  log: () => undefined,
};

const config = `default-remote: prod
remotes:
  local: {addr: "https://127.0.0.1:1", public: false, project: mine}
  ubuntu-daily: {addr: "https://127.0.0.1:2", public: true, project: other}
  prod: {addr: "https://127.0.0.1:3", public: false, project: web}
  single: {addr: "https://127.0.0.1:4", auth_type: oidc, public: false}
  shop: {addr: "https://127.0.0.1:5", public: true}
  mirror: {addr: "https://127.0.0.1:6/x", protocol: simplestreams, public: true}
  odd: {addr: "https://127.0.0.1:7", protocol: simplestreams}
  socket: {addr: "unix:///nowhere", public: false}
  "1_000": {addr: "https://127.0.0.1:8"}
  Zeta: {addr: "https://127.0.0.1:9", auth_type: tls, public: true}
  constructor: {addr: "https://127.0.0.1:10"}
  empty:
`;

for (const flavor of ["lxd", "incus"] as const) {
  describe(`the remotes of a client directory, as the real client of ${flavor} lists them`, () => {
    let configDir: string;

    before(needsClient(flavor));
    beforeEach(() => {
      configDir = mkdtempSync(join(tmpdir(), "lxa-list-"));
    });
    afterEach(() => {
      rmSync(configDir, { recursive: true });
    });

    const given = (text: string): void => {
      writeFileSync(join(configDir, "config.yml"), text);
    };
    const ours = () => listRemotes.call(context, { configDir, configFlavor: flavor });

    /** As the client shows it: the columns of its table, and the project, which only its JSON has. */
    async function theirs(): Promise<Record<string, object>> {
      const json = await runClient(flavor, configDir, "remote", "list", "-f", "json");
      const table = await runClient(flavor, configDir, "remote", "list", "-f", "csv");
      const rows = table
        .trim()
        .split("\n")
        .map((line) => line.split(","));
      return Object.fromEntries(
        rows.map(([column = "", address, protocol, authType, isPublic, isStatic]) => {
          const name = column.replace(/ \(current\)$/, "");
          const { Project: project } = (JSON.parse(json) as Record<string, Row>)[name] ?? assert.fail(name);
          const row = {
            ...{ name, address, protocol, authType },
            ...{ public: isPublic === "YES", static: isStatic === "YES", default: column !== name },
          };
          return [name, project === "" ? row : { ...row, project }];
        }),
      );
    }

    /** What only some versions of `lxc` have built in, or begin with, is not claimed of all; nor what leads nowhere. */
    async function compare(): Promise<void> {
      const { remotes } = await ours();
      const expected = await theirs();
      const own = flavor === "lxd" ? ["images", "ubuntu-minimal", "ubuntu-minimal-daily"] : [];
      const unclaimed = ["empty", ...own.filter((name) => !remotes.some((remote) => remote.name === name))];
      const sorted = remotes.map(({ name }) => name).sort();
      assert.deepEqual(
        remotes.map(({ name }) => name),
        sorted,
      );
      const known = remotes.map((remote) => [remote.name, JSON.parse(JSON.stringify(remote)) as object]);
      const claimed = Object.entries(expected).filter(([name]) => !unclaimed.includes(name));
      assert.deepEqual(Object.fromEntries(known), Object.fromEntries(claimed));
    }

    it("of a directory that holds everything", async () => {
      given(config);
      await compare();
      const remote = await getDefaultRemote.call(context, { configDir, configFlavor: flavor });
      const expected = { name: "prod", address: "https://127.0.0.1:3", protocol: flavor, project: "web" };
      assert.deepEqual(remote, expected);
      assert.equal(await runClient(flavor, configDir, "remote", "get-default"), "prod\n");
    });

    it("of one that is empty, and one that is not there", async () => {
      const { remotes } = await ours();
      await compare();
      const nowhere = { configDir: join(configDir, "none"), configFlavor: flavor };
      assert.deepEqual(await listRemotes.call(context, nowhere), { remotes });
      const local = { name: "local", address: "unix://", protocol: flavor, project: undefined };
      assert.deepEqual(await getDefaultRemote.call(context, nowhere), local);
    });

    it("of one without a remote, whose default leads nowhere", async () => {
      given("default-remote: gone\n");
      await compare();
      const remote = await getDefaultRemote.call(context, { configDir, configFlavor: flavor });
      const expected = { name: "gone", address: undefined, protocol: undefined, project: undefined };
      assert.deepEqual(remote, expected);
      assert.equal(await runClient(flavor, configDir, "remote", "get-default"), "gone\n");
    });

    it("of the directory that the client uses where none is named", async () => {
      const variable = flavor === "lxd" ? "LXD_CONF" : "INCUS_CONF";
      const before = process.env[variable];
      given(config);
      try {
        process.env[variable] = configDir;
        assert.deepEqual(await listRemotes.call(context, { configFlavor: flavor }), await ours());
        assert.equal((await getDefaultRemote.call(context, { configFlavor: flavor })).name, "prod");
      } finally {
        if (before === undefined) Reflect.deleteProperty(process.env, variable);
        else process.env[variable] = before;
      }
    });

    it("of a directory that says itself whose it is", async () => {
      given(
        `default-remote: local\nremotes:\n  local: {addr: "unix://"${flavor === "incus" ? ", protocol: incus" : ""}}\n`,
      );
      assert.deepEqual(await listRemotes.call(context, { configDir }), await ours());
    });

    it("a file that cannot be read is an error that names it", async () => {
      given("remotes: [1, 2]\n");
      await assert.rejects(
        ours(),
        /Listing the remotes of .*config\.yml has something else.*\[CLIENT_CONFIG\]/s,
      );
      writeFileSync(join(configDir, "file"), "");
      const file = { configDir: join(configDir, "file"), configFlavor: flavor };
      await assert.rejects(getDefaultRemote.call(context, file), /is not a directory.*\[CLIENT_CONFIG\]/s);
    });
  });
}
