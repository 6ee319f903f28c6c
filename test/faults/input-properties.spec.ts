/** Whatever is given as a property of a resource, or as an argument of a function, is taken or refused by a check, in words. */
import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import type { CheckFailure, RawInputs } from "../../provider/handler";
import { type FunctionName, functions, handlers, type ResourceName } from "../../provider/registry";
import { checkInputs, secretPaths } from "../../provider/schema";
import { unknownValue } from "../../provider/unknown";
import type { z } from "zod";
import { isAt, propertiesOf, replaced } from "../contract/property-paths";
import {
  https,
  type Properties,
  remote,
  right,
  sshByAgent,
  sshByFiles,
  sshByKey,
  token,
} from "../contract/right-inputs";
import { wrongInputs } from "../contract/wrong-inputs";
import { itFinds } from "../support/faults/finding";
import { mutated } from "../support/faults/hostile-text";
import { requireSecret, requireShowable, withstands } from "../support/faults/withstanding";
import { Stack } from "../support/stack";

interface Checked {
  readonly args: z.ZodType;
  rules(inputs: RawInputs): CheckFailure[];
}

/** A property, and right inputs in which it is given. */
interface Place {
  readonly property: string;
  readonly within: Properties;
}

const places: Readonly<Record<ResourceName, readonly Place[]>> = wrongInputs;

const ways = [https, { socketPath: "/run/lxd.socket" }, remote, sshByKey, sshByFiles, sshByAgent];
const argumentsOf: Readonly<Record<FunctionName, readonly Properties[]>> = {
  decodeTrustToken: [{ token }],
  getDefaultRemote: [{ configDir: "~/.config/lxc", configFlavor: "lxd" }],
  listRemotes: [{ configDir: "~/.config/incus", configFlavor: "incus" }],
  getServer: ways.map((connection) => ({ connection, target: "a" })),
  getServerAddresses: ways.map((connection) => ({ connection, target: "a" })),
};

/** Every property of a function's arguments, in right ones; those that no right arguments have are given beside the first ones. */
function placesOf(name: FunctionName): Place[] {
  const [first = {}] = argumentsOf[name];
  return propertiesOf(functions[name]).map((property) => ({
    property,
    within: argumentsOf[name].find((given) => hasOwner(given, property)) ?? first,
  }));
}

function hasOwner(given: unknown, property: string): boolean {
  const owners = property.split(".").slice(0, -1);
  return (
    owners.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), given) !== undefined
  );
}

function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null;
}

/** Values of every JSON type, ordinary ones and such as nobody gives. */
const ofEveryType: readonly unknown[] = [
  ...[null, true, false, 0, -0, 1, -1, 0.5, 65536, 2 ** 31, 2 ** 53, 1e300, -1e300, 5e-324],
  ...[
    "",
    "x",
    "\0",
    "a\nb",
    "\x1b[31m",
    "\ud800",
    "x".repeat(1_000_000),
    "{}",
    "true",
    "__proto__",
    unknownValue,
  ],
  ...[[], [[]], [null], ["x"], [unknownValue], Array<number>(10_000).fill(0), nest((inner) => [inner])],
  ...[
    {},
    { a: 1 },
    JSON.parse('{"__proto__":{"a":1}}') as unknown,
    { "": "" },
    { "\x1b]0;x\x07": 1 },
    nest((inner) => ({ a: inner })),
  ],
];

function nest(around: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let depth = 0; depth < 2000; depth++) value = around(value);
  return value;
}

const value = fc.oneof(
  fc.constantFrom(...ofEveryType.filter((one) => typeof one !== "string" || one.length < 1000)),
  fc.jsonValue(),
  fc.double(),
  mutated(
    fc.constantFrom(
      "10.0.0.11:8443",
      "SHA256:",
      token,
      "~/.ssh/id",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ),
  ),
);

