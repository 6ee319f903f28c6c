import { ApiError } from "./protocol";

/** A JSON object of a request, read with the zero values and the complaints of Go's decoder. */
export class Body {
  readonly #fields: Record<string, unknown>;

  private constructor(
    private readonly typeName: string,
    fields: object,
  ) {
    this.#fields = { ...fields };
  }

  /** 400 where the text is not JSON or not an object. `typeName` is the Go type named in complaints. */
  static parse(text: string, typeName: string): Body {
    if (text.trim() === "") throw new ApiError(400, "EOF");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new ApiError(400, "invalid character in the request body");
    }
    if (value === null) return new Body(typeName, {});
    if (typeof value !== "object" || Array.isArray(value))
      throw new ApiError(
        400,
        `json: cannot unmarshal ${jsonType(value)} into Go value of type api.${typeName}`,
      );
    return new Body(typeName, value);
  }

  has(key: string): boolean {
    return this.#fields[key] !== undefined && this.#fields[key] !== null;
  }

  string(key: string): string {
    const value = this.#fields[key] ?? "";
    return typeof value === "string" ? value : this.#complain(key, value, "string");
  }

  boolean(key: string): boolean {
    const value = this.#fields[key] ?? false;
    return typeof value === "boolean" ? value : this.#complain(key, value, "bool");
  }

  strings(key: string): string[] {
    const value = this.#fields[key] ?? [];
    if (!Array.isArray(value)) return this.#complain(key, value, "[]string");
    return value.map((item: unknown) =>
      typeof item === "string" ? item : this.#complain(key, item, "string"),
    );
  }

  /** A list of objects whose values are still to be looked at. */
  objects(key: string): Record<string, unknown>[] {
    const value = this.#fields[key] ?? [];
    if (!Array.isArray(value)) return this.#complain(key, value, "[]struct");
    return value.map((item: unknown) =>
      typeof item === "object" && item !== null ? { ...item } : this.#complain(key, item, "struct"),
    );
  }

  /** The keys that are there, whatever they hold. */
  keys(): string[] {
    return Object.keys(this.#fields);
  }

  /** An object whose values are still to be looked at. */
  object(key: string): Record<string, unknown> {
    const value = this.#fields[key] ?? {};
    if (typeof value !== "object" || Array.isArray(value))
      return this.#complain(key, value, "map[string]interface {}");
    return { ...value };
  }

  #complain(key: string, value: unknown, goType: string): never {
    const field = `${this.typeName}.${key}`;
    throw new ApiError(
      400,
      `json: cannot unmarshal ${jsonType(value)} into Go struct field ${field} of type ${goType}`,
    );
  }
}

/** JSON's name for the type of a decoded value, as Go's decoder prints it. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** Go's name for the type of a decoded JSON value. */
export function goType(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  const names: Partial<Record<string, string>> = { number: "float64", boolean: "bool" };
  return names[typeof value] ?? "map[string]interface {}";
}
