/** A program that makes what a file lists, so that no secret stands in its own text, and shows all it has as a careless user would. */

/** A resource or function of the package by name, a resource's name in the stack, and the arguments. */
export interface Given {
  readonly resources?: readonly (readonly [type: string, name: string, args: object])[];
  readonly functions?: readonly (readonly [name: string, args: object])[];
  /** Whether a function that fails makes the program fail. */
  readonly isUncaught?: boolean;
}

/** A value that the program gives as a secret of Pulumi. */
export function asSecret(value: unknown): object {
  return { $secret: value };
}

/** A value that the program gives as an Output. */
export function asOutput(value: unknown): object {
  return { $output: value };
}

/** The name of the file that lists what the program is to make. */
export const givenFile = "given.json";

export const secretProgram = `
import * as pulumi from "@pulumi/pulumi";
import * as lxd from "pulumi-lxd-access";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
const all = lxd as unknown as Record<string, any>;
const { resources = [], functions = [], isUncaught = false } = JSON.parse(readFileSync("${givenFile}", "utf8"));

function live(value: any): any {
  if (Array.isArray(value)) return value.map(live);
  if (typeof value !== "object" || value === null) return value;
  if ("$secret" in value) return pulumi.secret(live(value.$secret));
  if ("$output" in value) return pulumi.output(Promise.resolve(live(value.$output)));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, live(inner)]));
}

/** The same without what only Outputs can be. */
function plain(value: any): any {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("$secret" in value) return plain(value.$secret);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function show(value: any): void {
  console.log(value, inspect(value, { depth: 3, showHidden: true }));
  try {
    console.log(String(value), JSON.stringify(value));
  } catch (error) {
    console.log(error);
  }
}

const made = resources.map(([type, name, args]: any) => new all[type](name, live(args)));
for (const one of made) {
  // At once, and when it is there.
  pulumi.output(one.urn).apply(() => show(one));
  show(one);
  for (const value of [one.token, one.privateKey, one.clientKey]) if (value !== undefined) show(value);
}

for (const [name, args] of functions) {
  const answers = [all[name](plain(args)), all[name + "Output"](live(args))];
  for (const answer of answers) pulumi.output(answer).apply((known) => show(known));
  if (!isUncaught) answers[0].catch(show);
}

const parts = made.flatMap((one: any) => (one.invitation ? [one.invitation, one.remote, one.certificate] : [one]));
export const secrets = parts.flatMap((one: any) => [one.token, one.privateKey, one.clientKey, one.pkcs12]);
export const names = parts.map((one: any) => one.name ?? one.fingerprint);
`;
