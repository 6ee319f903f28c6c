/** What the tests of a Remote on real servers stand on: a server of LXD or Incus, and a directory of its real client. */
import { type ClientFlavor, needsClient, runClient } from "./client-command";
import { setStage, type Stage } from "./joined-server";
import { describeWith } from "./skip";

export interface RemoteGround {
  readonly flavor: ClientFlavor;
  /** The server, once the tests run. */
  readonly stage: Stage;
  /** A client directory for the test that runs, which does not exist yet: inputs of a Remote. */
  readonly place: { readonly configDir: string; readonly configFlavor: ClientFlavor };
  /** Runs the real client on that directory, and answers what it printed. */
  readonly client: (...args: readonly string[]) => Promise<string>;
  /** Whether the server trusts the client of that directory, as the real client is told. */
  readonly isTrusted: (remote: string) => Promise<boolean>;
}

/** Declares tests once for LXD and once for Incus. No token is pending when a test begins. */
export function describeOnBoth(title: string, declare: (ground: RemoteGround) => void): void {
  for (const [kind, flavor] of [
    ["lxd-daemon", "lxd"],
    ["incus-daemon", "incus"],
  ] as const) {
    describeWith([kind], `${title}, on a real ${kind}`, () => {
      let stage: Stage | undefined;
      let configDir = "";
      before(needsClient(flavor));
      before(async () => {
        stage = await setStage(kind);
      });
      after(() => stage?.end());
      const ground: RemoteGround = {
        flavor,
        get stage() {
          if (stage === undefined) throw new Error("the server is there only while tests run");
          return stage;
        },
        get place() {
          return { configDir, configFlavor: flavor };
        },
        client: (...args) => runClient(flavor, configDir, ...args),
        isTrusted: async (remote) => {
          const said = await runClient(flavor, configDir, "query", `${remote}:/1.0`);
          return (JSON.parse(said) as { auth: string }).auth === "trusted";
        },
      };
      beforeEach(async () => {
        configDir = ground.stage.newDirectory();
        await ground.stage.view.revokeTokens();
      });
      declare(ground);
    });
  }
}
