/** Fifty Remotes of several runs at once in one client directory: alone, and with the real client at work on it. */
import * as assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClientFlavor, needsClient, runClient } from "../support/client-command";
import { ClientLoop } from "../support/faults/client-loop";
import { ConfigWatch, type SeenConfig, wholeConfig } from "../support/faults/config-watch";
import { type Finding, isThorough, itFinds, serverNamed, someOf } from "../support/faults/finding";
import { RemoteCrowd } from "../support/faults/remote-crowd";
import { setStage, type Stage } from "../support/joined-server";
import { describeWith } from "../support/skip";

const size = isThorough ? 50 : 20;
const processes = 4;
const aliases = { ll: "list -c ns" };

type Inputs = Map<string, { name: string; token: string; configDir: string }>;

describe("Client directory, many writers", function () {
  this.timeout(600_000);

  for (const [kind, flavor] of someOf([
    ["lxd-daemon", "lxd"],
    ["incus-daemon", "incus"],
  ] as const)) {
    describeWith([kind], `on a real ${kind}`, () => {
      let stage: Stage;
      let directory: string;
      let crowd: RemoteCrowd;
      let wanted: Inputs;
      before(needsClient(flavor));
      before(async () => {
        stage = await setStage(kind);
      });
      after(() => stage.end());

      const watches: ConfigWatch[] = [];
      /** Ended with the test, if not before. */
      const watchConfig = (): ConfigWatch => {
        const watch = new ConfigWatch(join(directory, "config.yml"));
        watches.push(watch);
        return watch;
      };
      afterEach(() => Promise.all(watches.splice(0).map((watch) => watch.end())));

      beforeEach(async () => {
        directory = stage.newDirectory();
        mkdirSync(directory);
        writeFileSync(join(directory, "config.yml"), newConfig(flavor));
        crowd = new RemoteCrowd(stage.stack.programDirectory, processes);
        wanted = new Map();
        for (let index = 0; index < size; index++) {
          const name = `edge-${index}`;
          wanted.set(name, { name, token: await stage.token(name), configDir: directory });
        }
      });

      const config = (): SeenConfig => wholeConfig(readFileSync(join(directory, "config.yml"), "utf8"));
      const remotes = (): string[] => Object.keys(config().remotes).filter((name) => name !== "local");
      const files = (folder: string): string[] =>
        existsSync(join(directory, folder)) ? readdirSync(join(directory, folder)) : [];
      const finding = (fault: string, happened: string, left: string): Finding => ({
        ...{ kind: "fault", server: serverNamed(kind), happened, left },
        fault: `${size} Remotes of ${processes} processes in one directory, ${fault}`,
      });

      /** What `pulumi up --refresh` does: what is not in the directory as it should be is written anew. */
      async function mend(inputs: Inputs): Promise<number> {
        const keys = [...inputs.keys()];
        const refreshed = await stage.stack.refreshTogether(
          keys.map((key) => crowd.state.get(key) ?? assert.fail(`${key} is not in state`)),
        );
        const undone: Inputs = new Map();
        for (const [index, key] of keys.entries()) {
          const now = refreshed[index] ?? assert.fail(`${key} is gone`);
          crowd.state.set(key, now);
          const its = inputs.get(key);
          if (its !== undefined && (await stage.stack.plan(now, its)) === "update") undone.set(key, its);
        }
        assert.deepEqual(await crowd.up(undone), []);
        return undone.size;
      }

      /** The real client lists each of them, and the server behind it trusts the client. */
      async function areUsable(names: readonly string[]): Promise<void> {
        const listed = JSON.parse(
          await runClient(flavor, directory, "remote", "list", "-f", "json"),
        ) as object;
        assert.deepEqual(
          names.filter((name) => !(name in listed)),
          [],
        );
        const answers = names.map((name) => runClient(flavor, directory, "query", `${name}:/1.0`));
        for (const said of await Promise.all(answers))
          assert.equal((JSON.parse(said) as { auth: string }).auth, "trusted");
      }

      function renamed(): Inputs {
        return new Map([...wanted].map(([key, inputs]) => [key, { ...inputs, name: `${key}-moved` }]));
      }

      const namesOf = (inputs: Inputs): string[] => [...inputs.values()].map(({ name }) => name);

      // Once is enough: what ours do to a directory does not depend on whose it is.
      if (flavor === "incus")
        itFinds("ours alone: nothing is lost at any time, and nothing of others", async () => {
          const watch = watchConfig();
          assert.deepEqual(await crowd.up(wanted), []);
          const made = await watch.end();
          assert.deepEqual(remotes().sort(), namesOf(wanted).sort());

          const moving = watchConfig();
          assert.deepEqual(await crowd.up(renamed()), []);
          const moved = await moving.end();
          assert.deepEqual(remotes().sort(), namesOf(renamed()).sort());
          await areUsable(namesOf(renamed()));

          const leaving = watchConfig();
          assert.deepEqual(await crowd.destroy(), []);
          const left = await leaving.end();

          only("added", made, (before, after) => before.every((name) => after.includes(name)));
          only("moved", moved, (before, after) =>
            before.every((name) => after.some((one) => one.startsWith(name))),
          );
          only("removed", left, (before, after) => after.every((name) => before.includes(name)));
          assert.deepEqual([remotes(), files("servercerts"), files("clientcerts")], [[], [], []]);
          assert.deepEqual([config().aliases, config()["x-unknown"]], [aliases, [1, "two"]]);
          assert.deepEqual(await clientsLeft(), []);
          return finding(
            "made, renamed and destroyed",
            "all went well; each state of config.yml is whole, and no entry is missing from any",
            "no entry, pin or key; no client trusted; aliases and unknown keys of others",
          );
        });

      itFinds("ours and the real client in a loop: what it undoes is redone", async () => {
        const watch = watchConfig();
        await besideTheClient(() => crowd.up(wanted));
        await mend(wanted);
        assert.deepEqual(
          namesOf(wanted).filter((name) => !remotes().includes(name)),
          [],
        );

        if (flavor === "lxd") {
          await besideTheClient(() => crowd.up(renamed()));
          await mend(renamed());
        }
        await areUsable(namesOf(flavor === "lxd" ? renamed() : wanted));

        await besideTheClient(() => crowd.destroy());
        for (const text of await watch.end()) if (text !== "" && !isCut(text)) wholeConfig(text);
        assert.deepEqual([files("servercerts"), files("clientcerts")], [[], []]);
        // Nobody else's is there but what the client itself wrote back: it had read the file before ours left.
        for (const name of remotes()) await runClient(flavor, directory, "remote", "remove", name);
        assert.deepEqual([remotes(), config().aliases], [[], aliases]);
        assert.deepEqual(await clientsLeft(), []);
        return finding(
          `made, ${flavor === "lxd" ? "renamed " : ""}and destroyed while the real client adds, switches and removes a remote in a loop`,
          "all went well; what the client had undone, if anything, the next up did again",
          "no pin or key; no client trusted; aliases of others; entries only where the client wrote them back",
        );
      });

      async function besideTheClient(work: () => Promise<string[]>): Promise<void> {
        const loop = new ClientLoop(flavor, directory);
        try {
          assert.deepEqual(await work(), []);
        } finally {
          await loop.end();
        }
        assert.ok(loop.runs > 0);
      }

      async function clientsLeft(): Promise<string[]> {
        return (await stage.view.clients()).map(({ name }) => name);
      }
    });
  }
});

/** From each state that was seen to the next one. */
function only(
  what: string,
  texts: readonly string[],
  isRight: (before: readonly string[], after: readonly string[]) => boolean,
): void {
  const states = texts.map((text) => Object.keys(wholeConfig(text).remotes));
  assert.ok(states.length > size / 2, `only ${states.length} states were seen while remotes were ${what}`);
  for (const [index, after] of states.entries())
    assert.ok(
      isRight(states[index - 1] ?? after, after),
      `not only ${what}: ${String(states[index - 1])} to ${String(after)}`,
    );
}

/** Whether it is what a client had written of a file when it was looked at: it fills it page by page. */
function isCut(text: string): boolean {
  return Buffer.byteLength(text) % 4096 === 0;
}

/** What a client of this flavor begins with, and something of others. */
function newConfig(flavor: ClientFlavor): string {
  const protocol = flavor === "incus" ? "    protocol: incus\n" : "";
  return `default-remote: local
remotes:
  local:
    addr: unix://
${protocol}    public: false
aliases:
  ll: ${aliases.ll}
x-unknown: [1, two]
`;
}
