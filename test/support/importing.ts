/** Imports of what exists already, by a handler as the plugin calls it, with what has to hold for each of them. */
import * as assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../../provider/handler";
import { ClientPool } from "../../provider/lxd/pool";
import { type AnyHandler, contextFor, handlers, type ResourceName } from "../../provider/registry";
import { reset } from "./facts/reset";
import { rawRequest } from "./raw-request";
import { type ServerView, viewOf } from "./server-view";
import { type ServerKind, startServer, type TestServer } from "./servers";
import { Stack } from "./stack";

type Properties = Record<string, unknown>;

/** What was imported, as the engine is told it. */
export interface Taken {
  readonly name: ResourceName;
  readonly id: string;
  readonly args: Properties;
  readonly state: Properties;
}

/** Imports from one place, with stack config that leads to it. */
export class Importer {
  /** What the provider told the user. */
  readonly messages: string[] = [];
  /** The clock that the provider sees. */
  now = (): Date => new Date();
  config: Record<string, string> = {};
  environment: NodeJS.ProcessEnv = {};

  /** `lookAtServer` answers all that an import could change there. */
  constructor(
    readonly folder: string,
    private readonly lookAtServer: () => Promise<unknown> = () => Promise.resolve(),
  ) {}

  /**
   * Imports what is there: nothing changes, the inputs pass the check, neither a preview nor a refresh finds anything to do, and
   * a second import answers the same.
   */
  async take(name: ResourceName, id: string): Promise<Taken> {
    const handler: AnyHandler = handlers[name];
    const [first, second] = await this.unchanged(async (context) => [
      await handler.import(context, id),
      await handler.import(context, id),
    ]);
    if (first === undefined) assert.fail(`there is no ${name} ${id}`);
    assert.deepEqual(second, first, "a second import answers the same");
    // A key is read from files that may change, and deleting it does nothing.
    if (name !== "ClientCertificate")
      assert.equal(first.id, id, "the option `import` in a program means the same resource");
    const taken = { name, id: first.id, args: wire(first.args), state: wire(first.state) };
    assert.deepEqual(await new Stack(this.folder).mistakes(name, taken.args), []);
    this.inSync(taken);
    assert.deepEqual(await this.read(taken), taken.state, "a refresh right after finds it as it is");
    return taken;
  }

  /** Imports several at once, as one run of the engine does: the ids that they get. */
  async takeTogether(name: ResourceName, ids: readonly string[]): Promise<string[]> {
    const handler: AnyHandler = handlers[name];
    return this.unchanged((context) =>
      Promise.all(ids.map(async (id) => (await handler.import(context, id))?.id ?? "")),
    );
  }

  /** An import for which there is nothing. */
  async findsNothing(name: ResourceName, id: string): Promise<void> {
    const handler: AnyHandler = handlers[name];
    assert.equal(await this.unchanged((context) => handler.import(context, id)), undefined);
  }

  /** An import that is refused: the message. */
  async refusal(name: ResourceName, id: string): Promise<string> {
    const handler: AnyHandler = handlers[name];
    return this.unchanged((context) =>
      handler.import(context, id).then(
        () => assert.fail(`importing ${name} ${id} was to be refused`),
        (error: unknown) => String(error),
      ),
    );
  }

  /** The state after a refresh; undefined where it is gone. */
  async read({ name, id, state }: Taken): Promise<Properties | undefined> {
    const handler: AnyHandler = handlers[name];
    const found = await this.with((context) => handler.read(context, id, handler.state.parse(state)));
    return found && wire(found);
  }

  /** A preview of a program with these inputs finds nothing to do. */
  inSync({ name, args, state }: Taken): void {
    const handler: AnyHandler = handlers[name];
    const { changed } = handler.diff(handler.state.parse(state), args, this.now());
    assert.deepEqual(changed, [], "a program with these inputs finds nothing to do");
  }

  async destroy({ name, id, state }: Taken): Promise<void> {
    const handler: AnyHandler = handlers[name];
    await this.with((context) => handler.delete(context, id, handler.state.parse(state)));
  }

  /** A run that imports it and deletes the one of before, as where the program has it under another name: nothing changes. */
  async movesTo(id: string, { name, id: before, state }: Taken): Promise<void> {
    const handler: AnyHandler = handlers[name];
    await this.unchanged(async (context) => {
      await handler.import(context, id);
      await handler.delete(context, before, handler.state.parse(state));
    }, "content");
  }

  /** Destroys what was imported, which changes nothing. */
  async destroyLeavesAll(taken: Taken): Promise<void> {
    await this.unchanged(() => this.destroy(taken), "content");
  }

