/** How this package's resources stand in a stack where the TypeScript package makes them. It is in every stack's state, and never changes. */

/** The type under which a resource stands in a stack. */
export function typeOf(resource: string): string {
  return `pulumi-nodejs:dynamic/lxd-access:${resource}`;
}

/**
 * The text in a resource's `__provider`, which Pulumi's process for dynamic resources runs to find its provider. Pulumi would
 * serialize the provider's code into every resource; this constant finds the installed package instead, so that state stays
 * small, a refresh runs the code that is installed, and an update of this package is no change of a resource.
 */
export function providerText(resource: string): string {
  return `exports.handler=()=>require("pulumi-lxd-access/provider").${resource};`;
}
