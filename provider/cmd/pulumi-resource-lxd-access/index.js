/** The plugin of this checkout. In the archives of a release, this file has all of the plugin inside. */
"use strict";

try {
  require("../../../dist/provider/plugin/main.js");
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  console.error(
    "pulumi-resource-lxd-access: this checkout is not built. Run `npm ci && npm run build` in it first.",
  );
  process.exitCode = 1;
}
