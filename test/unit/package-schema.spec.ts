/** schema.json says of the resources and functions what their handlers do, and is that of today. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { configNames, connectionVariables, timeoutVariables } from "../../provider/connection";
import {
  type AnyHandler,
  type FunctionName,
  functions,
  handlers,
  type ResourceName,
} from "../../provider/registry";
import { checkInputs, secretPaths } from "../../provider/schema";
import { type Manifest, packageSchema } from "../../provider/schema/package";
import { type Given, Reference, typed } from "../../provider/schema/programs/program";
import type { ObjectSpec, Properties, PropertySpec } from "../../provider/schema/spec";
import { unknownValue } from "../../provider/unknown";

const root = resolve(__dirname, "../..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const schema = packageSchema(manifest);
const text = JSON.stringify(schema);

const resourceNames = Object.keys(handlers) as ResourceName[];
const functionNames = Object.keys(functions) as FunctionName[];
const tokenOf = (name: string): string => `lxd-access:index:${name}`;
const resourceOf = (name: ResourceName) => schema.resources[tokenOf(name)] ?? assert.fail(name);
const functionOf = (name: FunctionName) => schema.functions[tokenOf(name)] ?? assert.fail(name);

/** Every object with properties, by where it stands. */
const objects: Record<string, Properties> = {
  config: schema.config.variables,
  provider: schema.provider.inputProperties,
  ...Object.fromEntries(
    resourceNames.flatMap((name) => [
      [`${name} inputs`, resourceOf(name).inputProperties],
      [`${name} outputs`, resourceOf(name).properties ?? {}],
    ]),
  ),
  ...Object.fromEntries(
    functionNames.flatMap((name) => [
      [`${name} arguments`, functionOf(name).inputs.properties],
      [`${name} answer`, functionOf(name).outputs.properties],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(schema.types).flatMap(([token, type]) =>
      "properties" in type ? [[token, type.properties]] : [],
    ),
  ),
};
const allProperties = Object.entries(objects).flatMap(([owner, properties]) =>
  Object.entries(properties).map(([name, property]) => ({ path: `${owner}: ${name}`, property })),
);

function typeAt(reference: string | undefined): ObjectSpec | undefined {
  const type = schema.types[reference?.replace("#/types/", "") ?? ""];
  return type !== undefined && "properties" in type ? type : undefined;
}

/** Paths of the properties with a mark, through the types that they refer to. */
function marked(properties: Properties, mark: (property: PropertySpec) => boolean): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    if (mark(property)) return [name];
    return marked(typeAt(property.$ref)?.properties ?? {}, mark).map((path) => `${name}.${path}`);
  });
}

const joined = (paths: readonly (readonly string[])[]): string[] =>
  paths.map((path) => path.join(".")).sort();
const isSecret = ({ secret }: PropertySpec): boolean => secret === true;

