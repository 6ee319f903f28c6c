import { isUtf8 } from "node:buffer";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readBytes, rehearseReplacing, replaceFileIfSame } from "./atomic-file";
import { ConfigDocument } from "./config-document";
import type { ConfigFlavor } from "./config-document";
import { ConfigProblem } from "./config-problem";
import { rereadUntil } from "./reread";

/** A change to a config file. */
export interface ConfigEdit {
  /** What a file that is not there yet starts with. */
  flavor: ConfigFlavor;
  /** Whether the file is as it should be. Nothing is written then; after a write it is what proves it. */
  isDone: (config: ConfigDocument) => boolean;
  /** Makes it so. May be asked again where another program undid it. */
  apply: (config: ConfigDocument) => void;
}

interface Content {
  text: string;
  config: ConfigDocument;
  /** Whether it was written by what writes it here, so that it can be edited again. */
  isOurs?: boolean;
  /** Whether it has stood there long enough to be all that a client was about to write. */
  isSettled?: boolean;
}

const pauseMilliseconds = 20;
const newFileMode = 0o644;
const pageSize = 4096;

/** What each file held when it was last read. Parsing is slow, and a fleet's remotes share a file. */
const lastRead = new Map<string, Content>();

/** The config file of a client directory. */
export function configFileOf(directory: string): string {
  return join(directory, "config.yml");
}

/**
 * Reads a directory's config file; undefined where there is none. It must not be edited: it is shared.
 *
 * @throws ConfigProblem where it stays empty or unreadable for two seconds.
 */
export async function readConfigFile(directory: string): Promise<ConfigDocument | undefined> {
  return (await readContent(configFileOf(directory)))?.config;
}

/**
 * Changes a directory's config file, under the directory's lock. The loop reads back what it wrote and starts over
 * from what it finds, because the clients write without a lock.
 *
 * @param patience how long to try, in milliseconds.
 * @throws ConfigProblem where the file cannot be read or edited (it is left as it is), or where others keep undoing
 * the change.
 */
export async function editConfigFile(directory: string, edit: ConfigEdit, patience = 10_000): Promise<void> {
  const file = configFileOf(directory);
  const deadline = performance.now() + patience;
  for (;;) {
    const found = await readContent(file);
    if (found !== undefined && edit.isDone(found.config)) return;
    if (performance.now() >= deadline) throw keepsChanging(file);

    const edited = await apply(edit, file, found);
    const isWritten = await replaceFileIfSame(file, found?.text, { content: edited.text, mode: newFileMode });
    if (isWritten) lastRead.set(file, edited);
    else await delay(Math.random() * pauseMilliseconds); // another program is at it
  }
}

/**
 * Finds out whether a directory's config file can be edited, and replaced by one that is larger by so many bytes. Leaves
 * it as it is.
 *
 * @throws ConfigProblem, or an error of the system, as {@link editConfigFile} would.
 */
export async function rehearseEdit(directory: string, growth: number): Promise<void> {
  const file = configFileOf(directory);
  const found = await readContent(file);
  if (found?.isOurs !== true) found?.config.toString();
  const content = (found?.text ?? "") + " ".repeat(growth);
  await rehearseReplacing(file, { content, mode: newFileMode });
}

/** The edited content, parsed again before anything is written: what cannot be read must not replace what can. */
async function apply(edit: ConfigEdit, file: string, found: Content | undefined): Promise<Content> {
  const config = found?.config.copy() ?? (await ConfigDocument.blank(file, edit.flavor));
  edit.apply(config);
  const text = config.toString();
  const edited = { text, config: await ConfigDocument.parse(file, text), isOurs: true };
  if (edit.isDone(edited.config)) return edited;
  throw new ConfigProblem(
    `${file} cannot be edited as it is written`,
    "Let the client rewrite it, then run again",
  );
}

function keepsChanging(file: string): ConfigProblem {
  return new ConfigProblem(
    `another program changes ${file} all the time, or changes it back`,
    "Let that program finish, then run again",
  );
}

async function readContent(file: string): Promise<Content | undefined> {
  const found = await rereadUntil(
    () => readOnce(file),
    (content) => !(content instanceof ConfigProblem) && !mayBeCut(content),
  );
  if (found instanceof ConfigProblem) throw found;
  if (found !== undefined) found.isSettled = true;
  return found;
}

/**
 * Whether a client may be in the middle of writing this: it truncates the file and fills it page by page, and the first pages
 * are readable YAML, too, of which remotes are missing.
 */
function mayBeCut(found: Content | undefined): boolean {
  if (found === undefined || found.isOurs === true || found.isSettled === true) return false;
  return Buffer.byteLength(found.text) % pageSize === 0;
}

async function readOnce(file: string): Promise<Content | ConfigProblem | undefined> {
  const bytes = await readBytes(file);
  if (bytes === undefined) return undefined;
  // Decoding would put replacement characters where others' text was.
  if (!isUtf8(bytes))
    return new ConfigProblem(`${file} is not UTF-8 text`, "It was left as it is: mend it, then run again");
  const text = bytes.toString("utf8");
  const known = lastRead.get(file);
  if (known?.text === text) return known;
  try {
    const content = { text, config: await ConfigDocument.parse(file, text) };
    lastRead.set(file, content);
    return content;
  } catch (error) {
    if (error instanceof ConfigProblem) return error;
    throw error;
  }
}
