/**
 * How undici's parser of replies is compiled. It is WebAssembly, which V8 compiles plainly and function by function, and again
 * with optimizations what has run for long. Of this parser the second time takes 0.1 s of a processor and 30 MB, it is due
 * after a reply or two, and a run never reads as much as would make up for it.
 */
import type { Duplex } from "node:stream";
import { setFlagsFromString } from "node:v8";
import type { Connect } from "./forwarded-connector";

/** All of them are set where nobody has said otherwise. Code that was compiled without the first two never asks to be optimized. */
const flags = ["wasm-dynamic-tiering", "wasm-tier-up", "wasm-lazy-compilation"];

let isMade = false;

/** Gives undici a connection by its `callback`. With its first one it makes its parser, at once; what else is compiled is not touched. */
export function giveConnection(stream: Duplex | null, callback: Parameters<Connect>[1]): void {
  if (isMade) {
    callback(null, stream);
    return;
  }
  isMade = true;
  for (const flag of flags) setFlagsFromString(`--no-${flag}`);
  try {
    callback(null, stream);
  } finally {
    for (const flag of flags) setFlagsFromString(`--${flag}`);
  }
}