describe("the package schema", () => {
  it("is in schema.json as the sources make it; else run `npm run schema`", () => {
    assert.deepEqual(JSON.parse(readFileSync(join(root, "schema.json"), "utf8")), JSON.parse(text));
  });

  it("has every resource and every function", () => {
    assert.deepEqual(Object.keys(schema.resources).sort(), resourceNames.map(tokenOf).sort());
    assert.deepEqual(Object.keys(schema.functions).sort(), functionNames.map(tokenOf).sort());
  });

  it("describes every property, type and value in a sentence", () => {
    const types = Object.entries(schema.types);
    const described = [
      ...allProperties.map(({ path, property: { description } }) => ({ path, description })),
      ...types.map(([path, { description }]) => ({ path, description })),
      ...types.flatMap(([path, type]) =>
        "enum" in type
          ? type.enum.map(({ value, description }) => ({ path: `${path} ${value}`, description }))
          : [],
      ),
    ];
    const wrong = described.filter(({ description = "" }) => !/^\S.*\.$/s.test(description));
    assert.deepEqual(wrong, []);
    assert.ok(described.length > 150);
  });

  it("refers to types that it has, and has none that nothing refers to", () => {
    const referred = new Set([...text.matchAll(/"\$ref":"#\/types\/([^"]*)"/g)].map(([, token]) => token));
    assert.deepEqual([...referred].sort(), Object.keys(schema.types).sort());
  });

  it("fills in no default: it would stand beside what it does not go with, and differ from nothing given", () => {
    const filledIn = allProperties.filter(
      ({ path, property }) =>
        "default" in property || (!path.startsWith("config: ") && property.defaultInfo !== undefined),
    );
    assert.deepEqual(filledIn, []);
  });

  it("has the settings of the provider, with their variables", () => {
    assert.deepEqual(Object.keys(schema.config.variables), [...configNames]);
    assert.deepEqual(Object.keys(schema.provider.inputProperties), [...configNames]);
    for (const [path, variable] of Object.entries({ ...connectionVariables, ...timeoutVariables })) {
      const [name = ""] = path.split(".");
      for (const settings of [schema.config.variables, schema.provider.inputProperties])
        assert.ok(settings[name]?.description.includes(`\`${variable}\``), variable);
      const environment = path === name ? [variable] : undefined;
      assert.deepEqual(schema.config.variables[name]?.defaultInfo?.environment, environment, path);
    }
  });

  it("has the settings secret that hold a secret: an object is one text on the wire", () => {
    assert.deepEqual(marked(schema.config.variables, isSecret), ["clientKey", "ssh"]);
    assert.deepEqual(marked(schema.provider.inputProperties, isSecret), ["clientKey", "ssh"]);
  });

  it("says where a release is, if the manifest says whose the repository is", () => {
    const published = packageSchema({
      ...manifest,
      repository: { url: "git+https://github.com/someone/pulumi-lxd-access.git" },
    });
    assert.equal(published.repository, "https://github.com/someone/pulumi-lxd-access");
    assert.equal(published.pluginDownloadURL, "github://api.github.com/someone/pulumi-lxd-access");
    const path = "github.com/someone/pulumi-lxd-access/sdk/go/lxdaccess";
    assert.equal(Reflect.get(published.language["go"] ?? {}, "importBasePath"), path);
    assert.ok(JSON.stringify(published.resources).includes(`\\"${path}\\"`), "in the examples too");
  });

  it("names no SDK as the package of npm that is this one", () => {
    const { name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { name: string };
    assert.notEqual(Reflect.get(schema.language["nodejs"] ?? {}, "packageName"), name);
  });
});

for (const name of resourceNames) {
  const handler: AnyHandler = handlers[name];
  const {
    inputProperties,
    requiredInputs = [],
    properties = {},
    required = [],
    description,
  } = resourceOf(name);

  describe(`the package schema of ${name}`, () => {
    it("has the inputs that the handler takes, and the secret ones secret", () => {
      const strange = Object.keys(inputProperties).filter((input) =>
        checkInputs(handler, { [input]: unknownValue }).some(({ reason }) =>
          reason.includes("is not a property"),
        ),
      );
      assert.deepEqual(strange, []);
      assert.deepEqual(Object.keys(inputProperties), Object.keys(shapeOf(handler.args)));
      assert.deepEqual(marked(inputProperties, isSecret).sort(), joined(secretPaths(handler.args)));
    });

    it("shows the outputs that have a description, and the secret ones secret", () => {
      const shown = Object.entries(shapeOf(handler.state)).filter(
        ([, output]) => output.description !== undefined,
      );
      assert.deepEqual(
        Object.keys(properties),
        shown.map(([output]) => output),
      );
      const secrets = secretPaths(handler.state).filter(([output = ""]) => output in properties);
      assert.deepEqual(marked(properties, isSecret).sort(), joined(secrets));
      assert.deepEqual(
        required,
        shown.filter(([, output]) => !output.safeParse(undefined).success).map(([output]) => output),
      );
    });

    it("requires what a check says is required, but for what the resource's name stands for", () => {
      const missing = checkInputs(handler, {})
        .filter(({ reason }) => reason === "is required")
        .map(({ property }) => property);
      assert.deepEqual(
        requiredInputs,
        missing.filter((input) => input !== handler.nameInput),
      );
      if (handler.nameInput === undefined) return;
      assert.ok(missing.includes(handler.nameInput));
      assert.match(inputProperties[handler.nameInput]?.description ?? "", /Default: the resource's name/);
    });

    it("has the values that a check lets pass", () => {
      for (const [input, { $ref = "" }] of Object.entries(inputProperties)) {
        const type = schema.types[$ref.replace("#/types/", "")];
        if (type === undefined || !("enum" in type)) continue;
        const complaints = (value: string): string[] =>
          checkInputs(handler, { [input]: value })
            .filter(({ property, reason }) => property === input && reason.startsWith('must be "'))
            .map(({ reason }) => reason);
        assert.deepEqual(type.enum.map(({ value }) => value).flatMap(complaints), [], input);
        assert.equal(complaints("another").length, 1, input);
      }
    });

    it("tells of each input whether another value replaces the resource", () => {
      const { inputs, state } = replaceable[name];
      const replacing = Object.keys(inputProperties).filter((input) => {
        const changed = { ...inputs, [input]: otherThan(inputs[input]) };
        const { changed: seen, replaces } = handler.diff(state, changed, new Date());
        assert.ok(seen.includes(input), `${input} is not seen to change`);
        return replaces.length > 0;
      });
      assert.deepEqual(handler.diff(state, inputs, new Date()).changed, []);
      assert.deepEqual(
        marked(inputProperties, ({ willReplaceOnChanges }) => willReplaceOnChanges === true),
        replacing,
      );
    });

    it("has examples that a check finds nothing wrong with", () => {
      const programs = programsIn(description, "yaml").map((program) => parse(program) as Template);
      const declared = programs.flatMap(({ resources = {} }) => Object.entries(resources));
      assert.ok(declared.some(([, { type }]) => type === `lxd-access:${name}`));
      for (const [step, { type, properties: given = {} }] of declared) {
        const used: AnyHandler = handlers[type.replace("lxd-access:", "") as ResourceName];
        const inputs = { ...(used.nameInput && { [used.nameInput]: step }), ...known(given) };
        assert.deepEqual(checkInputs(used, inputs), [], `${name}: ${step}`);
      }
    });

    it("has its examples in every language, and the form of an id to import", () => {
      const count = programsIn(description, "yaml").length;
      for (const language of ["python", "go", "csharp", "java", "typescript"])
        assert.equal(programsIn(description, language).length, count, language);
      const form = handler.importId.replaceAll("`", "");
      assert.ok(description.includes(`\`${form}\``), form);
      assert.match(description, new RegExp(`## Import\\n[^]*\\$ pulumi import lxd-access:index:${name} `));
    });
  });
}

for (const name of functionNames) {
  const handler = functions[name];
  const { inputs, outputs, description } = functionOf(name);

  describe(`the package schema of ${name}`, () => {
    it("has the arguments that the handler takes, secret and required as there", () => {
      assert.deepEqual(Object.keys(inputs.properties), Object.keys(shapeOf(handler.args)));
      assert.deepEqual(marked(inputs.properties, isSecret).sort(), joined(secretPaths(handler.args)));
      const missing = checkInputs(handler, {}).map(({ property }) => property);
      assert.deepEqual(inputs.required ?? [], missing);
    });

    it("has the answer of the handler, and nothing in it is secret", () => {
      const shape = Object.entries(shapeOf(handler.result));
      assert.deepEqual(
        Object.keys(outputs.properties),
        shape.map(([key]) => key),
      );
      assert.deepEqual(
        outputs.required,
        shape.filter(([, value]) => !value.safeParse(undefined).success).map(([key]) => key),
      );
      assert.deepEqual(marked(outputs.properties, isSecret), []);
    });

    it("has an example that a check finds nothing wrong with, in every language but Java", () => {
      const [program = ""] = programsIn(description, "yaml");
      const { variables = {} } = parse(program) as Template;
      const [asked] = Object.values(variables);
      assert.equal(asked?.["fn::invoke"].function, `lxd-access:${name}`);
      assert.deepEqual(checkInputs(handler, known(asked["fn::invoke"].arguments ?? {})), []);
      for (const language of ["python", "go", "csharp", "typescript"])
        assert.equal(programsIn(description, language).length, 1, language);
    });
  });
}

describe("the programs in the package schema's examples", () => {
  const wrong: [title: string, step: { readonly [name: string]: Given }, complaint: RegExp][] = [
    ["a property that there is not", { adress: "10.0.0.1" }, /prod has no property adress/],
    ["a nested one", { timeouts: { connct: 1 } }, /prod\.timeouts has no property connct/],
    ["another type", { setDefault: "yes" }, /prod\.setDefault cannot be "yes"/],
    ["a value that there is not", { protocol: "http" }, /prod\.protocol cannot be "http"/],
    ["an item of another type", { addresses: [8443] }, /prod\.addresses\[\] cannot be 8443/],
    ["an output that there is not", { token: new Reference("prod", "tokn") }, /prod has no output tokn/],
    ["a step that there is not", { token: new Reference("invite", "token") }, /no step invite/],
  ];
  for (const [title, args, complaint] of wrong)
    it(`cannot have ${title}`, () => {
      const steps = [{ resource: "Remote", name: "prod", args }] as const;
      assert.throws(() => typed({ title, steps }), complaint);
    });
});

/** A resource as it is, for each: its inputs, and a state in which nothing is left to do. */
const replaceable: Record<ResourceName, { inputs: Record<string, unknown>; state: object }> = {
  ClientCertificate: withState({ commonName: "ci" }, { expiresAt: "2100-01-01T00:00:00Z" }),
  HttpsAddress: withState({ address: ":8443" }, { address: ":8443", resolvedAddress: ":8443" }),
  Remote: withState({ name: "prod" }, { configState: "absent" }),
  TrustToken: withState({ clientName: "ci", groups: ["ci"], kind: "identity" }, { held: { groups: ["ci"] } }),
};

function withState(inputs: Record<string, unknown>, outputs: object) {
  return { inputs, state: { ...outputs, given: inputs } };
}

function otherThan(value: unknown): unknown {
  if (value === "identity") return "certificate";
  return Array.isArray(value) ? ["another"] : "another";
}

function shapeOf(object: z.ZodType): Record<string, z.ZodType> {
  assert.ok(object instanceof z.ZodObject);
  return object.shape;
}

interface Template {
  readonly resources?: Record<string, { type: string; properties?: Record<string, unknown> }>;
  readonly variables?: Record<
    string,
    { "fn::invoke": { function: string; arguments?: Record<string, unknown> } }
  >;
}

function programsIn(description: string, language: string): string[] {
  return [...description.matchAll(/```(\w+)\n(.*?)\n```/gs)]
    .filter(([, found]) => found === language)
    .map(([, , program = ""]) => program);
}

/** What comes of other resources, or of the stack, is not known in a preview. */
function known(inputs: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(inputs).map(([key, value]) => [
      key,
      typeof value === "string" && value.startsWith("${") ? unknownValue : value,
    ]),
  );
}
