/** Dependencies point one way, whatever the form of the import. The files below are named only, and need not exist. */
import * as assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { Linter } from "eslint";
import { parser } from "typescript-eslint";

const root = resolve(__dirname, "../..");

describe("the import boundaries", () => {
  let complaints: (file: string, code: string) => string[];

  before(async () => {
    const { imports } = await import("../../eslint-layers.mjs");
    const linter = new Linter({ cwd: root });
    complaints = (file, code) =>
      linter
        .verify(
          code,
          {
            files: ["**/*.ts"],
            languageOptions: { parser },
            plugins: { layers: { rules: { imports } } },
            rules: { "layers/imports": "error" },
          },
          join(root, file),
        )
        .map(({ message }) => message);
  });

  const isRefused = (file: string, from: string): boolean =>
    complaints(file, `import { x } from "${from}";`).length === 1;

  const allowed: [file: string, from: string][] = [
    ["provider/dynamic.ts", "./registry"],
    ["provider/dynamic.ts", "@pulumi/pulumi"],
    ["provider/registry.ts", "./resources/remote"],
    ["provider/resources/remote.ts", "../lxd/client"],
    ["provider/resources/remote.ts", "../pki/certificate"],
    ["provider/resources/remote.ts", "../client-config/client-directory"],
    ["provider/resources/remote.ts", "./join"],
    ["provider/client-config/config-document.ts", "yaml"],
    ["provider/lxd/transport.ts", "node:crypto"],
    ["provider/pki/der.ts", "node-forge/lib/asn1"],
    ["provider/schema/package.ts", "../registry"],
    ["provider/dynamic-provider.ts", "./schema"],
    ["sdk/remote.ts", "@pulumi/pulumi"],
    ["sdk/policy/rule.ts", "@pulumi/policy"],
    ["sdk/policy/rule.ts", "../dynamic-type"],
    ["examples/quickstart/index.ts", "pulumi-lxd-access"],
  ];
  it("let each part use what it is built on", () => {
    assert.deepEqual(
      allowed.filter(([file, from]) => isRefused(file, from)),
      [],
    );
  });

  const refused: [file: string, from: string][] = [
    // Nothing but the fronts knows Pulumi.
    ["provider/registry.ts", "@pulumi/pulumi"],
    ["provider/resources/remote.ts", "@pulumi/pulumi"],
    ["provider/lxd/client.ts", "@pulumi/pulumi/runtime"],
    ["provider/pki/der.ts", "@pulumi/pulumi"],
    ["provider/client-config/config-file.ts", "@pulumi/pulumi"],
    ["provider/handler.ts", "@pulumi/pulumi"],
    // Fronts -> registry -> resources -> (lxd, pki, client-config), never back and past no step.
    ["provider/registry.ts", "./dynamic"],
    ["provider/registry.ts", "./dynamic-provider"],
    ["provider/dynamic.ts", "./resources/remote"],
    ["provider/resources/remote.ts", "../registry"],
    ["provider/resources/remote.ts", "../dynamic"],
    ["provider/resources/remote.ts", "../secrets"],
    ["provider/resources/remote.ts", "../../sdk/resource"],
    ["provider/handler.ts", "./registry"],
    ["provider/handler.ts", "./resources/remote"],
    ["provider/lxd/client.ts", "../resources/remote"],
    ["provider/lxd/client.ts", "../handler"],
    ["provider/lxd/client.ts", "../registry"],
    ["provider/lxd/client.ts", "../dynamic"],
    ["provider/lxd/client.ts", "../pki/certificate"],
    ["provider/lxd/client.ts", "../client-config/client-directory"],
    ["provider/pki/der.ts", "../lxd/client"],
    ["provider/pki/der.ts", "../resources/remote"],
    ["provider/pki/der.ts", "../client-config/client-directory"],
    ["provider/pki/der.ts", "../properties"],
    ["provider/client-config/config-file.ts", "../lxd/client"],
    ["provider/client-config/config-file.ts", "../resources/remote"],
    ["provider/client-config/config-file.ts", "../connection"],
    ["provider/errors.ts", "./handler"],
    // The package schema is made beforehand, and no front needs what makes it.
    ["provider/registry.ts", "./schema/package"],
    ["provider/dynamic-provider.ts", "./schema/package"],
    ["provider/resources/remote.ts", "../schema/properties"],
    ["provider/schema/package.ts", "../resources/remote"],
    ["provider/schema/package.ts", "@pulumi/pulumi"],
    // A program loads the SDK, and nothing else.
    ["sdk/remote.ts", "zod"],
    ["sdk/remote.ts", "../provider/errors"],
    ["sdk/remote.ts", "../provider/resources/remote"],
    ["examples/quickstart/index.ts", "../../sdk"],
    // Nor does a policy pack.
    ["sdk/policy/rule.ts", "../resource"],
    ["sdk/policy/rule.ts", "../../provider/lxd/address"],
    ["sdk/policy/rule.ts", "@pulumi/pulumi"],
    ["sdk/policy/rule.ts", "zod"],
    ["examples/quickstart/index.ts", "zod"],
    // Ways round.
    ["provider/lxd/client.ts", "./../resources/remote"],
    ["provider/lxd/client.ts", "../../provider/resources/remote"],
    ["provider/lxd/client.ts", "../lxd/../handler"],
    ["provider/lxd/client.ts", "pulumi-lxd-access/provider"],
    ["provider/resources/remote.ts", "../../test/support/skip"],
    ["provider/resources/remote.ts", "node:module"],
    ["provider/resources/remote.ts", "undici"],
  ];
  it("keep each part from everything else", () => {
    assert.deepEqual(
      refused.filter(([file, from]) => !isRefused(file, from)),
      [],
    );
  });

  const forms = {
    "import type": 'import type { X } from "../resources/remote";',
    "import of a type": 'import { type X } from "../resources/remote";',
    "import of everything": 'import * as x from "../resources/remote";',
    "import for its effects": 'import "../resources/remote";',
    "re-export": 'export { x } from "../resources/remote";',
    "re-export of a type": 'export type { X } from "../resources/remote";',
    "re-export of everything": 'export * from "../resources/remote";',
    "import()": 'const x = await import("../resources/remote");',
    "computed import()": "const x = await import(`../${name}`);",
    "type import()": 'let x: import("../resources/remote").X;',
    "typeof import()": 'let x: typeof import("../resources/remote");',
    "import with require": 'import x = require("../resources/remote");',
    require: 'const x = require("../resources/remote");',
  };
  it("see every form of an import", () => {
    const unseen = Object.entries(forms).filter(
      ([, code]) => complaints("provider/lxd/client.ts", code).length !== 1,
    );
    assert.deepEqual(unseen, []);
  });

  it("want every file of the provider to belong to a part", () => {
    assert.deepEqual(complaints("provider/new-front.ts", ""), ["Name this file in eslint-layers.mjs."]);
  });
});
