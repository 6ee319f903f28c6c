import type * as Yaml from "yaml";
import type { Document, Node, Pair, Scalar, YAMLMap } from "yaml";
import { messageOf } from "../errors";
import { ConfigProblem } from "./config-problem";

/** Whose client directory it is. They differ in where client pairs are and in what a new config file holds. */
export type ConfigFlavor = "lxd" | "incus";

/** A remote in a client's config.yml. */
export interface RemoteEntry {
  /** As the client keeps it: `https://host:port`, or `unix://`. */
  addr: string;
  protocol: "lxd" | "incus" | "simplestreams";
  /** Whether it is used without a client certificate, as image servers are. */
  public: boolean;
  /** The project `lxc` uses on this remote. Absent: the client's default, "default". */
  project?: string;
}

/** Loaded only where a config file is read: it takes its time, and most runs need none. */
type YamlLibrary = typeof Yaml;

/** The clients' default where a file names none. */
export const localRemote = "local";

const parseOptions = {
  // The clients read YAML 1.1, where `no` is false.
  version: "1.1",
  intAsBigInt: true,
  logLevel: "error",
  // Done below: the library compares each key with every other one, and shows each error with its line, for minutes in a
  // long file.
  uniqueKeys: false,
  prettyErrors: false,
} as const;

/** The clients' YAML library wants these escaped; the one used here writes them as they are. */
const unreadableForClients = /[\u007f-\u009f\u2028\u2029\ufffe\uffff]/;

/** What the clients themselves write first. `images` is built into LXD's, but an ordinary entry in Incus's. */
const newConfig: Record<ConfigFlavor, string> = {
  lxd: `default-remote: local
remotes:
  local:
    addr: unix://
    public: false
aliases: {}
`,
  incus: `default-remote: local
remotes:
  images:
    addr: https://images.linuxcontainers.org
    protocol: simplestreams
    public: true
  local:
    addr: unix://
    protocol: incus
    public: false
aliases: {}
`,
};

/**
 * The text of a client's config.yml, editable. What is not edited keeps its value, its comments and its place;
 * spacing may change.
 */
export class ConfigDocument {
  private constructor(
    private readonly file: string,
    private readonly yaml: YamlLibrary,
    private readonly document: Document,
    private readonly top: YAMLMap,
  ) {}

  /** The file a client of this flavor starts with. */
  static async blank(file: string, flavor: ConfigFlavor): Promise<ConfigDocument> {
    return ConfigDocument.parse(file, newConfig[flavor]);
  }

