import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";

/** A client's config file as it is decoded. */
export interface SeenConfig {
  "default-remote": string;
  remotes: Record<string, { addr?: string }>;
  aliases: Record<string, string>;
  [key: string]: unknown;
}

/** Looks at a config file all the time, and keeps all that it ever held, in order. */
export class ConfigWatch {
  private readonly texts: string[] = [];
  private isOver = false;
  private readonly work: Promise<void>;

  constructor(private readonly file: string) {
    this.work = this.look();
  }

  /** Ends it; answers each text that was seen, once in a row. */
  async end(): Promise<readonly string[]> {
    this.isOver = true;
    await this.work;
    return this.texts;
  }

  private async look(): Promise<void> {
    while (!this.isOver) {
      const now = readFileSync(this.file, "utf8");
      if (now !== this.texts.at(-1)) this.texts.push(now);
      await delay(1);
    }
  }
}

/** What the file says. Throws where it is not whole: it begins and ends with what every writer of it writes. */
export function wholeConfig(text: string): SeenConfig {
  const config = parse(text, { version: "1.1" }) as Partial<SeenConfig> | null;
  if (config?.remotes === undefined || config.aliases === undefined || config["default-remote"] === undefined)
    throw new Error(`half a config file:\n${text}`);
  const isEntry = ({ addr }: { addr?: string }): boolean => addr !== undefined;
  if (!Object.values(config.remotes).every(isEntry)) throw new Error(`half a remote:\n${text}`);
  return config as SeenConfig;
}
