/**
 * How undici's parser of replies is compiled. It is WebAssembly, which V8 compiles plainly at first, and again with
 * optimizations once much of it has run. Of this parser that takes 0.1 s of a processor and 30 MB, it is due after a reply or
 * two, and a run never reads as much as would make up for it.
 */
import type { Duplex } from "node:stream";
import { setFlagsFromString } from "node:v8";
import type { Connect } from "./forwarded-connector";

/** How long functions run before they are optimized, roughly in bytes of code: for ever, and as V8 has it. */
const budgets = { never: 2 ** 31 - 1, usual: 13_000_000 };

let isMade = false;

/** Gives undici a connection by its `callback`. With its first one it makes its parser, at once; what else is compiled is not touched. */
export function giveConnection(stream: Duplex | null, callback: Parameters<Connect>[1]): void {
  if (isMade) {
    callback(null, stream);
    return;
  }
  isMade = true;
  setFlagsFromString(`--wasm-tiering-budget=${budgets.never}`);
  try {
    callback(null, stream);
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${budgets.usual}`);
  }
}
