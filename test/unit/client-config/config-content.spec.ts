import { strict as assert } from "node:assert";
import fc from "fast-check";
import { stringify } from "yaml";
import {
  describeRemoteNameProblem,
  readRemote,
  removeRemote,
  writeRemote,
} from "../../../provider/client-config/client-directory";
import type { RemoteEntry } from "../../../provider/client-config/client-directory";
import { configOf, directoryWith, removeDirectories } from "./directories";

/** What programs stumble over in YAML beside any text at all. */
const awkward = fc.constantFrom(
  ...[
    "yes",
    "No",
    "null",
    "~",
    "1_000",
    "0x1F",
    "1:30",
    "2024-01-02",
    "=",
    "",
    " x ",
    "a: b",
    "# c",
    "*a",
    "&a",
    "!t",
  ],
  ...[
    "- d",
    "{e}",
    "'",
    '"',
    "%f",
    "two\nlines\n",
    "\ttab",
    "x\r\ny",
    "__proto__",
    "é日本",
    "\u0085",
    "\ufeff",
  ],
);
const text = fc
  .oneof(fc.string({ unit: "grapheme", maxLength: 12 }), awkward)
  .filter((candidate) => !/[\p{Cc}\p{Cn}\p{Zl}\p{Zp}]/u.test(candidate.replace(/[\t\r\n]/g, "")));
const name = text.filter((candidate) => describeRemoteNameProblem(candidate) === undefined);
const comment = fc.constantFrom("", "# a comment\n", "# one: two\n#\n\n");

/** Anything JSON can say; so not -0, which no client tells from 0. */
const anything = fc.jsonValue({ maxDepth: 2 }).map((value): unknown => JSON.parse(JSON.stringify(value)));

const fields = fc.record(
  {
    addr: text,
    public: fc.boolean(),
    project: text,
    keepalive: fc.integer(),
    unknown: anything,
  },
  { requiredKeys: ["addr", "public"], noNullPrototype: true },
);

const config = fc.record(
  {
    "default-remote": text,
    remotes: fc.dictionary(name, fields, { maxKeys: 4, noNullPrototype: true }),
    aliases: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
    other: anything,
  },
  { requiredKeys: ["remotes"], noNullPrototype: true },
);

const entry: fc.Arbitrary<RemoteEntry> = fc.record(
  {
    addr: fc.constantFrom("https://10.0.0.1:8443", "https://[fd00::1]:8443", "https://lxd.example.com:8443"),
    protocol: fc.constantFrom("lxd", "incus", "simplestreams"),
    public: fc.boolean(),
    project: text.filter((project) => project !== ""),
  },
  { requiredKeys: ["addr", "protocol", "public"], noNullPrototype: true },
);

/** The config as a client, a person or a generator of JSON would have written it. */
const written = fc
  .tuple(config, comment, fc.constantFrom("block", "flow", "json"))
  .map(([content, remark, style]) => {
    if (style === "json") return JSON.stringify(content);
    const options = { version: "1.1", collectionStyle: style === "flow" ? "flow" : "any" } as const;
    return `${remark}${stringify(content, options)}${remark}`;
  });

describe("any config file", () => {
  after(removeDirectories);

  it("has a remote more after writeRemote, read as it was given, and is as before after removeRemote", async () => {
    await fc.assert(
      fc.asyncProperty(written, name, entry, fc.boolean(), async (content, remote, wanted, setDefault) => {
        const directory = directoryWith({ "config.yml": content });
        const before = configOf(directory);
        fc.pre(!Object.hasOwn(before.remotes, remote));
        const { previousDefault } = await writeRemote({ directory, name: remote, entry: wanted, setDefault });

        const after = configOf(directory);
        assert.deepEqual(after.remotes, { ...before.remotes, [remote]: wanted });
        assert.deepEqual(await readRemote({ directory, name: remote }), {
          directoryExists: true,
          entry: wanted,
        });
        if (setDefault) assert.equal(after["default-remote"], remote);
        assert.deepEqual(after.aliases, before.aliases);
        assert.deepEqual(after.other, before.other);

        await removeRemote({ directory, name: remote, addr: wanted.addr, previousDefault });
        const last = configOf(directory);
        assert.deepEqual(last.remotes, before.remotes);
        assert.deepEqual([last.aliases, last.other], [before.aliases, before.other]);
      }),
      { numRuns: 60 },
    );
  });
});