  /** A create with the imported inputs records what was imported. */
  async isAsCreated({ name, args, state }: Taken): Promise<void> {
    const stack = new Stack(this.folder);
    stack.config = this.config;
    const made = await this.unchanged(() => stack.create(name, args), "content");
    const present = Object.entries(made.outputs).filter(([, value]) => value !== null);
    assert.deepEqual(state, Object.fromEntries(present), "as a create would have recorded it");
  }

  /** Of folders an import leaves even the time of the last change; others may take their locks. */
  private async unchanged<Result>(
    act: (context: Context) => Promise<Result>,
    what: "all" | "content" = "all",
  ): Promise<Result> {
    const look = async (): Promise<unknown> => [await this.lookAtServer(), filesIn(this.folder, what)];
    const before = await look();
    const result = await this.with(act);
    assert.deepEqual(await look(), before, "nothing changed");
    return result;
  }

  private async with<Result>(act: (context: Context) => Promise<Result>): Promise<Result> {
    const pool = new ClientPool();
    const { config, environment, folder: programDirectory, now } = this;
    const log = (level: string, message: string): void => void this.messages.push(`${level}: ${message}`);
    try {
      return await act(contextFor({ config, environment, programDirectory, now, log }, pool));
    } finally {
      await pool.close();
    }
  }
}

/** A server to import from, and an importer that stack config leads to it. */
export interface ImportStage {
  readonly server: TestServer;
  readonly view: ServerView;
  readonly importer: Importer;
  readonly stack: Stack;
  /** Whether names of clients are unique there, and there are TLS identities. */
  readonly hasIdentities: boolean;
}

/** A stage for each test of the surrounding `describe`, there while the test runs; on one server, which is reset in between. */
export function useImportStage(kind: ServerKind): ImportStage {
  let server: TestServer | undefined;
  let stage: ImportStage | undefined;
  before(async () => {
    server = await startServer(kind);
  });
  after(() => server?.stop());
  beforeEach(async () => {
    assert.ok(server !== undefined);
    stage = await stageOn(server);
  });
  afterEach(async () => {
    if (stage === undefined) return;
    rmSync(stage.importer.folder, { recursive: true });
    await reset(stage.server.socketPath);
    stage = undefined;
  });
  const now = (): ImportStage => stage ?? assert.fail("the server is there only while tests run");
  return {
    get server() {
      return now().server;
    },
    get view() {
      return now().view;
    },
    get importer() {
      return now().importer;
    },
    get stack() {
      return now().stack;
    },
    get hasIdentities() {
      return now().hasIdentities;
    },
  };
}

async function stageOn(server: TestServer): Promise<ImportStage> {
  const { socketPath } = server;
  const folder = mkdtempSync(join(tmpdir(), "lxa-import-"));
  const view = viewOf(server);
  const { api_extensions: extensions } = (await view.request("GET", "/1.0")) as { api_extensions: string[] };
  const hasIdentities = extensions.includes("access_management_tls");
  const importer = new Importer(folder, () => serverAsItIs(socketPath, hasIdentities));
  importer.config = { socketPath };
  const stack = new Stack(folder);
  stack.config = { socketPath };
  return { server, view, importer, stack, hasIdentities };
}

/** All that an import could change on a server, as its own API tells. */
async function serverAsItIs(socketPath: string, hasIdentities: boolean): Promise<unknown> {
  const paths = [
    ...["/1.0/certificates?recursion=1", "/1.0/projects"],
    ...(hasIdentities ? ["/1.0/auth/identities/tls?recursion=1", "/1.0/auth/groups?recursion=1"] : []),
  ];
  const ask = async (path: string): Promise<unknown> =>
    (await rawRequest({ socketPath }, "GET", path)).body.metadata;
  const { config } = (await ask("/1.0")) as { config: unknown };
  const operations = (await ask("/1.0/operations?recursion=1")) as Record<string, { class: string }[]>;
  const tokens = (operations["running"] ?? []).filter((operation) => operation.class === "token");
  return { config, tokens, rest: await Promise.all(paths.map(ask)) };
}

/** Every file below a folder: what is in it, and when it was written; of folders their time only with "all". */
function filesIn(folder: string, what: "all" | "content"): unknown {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => {
      const found = statSync(path);
      if (found.isFile()) return [path, found.mtimeMs, readFileSync(path, "utf8")];
      return what === "all" ? [path, found.mtimeMs] : [path];
    });
}

/** The wire carries plain JSON, so undefined members vanish. */
function wire(value: object): Properties {
  return JSON.parse(JSON.stringify(value)) as Properties;
}
