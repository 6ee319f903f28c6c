import { setTimeout as delay } from "node:timers/promises";
import { type ClientFlavor, tryClient } from "../client-command";

/** A remote of the user's own, added, made the default and removed with the real client, over and over. */
export class ClientLoop {
  /** How many times the client has run. */
  runs = 0;
  private isOver = false;
  private readonly work: Promise<void>;

  constructor(
    private readonly flavor: ClientFlavor,
    private readonly directory: string,
  ) {
    this.work = this.run();
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.work;
  }

  private async run(): Promise<void> {
    const add = ["add", "theirs", "https://127.0.0.1:9", "--protocol", "simplestreams", "--public"];
    while (!this.isOver)
      for (const words of [add, ["switch", "theirs"], ["switch", "local"], ["remove", "theirs"]]) {
        // It may fail: between two runs of it somebody else may have written the file of before.
        await tryClient(this.flavor, this.directory, "remote", ...words);
        this.runs++;
        // No user is faster, and the machine has the others to serve, too.
        await delay(50);
      }
  }
}
