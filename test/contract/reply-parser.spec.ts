/** What V8 optimizes in a process that reads many replies, as V8 itself tells it. */
import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { own, trusted, useConnections } from "./connections";

/** Counts down from a number: `(func (export "f") (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`. */
const countdown =
  "0061736d01000000010501" + "60017f00030201000705010166000" + "00a10010e00034020004101" + "6b22000d000b0b";

/** Reads from the server on a port; then counts down in WebAssembly of its own, and waits until V8 has optimized that. */
const program = `
  const { LxdClient } = require("./provider/lxd/client");
  const [port, certificate] = process.argv.slice(1);
  const endpoint = { kind: "https", host: "127.0.0.1", port: Number(port), pin: { certificate } };
  const client = new LxdClient(endpoint, { connect: 20, request: 20 });
  (async () => {
    for (let read = 0; read < 2000; read++) await client.getServer({ fresh: true });
    await client.close();
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from("${countdown}", "hex"))).exports;
    f(10_000_000);
    while (!%IsTurboFanFunction(f)) await new Promise(setImmediate);
  })();
`;

describe("the parser of replies", () => {
  const { listen } = useConnections();

  it("is never optimized, which takes longer and more memory than it is worth; other WebAssembly is", async function () {
    this.timeout(60_000);
    const { port } = await listen(trusted);
    const flags = ["--allow-natives-syntax", "--trace-wasm-compilation-times"];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...flags, "--require", "ts-node/register", "--eval", program, String(port), own.certificate],
      { cwd: resolve(__dirname, "../.."), timeout: 50_000 },
    );
    const optimized = stdout.split("\n").filter((line) => line.includes("TurboFan"));
    assert.equal(optimized.length, 1, stdout);
    assert.match(String(optimized[0]), /#0 using TurboFan, .* bodysize 14 /);
  });
});