  /**
   * @param file names the file in messages; it is not read.
   * @throws ConfigProblem where the text is not YAML of the shape that clients take, or too intricate to edit.
   */
  static async parse(file: string, text: string): Promise<ConfigDocument> {
    const yaml = await import("yaml");
    if (depthOf(yaml, text) > deepest) throw unusable(file, `is nested more than ${deepest} levels deep`);
    const lineCounter = new yaml.LineCounter();
    const document = yaml.parseDocument(text, { ...parseOptions, lineCounter });
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      const where = `at line ${line}, column ${col}`;
      throw unusable(file, `is not readable YAML (${firstLine(error.message)} ${where})`);
    }
    if (hasKeyTwice(yaml, document)) throw unusable(file, "is not readable YAML (Map keys must be unique)");
    const top = document.contents;
    if (top === null) throw unusable(file, "is empty");
    if (!yaml.isMap(top)) throw unusable(file, "is not a YAML mapping");
    const config = new ConfigDocument(file, yaml, document, top);
    config.requireShape();
    return config;
  }

  /** One that can be edited while others read this one. */
  copy(): ConfigDocument {
    const document = this.document.clone();
    if (!this.yaml.isMap(document.contents)) throw new TypeError("a copy is not what was copied");
    return new ConfigDocument(this.file, this.yaml, document, document.contents);
  }

  /** The remote that commands without a remote's name go to. */
  get defaultRemote(): string {
    return this.text(this.find(this.top, "default-remote")?.value) || localRemote;
  }

  /** The names of all remotes, in the order of the file. */
  get remoteNames(): string[] {
    return (this.remotes()?.items ?? []).flatMap(({ key }) => this.text(key) ?? []);
  }

  /** A text that the file has for a remote, "auth_type" say; undefined where there is none, or an empty one. */
  textOf(name: string, field: string): string | undefined {
    return plainText(this.fields(name)?.[field]) || undefined;
  }

  /** Whether the file has a remote of this name; it may be malformed. */
  has(name: string): boolean {
    return this.findRemote(name) !== undefined;
  }

  /**
   * A remote of the file. A protocol that is not given is the flavor's own.
   *
   * @throws ConfigProblem where the entry is not one that clients take.
   */
  entry(name: string, flavor: ConfigFlavor): RemoteEntry | undefined {
    const fields = this.fields(name);
    if (fields === undefined) return undefined;
    const { addr, project } = fields;
    const protocol = fields.protocol || flavor;
    const isPublic = fields.public ?? false;
    if (typeof addr !== "string") throw unusable(this.file, `has no text as "addr" of the remote "${name}"`);
    if (protocol !== "lxd" && protocol !== "incus" && protocol !== "simplestreams") {
      throw unusable(this.file, `has an unknown "protocol" for the remote "${name}"`);
    }
    if (typeof isPublic !== "boolean")
      throw unusable(this.file, `has neither true nor false as "public" of the remote "${name}"`);
    const projectName = plainText(project);
    return { addr, protocol, public: isPublic, ...(projectName === "" ? {} : { project: projectName }) };
  }

  /** Adds or changes a remote. Of one that is there everything stays that the new one says nothing of. */
  setEntry(name: string, entry: RemoteEntry): void {
    const map = this.entryMap(name);
    if (map.get("addr") !== entry.addr) map.delete("last_working_address"); // Incus's memory of the old address
    map.set("addr", entry.addr);
    // Anything else than TLS would make the client leave its certificate aside. "tls" it fills in by itself.
    if (map.get("auth_type") !== "tls") map.delete("auth_type");
    if (entry.project !== undefined) map.set("project", entry.project);
    map.set("protocol", entry.protocol);
    map.set("public", entry.public);
  }

  /** The comment at the head of a remote's entry, which clients do not see, and drop once they write the file themselves. */
  commentOf(name: string): string | undefined {
    const value = this.findRemote(name)?.value;
    return this.yaml.isMap(value) ? (value.commentBefore ?? undefined) : undefined;
  }

  setComment(name: string, comment: string): void {
    this.entryMap(name).commentBefore = comment;
  }

  /** Leaves it to the client which project it uses on a remote. */
  removeProject(name: string): void {
    this.entryMap(name).delete("project");
  }

  removeEntry(name: string): void {
    const remotes = this.remotes();
    if (remotes !== undefined) remotes.items = remotes.items.filter((pair) => this.text(pair.key) !== name);
  }

  setDefaultRemote(name: string): void {
    const pair = this.find(this.top, "default-remote");
    if (pair === undefined)
      this.top.items.unshift(new this.yaml.Pair(this.scalar("default-remote"), this.scalar(name)));
    else pair.value = this.scalar(name, pair.value);
  }

  /**
   * @throws ConfigProblem where what was removed is referred to elsewhere in the file, or where it would hold
   * characters that make clients refuse the whole file.
   */
  toString(): string {
    const text = this.written();
    if (!unreadableForClients.test(text)) return text;
    throw unusable(
      this.file,
      "cannot be edited (a name or a value holds a control character or a line separator)",
    );
  }

  private written(): string {
    try {
      return this.document.toString({ lineWidth: 0 });
    } catch (error) {
      throw unusable(this.file, `cannot be edited (${firstLine(messageOf(error))})`);
    }
  }

  private requireShape(): void {
    const remotes = this.find(this.top, "remotes")?.value;
    if (remotes !== undefined && !this.isNothing(remotes) && !this.yaml.isMap(remotes)) {
      throw unusable(this.file, 'has something else than a mapping as "remotes"');
    }
    // Remotes that come in through a merge would be hidden by those written beside it.
    if (this.find(this.top, "<<") !== undefined || this.findRemote("<<") !== undefined) {
      throw unusable(this.file, 'has a YAML merge ("<<") outside of a remote, which cannot be edited safely');
    }
  }

  private fields(name: string): Record<string, unknown> | undefined {
    const value = this.findRemote(name)?.value;
    if (!this.yaml.isNode(value) || this.isNothing(value)) return undefined;
    const fields = this.resolved(value, name);
    if (isRecord(fields)) return fields;
    throw unusable(this.file, `has something else than a mapping as the remote "${name}"`);
  }

  private resolved(value: Node, name: string): unknown {
    try {
      return value.toJS(this.document);
    } catch (error) {
      throw unusable(this.file, `has an unreadable remote "${name}" (${firstLine(messageOf(error))})`);
    }
  }

  private entryMap(name: string): YAMLMap {
    const pair = this.findRemote(name) ?? new this.yaml.Pair(this.scalar(name), null);
    if (this.yaml.isMap(pair.value)) return pair.value;
    // Nothing, or an alias of another entry, which must not be changed along with this one.
    const map = this.document.createNode(this.fields(name) ?? {});
    if (!this.yaml.isMap(map)) throw new TypeError("a mapping became something else");
    pair.value = map;
    if (!this.has(name)) this.remotesToFill().items.push(pair);
    return map;
  }

  private remotes(): YAMLMap | undefined {
    const remotes = this.find(this.top, "remotes")?.value;
    return this.yaml.isMap(remotes) ? remotes : undefined;
  }

  private remotesToFill(): YAMLMap {
    const remotes = this.remotes() ?? new this.yaml.YAMLMap(this.document.schema);
    if (remotes.items.length === 0) remotes.flow = false;
    const pair = this.find(this.top, "remotes");
    if (pair === undefined) this.top.items.push(new this.yaml.Pair(this.scalar("remotes"), remotes));
    else pair.value = remotes;
    return remotes;
  }

  private findRemote(name: string): Pair | undefined {
    const remotes = this.remotes();
    return remotes && this.find(remotes, name);
  }

  private find(map: YAMLMap, key: string): Pair | undefined {
    return map.items.find((pair) => this.text(pair.key) === key);
  }

  /** A scalar as clients read it where they want text: an unquoted 123 or yes is what is written there. */
  private text(node: unknown): string | undefined {
    if (!this.yaml.isScalar(node) || node.value === null) return undefined;
    return typeof node.value === "string" ? node.value : node.source;
  }

  private isNothing(node: unknown): boolean {
    return node === null || (this.yaml.isScalar(node) && node.value === null);
  }

  /** A piece of text, with the comments of the one it replaces. */
  private scalar(text: string, replaced?: unknown): Scalar<string> {
    const scalar = new this.yaml.Scalar(text);
    if (this.yaml.isScalar(replaced)) {
      scalar.comment = replaced.comment;
      scalar.commentBefore = replaced.commentBefore;
    }
    return scalar;
  }
}

