/**
 * The parts of a Pulumi package schema that this package needs.
 * https://www.pulumi.com/docs/iac/packages-and-automation/pulumi-packages/schema/
 */

export interface TypeSpec {
  readonly type?: "string" | "boolean" | "number" | "integer" | "array";
  readonly items?: TypeSpec;
  readonly $ref?: string;
  readonly oneOf?: readonly TypeSpec[];
}

export interface PropertySpec extends TypeSpec {
  readonly description: string;
  readonly secret?: true;
  /** Shown in the documents alone: the provider says itself what replaces a resource. */
  readonly willReplaceOnChanges?: true;
  readonly defaultInfo?: { readonly environment: readonly string[] };
}

export type Properties = Readonly<Record<string, PropertySpec>>;

export interface ObjectSpec {
  readonly type: "object";
  readonly description?: string;
  readonly properties: Properties;
  readonly required?: readonly string[];
}

export interface EnumSpec {
  readonly type: "string";
  readonly description: string;
  readonly enum: readonly { readonly name: string; readonly value: string; readonly description: string }[];
}

export interface ResourceSpec {
  readonly description: string;
  readonly inputProperties: Properties;
  readonly requiredInputs?: readonly string[];
  readonly properties?: Properties;
  readonly required?: readonly string[];
}

export interface FunctionSpec {
  readonly description: string;
  readonly inputs: ObjectSpec;
  readonly outputs: ObjectSpec;
}

export type Types = Readonly<Record<string, ObjectSpec | EnumSpec>>;

export interface PackageSpec {
  readonly name: string;
  readonly displayName: string;
  readonly version: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly license: string;
  readonly homepage?: string;
  readonly repository?: string;
  readonly publisher?: string;
  readonly pluginDownloadURL?: string;
  readonly language: Readonly<Record<string, object>>;
  readonly config: { readonly variables: Properties };
  readonly provider: ResourceSpec;
  readonly types: Types;
  readonly resources: Readonly<Record<string, ResourceSpec>>;
  readonly functions: Readonly<Record<string, FunctionSpec>>;
}
