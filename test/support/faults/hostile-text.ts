/** Texts as an attacker, a slip of the hand or a broken disk would make them: out of valid ones, so that a parser is entered. */
import * as fc from "fast-check";

/** What is put into a text: what ends it, steers a terminal, looks like something else, or means something to a parser. */
const pieces = [
  ...[
    "\0",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\x1b[2J",
    "\x1b]0;pwned\x07",
    "\x9b31m",
    "\x7f",
  ],
  ...[
    "\ud800",
    "\udc00",
    "\u202e",
    "\u200b",
    "\u00ad",
    "\uff18",
    "\u0668",
    "\u3002",
    "\u212a",
    "\uff0f",
    "ı",
    "é",
  ],
  ...[
    "%",
    "%00",
    "%zz",
    "%eth0",
    "0x7f",
    "0177",
    "2130706433",
    "1e3",
    "-1",
    "65536",
    "00",
    "::",
    "[",
    "]",
    "@",
  ],
  ...[
    "/",
    "//",
    "\\",
    "../",
    "?",
    "#",
    ":",
    ",",
    ";",
    ".",
    "..",
    "*",
    "!",
    "|",
    "=",
    "+",
    "-----",
    "$(id)",
    "`id`",
  ],
  ...[
    "__proto__",
    "constructor",
    "null",
    "{",
    "}",
    '"',
    "'",
    "&a",
    "*a",
    "<<",
    "!!js/function",
    "xn--",
    "{}",
    "[]",
  ],
  ...["04da6b54-80e4-46f7-96ec-b56ff0331ba9"],
];

type Edit = (text: string, at: number, other: number, piece: string) => string;

const edits: Readonly<Record<string, Edit>> = {
  insert: (text, at, _, piece) => text.slice(0, at) + piece + text.slice(at),
  replace: (text, at, _, piece) => text.slice(0, at) + piece + text.slice(at + piece.length),
  flip: (text, at, other) =>
    text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << (other % 8))) + text.slice(at + 1),
  remove: (text, at) => text.slice(0, at) + text.slice(at + 1),
  cut: (text, at) => text.slice(0, at),
  behead: (text, at) => text.slice(at),
  excise: (text, at, other) => text.slice(0, Math.min(at, other)) + text.slice(Math.max(at, other)),
  double: (text) => text + text,
  repeat: (text, at, other) => text.slice(0, at) + text.slice(at, other).repeat(3) + text.slice(at),
  swap: (text, at) => text.slice(at) + text.slice(0, at),
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  indent: (text) => text.replace(/^/gm, "  "),
  flatten: (text) => text.replace(/\n/g, " "),
  windows: (text) => text.replace(/\n/g, "\r\n"),
  surround: (text, _at, _other, piece) => piece + text + piece,
  prolong: (text, at, _, piece) => text.slice(0, at) + piece.repeat(300) + text.slice(at),
};

const edit = fc.record({
  kind: fc.constantFrom(...Object.keys(edits)),
  at: fc.nat(),
  other: fc.nat(),
  piece: fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "binary", maxLength: 3 })),
});

/** Valid texts, most of them with something done to them, once or several times; a few with nothing valid in them. */
export function mutated(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const changed = fc
    .tuple(valid, fc.array(edit, { maxLength: 3 }))
    .map(([text, all]) =>
      all.reduce(
        (so, { kind, at, other, piece }) =>
          edits[kind]?.(so, at % (so.length + 1), other % (so.length + 1), piece) ?? so,
        text,
      ),
    );
  return fc.oneof(
    { weight: 12, arbitrary: changed },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  );
}

/** Texts of a megabyte: each of these over and over, alone and inside a valid text. */
export function endless(valid: string): string[] {
  const repeated = [
    valid,
    `${valid}\n`,
    ...["a", "1", "A", "=", ".", "a.", "1.", ":", "f:", "::", "[", "{", "/", "-----"],
  ];
  repeated.push(
    ...["\0", " ", "\t", "\n", "\r\n", "\x1b[2J", "\ud800", "\u202e", "é", "- ", "*a", "%", "\\", '"'],
  );
  const half = Math.floor(valid.length / 2);
  return repeated.flatMap((piece) => {
    const long = piece.repeat(Math.ceil(1_000_000 / piece.length));
    return [long, valid.slice(0, half) + long + valid.slice(half)];
  });
}