/** What the clients write is four levels deep. */
const deepest = 50;

/** How deep collections are inside each other. Found without recursion, which would end the process in a deep file. */
function depthOf(yaml: YamlLibrary, text: string): number {
  const found: [token: unknown, depth: number][] = [...new yaml.Parser().parse(text)].map((token) => [
    token,
    0,
  ]);
  let depth = 0;
  for (let next = found.pop(); next !== undefined; next = found.pop()) {
    const [token, level] = next;
    if (!isRecord(token)) continue;
    depth = Math.max(depth, level);
    const items = Array.isArray(token["items"]) ? (token["items"] as unknown[]).filter(isRecord) : [];
    for (const inner of [token, ...items].flatMap(({ key, value }) => [key, value]))
      found.push([inner, level + 1]);
  }
  return depth;
}

function hasKeyTwice(yaml: YamlLibrary, document: Document): boolean {
  let isTwice = false;
  yaml.visit(document, {
    Map: (_, { items }) => {
      // Merges may come several times.
      const keys = items.flatMap(({ key }) => (yaml.isScalar(key) && key.value !== "<<" ? [key.value] : []));
      isTwice ||= new Set(keys).size < keys.length;
      return isTwice ? yaml.visit.BREAK : undefined;
    },
  });
  return isTwice;
}

function unusable(file: string, problem: string): ConfigProblem {
  return new ConfigProblem(
    `${file} ${problem}`,
    "It was left as it is: mend it, or move it away, then run again",
  );
}

/** The library's messages go on with lines of the file, which are not ours to show. */
function firstLine(message: string): string {
  return message.split("\n", 1).join("").replace(/:$/, "");
}

/** Text that was not quoted may have become a number; what is no text at all counts as none. */
function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "bigint" || typeof value === "number" ? value.toString() : "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
