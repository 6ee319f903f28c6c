/** Which stack traces are taken while a resource is made: all that tell something, with the mapping to sources that is set up. */
import * as assert from "node:assert/strict";
import { basename } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "../../sdk";
import { register } from "../support/registrations";

const makers = {
  ClientCertificate: () => new ClientCertificate("key"),
  HttpsAddress: () => new HttpsAddress("listener", { address: "127.0.0.1" }),
  Remote: () => new Remote("prod", { token: "a token" }),
  TrustToken: () => new TrustToken("ci", { clientName: "ci", projects: [] }),
};

describe("the stack traces that are mapped to sources while a resource is made", () => {
  const setUp: unknown = current();
  /** The innermost function of each. */
  let mapped: string[];
  const format = (error: Error, frames: readonly NodeJS.CallSite[]): string => {
    mapped.push(frames[0]?.getFunctionName() ?? "");
    const places = frames.map((frame) =>
      [frame.getFileName(), frame.getLineNumber(), frame.getColumnNumber()].join(":"),
    );
    return [String(error), ...places.map((place) => `    at somewhere (${place})`)].join("\n");
  };

  beforeEach(() => {
    mapped = [];
    use(format);
  });
  afterEach(() => {
    use(setUp);
    delete process.env["PULUMI_DEBUG_PROMISE_LEAKS"];
  });

  /** What is mapped while the resource is made, and what the engine was told of it. */
  const make = async (maker: () => pulumi.CustomResource): Promise<{ traces: string[]; source: string }> => {
    let traces: string[] = [];
    const { registration } = await register(() => {
      mapped = [];
      const made = maker();
      traces = [...mapped];
      return made;
    });
    return { traces, source: registration.source };
  };

  for (const [name, maker] of Object.entries(makers)) {
    it(`${name}: are none of Pulumi's promises, and the engine is told where it stands in the program`, async () => {
      const { traces, source } = await make(maker);
      assert.ok(traces.length > 0 && !traces.includes("debuggablePromise"), traces.join());
      assert.equal(basename(source), basename(__filename));
      assert.equal(current(), format);
    });
  }

  it("are those of the promises too, where Pulumi is to look for promises that never end", async () => {
    process.env["PULUMI_DEBUG_PROMISE_LEAKS"] = "1";
    assert.ok((await make(makers.TrustToken)).traces.includes("debuggablePromise"));
  });

  it("are as before where a resource is refused", () => {
    const refused = (): unknown =>
      new TrustToken("ci", { clientName: "ci", projects: [] }, { import: "an id" });
    assert.throws(refused, /import/);
    assert.equal(current(), format);
  });

  it("are from then on as code of the program sets up that runs in between", async () => {
    const another = (error: Error): string => String(error);
    const transform = (): undefined => {
      use(another);
    };
    await make(
      () => new TrustToken("ci", { clientName: "ci", projects: [] }, { transformations: [transform] }),
    );
    assert.equal(current(), another);
  });

  for (const nothing of [undefined, null])
    it(`are nobody's business where nothing maps them (${String(nothing)})`, async () => {
      use(nothing);
      await make(makers.Remote);
      assert.equal(current(), nothing);
    });
});

/** What makes the text of a trace. */
function current(): unknown {
  return Reflect.get(Error, "prepareStackTrace");
}

function use(format: unknown): void {
  Reflect.set(Error, "prepareStackTrace", format);
}