/** Never in what a failure says, whatever the secret property holds. */
const marker = "5ecretMarker0f7his7est";
const secretShapes: readonly unknown[] = [
  ...[marker, [marker], { key: marker }, { [marker]: 1 }, `${marker}\0\ud800`, marker.repeat(40_000)],
  `-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----\n`,
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${marker}\n-----END OPENSSH PRIVATE KEY-----\n`,
  Buffer.from(JSON.stringify({ client_name: "ci", secret: marker })).toString("base64"),
];

/** What the front would say of each mistake. */
function mistakesIn(checked: Checked, inputs: Properties): CheckFailure[] {
  const failures = checkInputs(checked, inputs);
  const properties = failures.map(({ property }) => property);
  assert.equal(new Set(properties).size, properties.length, "each is named once");
  return failures;
}

/** Whose connection is that of the resources is given fewer: each takes a certificate and a key apart. */
const casesFor = (what: string): number => (what.startsWith("arguments of getServer") ? 1000 : 10_000);

const all: [what: string, checked: Checked, places: readonly Place[]][] = [
  ...(Object.keys(handlers) as ResourceName[]).map((name): [string, Checked, readonly Place[]] => [
    `inputs of a ${name}`,
    handlers[name] as Checked,
    places[name],
  ]),
  ...(Object.keys(functions) as FunctionName[]).map((name): [string, Checked, readonly Place[]] => [
    `arguments of ${name}`,
    functions[name] as Checked,
    placesOf(name),
  ]),
];

describe("Input", function () {
  // Ten thousand cases take their time where other tests run beside them.
  this.timeout(600_000);

  for (const [what, checked, properties] of all) {
    itFinds(`as the ${what}: every property, every type of value`, () => {
      const named = new Set(properties.map(({ property }) => property.replace(/\[\d+\]/g, "[]")));
      assert.deepEqual([...named].sort(), propertiesOf(checked).sort(), "every property is tried");
      let cases = 0;
      for (const { property, within } of properties) {
        for (const one of ofEveryType) {
          const failures = mistakesIn(checked, replaced(within, property, one));
          if (!isObject(one)) assert.ok(failures.every((failure) => failure.reason.length < 1000));
          cases++;
        }
      }
      return Promise.resolve({ kind: "inputs", reader: `${what}, every type`, cases });
    });

    itFinds(`as the ${what}, generated`, () => {
      const one = fc.record({ place: fc.constantFrom(...properties), given: value });
      return withstands(
        what,
        one,
        ({ place: { property, within }, given }) => {
          const failures = mistakesIn(checked, replaced(within, property, given));
          if (failures.length === 0) return "taken";
          const beside = failures.filter(
            (failure) => !isAt(failure.property, property) && !isAt(property, failure.property),
          );
          for (const { reason } of beside) assert.ok(reason.length < 1000, reason);
          return {
            refused: failures
              .slice(0, 20)
              .map(({ property: at, reason }) => escaped(`${at}: ${reason}`))
              .join("; "),
          };
        },
        casesFor(what),
      );
    });

    it(`as a secret one of the ${what}: no failure repeats it`, () => {
      for (const path of secretPaths(checked.args)) {
        const property = path.join(".");
        const place = properties.find((one) => one.property === property);
        assert.ok(place, property);
        for (const secret of secretShapes)
          for (const { property: at, reason } of mistakesIn(
            checked,
            replaced(place.within, property, secret),
          ))
            requireSecret(
              JSON.stringify(secret),
              `${at}: ${reason}`.replace(/-----BEGIN|PRIVATE KEY-----/g, ""),
            );
      }
    });
  }

  it("as any property: what a check says of it can be shown", async () => {
    const stack = new Stack("/nonexistent");
    const inputs = { ...right.trustToken, "\x1b]0;pwned\x07": 1, connection: { "\u202e\x9b2J": 1 } };
    const mistakes = await stack.mistakes("TrustToken", inputs);
    assert.ok(mistakes.length >= 2);
    for (const mistake of mistakes) requireShowable(mistake);
  });
});

/** The front escapes it; here it only has to be short. */
function escaped(text: string): string {
  return text.replace(/[\p{C}\p{Z}]/gu, " ").slice(0, 400);
}
