/** Remembers what was made of texts, as the same certificates, keys and replies are read again and again. */

/** The values of the latest texts. A text may be secret: it is in memory anyway, and goes nowhere. */
export class RecentTexts<Value extends object> {
  private readonly values = new Map<string, Value>();

  /** How many are remembered at most. */
  constructor(private readonly most: number) {}

  /** The value of a text, made where it is not remembered. What `make` throws is not remembered. */
  of(text: string, make: () => Value): Value {
    const known = this.values.get(text);
    if (known !== undefined) return known;
    const value = make();
    const [oldest] = this.values.keys();
    if (this.values.size >= this.most && oldest !== undefined) this.values.delete(oldest);
    this.values.set(text, value);
    return value;
  }
}
