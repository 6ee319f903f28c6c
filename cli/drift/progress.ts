/** What people see while servers are looked at: on standard error, moving on a terminal. */
import type { World } from "../world";

/** Milliseconds between two lines where nothing can move, as in the log of a CI job. */
const linesEvery = 10_000;
/** Columns; a longer line would wrap, and stay. */
const width = 78;

export class Progress {
  private shown = "";
  private lastLine: number;

  constructor(private readonly world: Pick<World, "err" | "isTerminal" | "now">) {
    this.lastLine = world.now().getTime();
  }

  /** Tells how far it is, and what is waited for. */
  readonly show = (done: number, total: number, doing: string): void => {
    const text = `looked at ${done} of ${total}${doing === "" ? "" : `, waiting: ${doing}`}`;
    if (this.world.isTerminal.err) {
      const line = text.length > width ? `${text.slice(0, width - 1)}…` : text;
      this.world.err(`\r${line.padEnd(this.shown.length)}`);
      this.shown = line;
      return;
    }
    const now = this.world.now().getTime();
    if (now - this.lastLine < linesEvery) return;
    this.lastLine = now;
    this.world.err(`${text}\n`);
  };

  /** Takes away what moves. */
  end(): void {
    if (this.shown !== "") this.world.err(`\r${" ".repeat(this.shown.length)}\r`);
    this.shown = "";
  }
}
