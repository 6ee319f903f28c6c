/** The programs that `lxd-access import` writes, for values of any kind, read back by a compiler, by YAML and by Prettier. */
import * as assert from "node:assert/strict";
import * as fc from "fast-check";
import { format } from "prettier";
import { namesFor } from "../../cli/import/names";
import type { Program } from "../../cli/import/program";
import type { Taken } from "../../cli/import/take";
import { typescriptProgram } from "../../cli/import/typescript-program";
import { yamlProgram } from "../../cli/import/yaml-program";
import { saidInTypescript, saidInYaml } from "../support/import-command";

/** Servers are told names in JSON, which has no half characters. */
const anyText = fc.string({ unit: "grapheme" });
const hostileText = fc
  .array(
    fc.constantFrom(
      ...[
        '"',
        "'",
        "`",
        "\\",
        "${",
        "$",
        "$$",
        "}",
        "//",
        "*/",
        "/*",
        "#",
        ": ",
        "- ",
        "\n",
        "\r",
        "\t",
        " ",
        "\0",
      ],
      ...[
        "\x1b[2J",
        "\u2028",
        "\u2029",
        "\u202e",
        "\u200d",
        "\ufeff",
        "\u{e0041}",
        "\u0085",
        "<!--",
        "!!js",
        "&a",
        "*a",
      ],
      ...[
        "__proto__",
        "null",
        "~",
        "yes",
        "0x1",
        "{{",
        "%",
        "@",
        "ß",
        "字",
        "🦄",
        "👩‍🚀",
        "\\u0041",
        "\\x41",
        "\\",
      ],
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(""));
const endlessText = fc.string({ minLength: 60, maxLength: 100 });
const text = fc.oneof(anyText, hostileText, endlessText);

const takenWith = (word: fc.Arbitrary<string>): fc.Arbitrary<Taken> =>
  fc.record({
    resource: fc.constantFrom("HttpsAddress", "Remote", "TrustToken"),
    name: word.map((one) => `client${one.replace(/[^\p{L}\p{N}_.-]/gu, "")}`),
    id: word,
    inputs: fc.record(
      {
        clientName: word,
        projects: fc.array(word, { maxLength: 3 }),
        restricted: fc.boolean(),
        connection: fc.record({ remote: word, configDir: word }),
      },
      { requiredKeys: ["clientName"] },
    ),
    outputs: fc.constant({}),
  });
const programWith = (word: fc.Arbitrary<string>): fc.Arbitrary<Program> => {
  const notes = fc.array(fc.record({ what: word, why: word }), { maxLength: 2 });
  const one = { minLength: 1, maxLength: 3, selector: ({ name }: Taken) => name };
  const group = fc.record({
    title: word.map((title) => `The server ${title}`),
    taken: fc.uniqueArray(takenWith(word), one),
  });
  return fc.record({
    groups: group.map((only) => [only]),
    ...{ leftOut: notes, unseen: notes, at: fc.constant(new Date()), importing: word },
  });
};
const program = programWith(text);

const meant = ({ groups }: Program): unknown =>
  groups.flatMap((group) =>
    group.taken.map(({ resource, name, inputs }) => ({ resource, name, inputs, options: { protect: true } })),
  );
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("a program of lxd-access import", () => {
  it("says in TypeScript what was taken, and nothing else, whatever it is called", () => {
    fc.assert(
      fc.property(program, (one) => {
        assert.deepEqual(saidInTypescript(typescriptProgram(one)), plain(meant(one)));
      }),
    );
  });

  it("says in YAML what was taken, and nothing else, whatever it is called", () => {
    fc.assert(
      fc.property(program, (one) => {
        assert.deepEqual(saidInYaml(yamlProgram(one)), plain(meant(one)));
      }),
    );
  });

  it("shows nothing that steers a terminal, turns the writing around or cannot be seen", () => {
    fc.assert(
      fc.property(program, (one) => {
        for (const written of [typescriptProgram(one), yamlProgram(one)])
          assert.doesNotMatch(written.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("is written in TypeScript as Prettier writes it", async () => {
    await fc.assert(
      // How wide a character of a rare script is nobody agrees on.
      fc.asyncProperty(programWith(fc.oneof(hostileText, endlessText)), async (one) => {
        const written = typescriptProgram(one);
        assert.equal(await format(written, { parser: "typescript" }), written);
      }),
    );
  });
});

describe("a name in a program of lxd-access import", () => {
  const candidate = fc.record({
    resource: fc.constantFrom("HttpsAddress" as const, "TrustToken" as const),
    id: text,
    words: fc.array(fc.oneof(text, fc.constantFrom("a", "a-b", "b")), { minLength: 1, maxLength: 3 }),
    mark: fc.oneof(fc.constantFrom("0123456789", "0123456788"), fc.stringMatching(/^[0-9a-f]{0,64}$/)),
  });

  it("is there only once, short, and of characters that need no quotes", () => {
    const all = fc.uniqueArray(candidate, { selector: ({ resource, id }) => resource + id });
    fc.assert(
      fc.property(all, (candidates) => {
        const names = namesFor(candidates);
        assert.equal(names.length, candidates.length);
        assert.equal(new Set(names).size, names.length);
        for (const name of names) assert.match(name, /^[\p{L}\p{N}_.-]{0,90}$/u);
      }),
    );
  });

  it("does not depend on the order, nor on what has other names", () => {
    const of = (words: string[], mark: string) => ({
      resource: "TrustToken" as const,
      id: words.join() + mark,
      words,
      mark,
    });
    const both = [of(["client", "ci"], "aaaaaaaabb"), of(["client", "ci"], "ccccccccdd")];
    assert.deepEqual(namesFor(both), ["client-ci-aaaaaaaa", "client-ci-cccccccc"]);
    assert.deepEqual(namesFor([of(["client", "Zoë 🦄"], "ee"), ...both].reverse()), [
      "client-ci-cccccccc",
      "client-ci-aaaaaaaa",
      "client-Zoe",
    ]);
  });

  it("is none that the stack has", () => {
    const ci = { resource: "TrustToken" as const, id: "x", words: ["client", "ci"], mark: "aaaaaaaabb" };
    assert.deepEqual(namesFor([ci], ["client-ci"]), ["client-ci-aaaaaaaa"]);
  });
});
