/** What is remembered of texts. */
import { strict as assert } from "node:assert";
import { RecentTexts } from "../../provider/recent";

describe("what was made of texts", () => {
  it("is made once, while it is among the latest", () => {
    const recent = new RecentTexts<{ text: string }>(2);
    const made: string[] = [];
    const of = (text: string): object =>
      recent.of(text, () => {
        made.push(text);
        return { text };
      });
    assert.equal(of("a"), of("a"));
    of("b");
    of("a");
    of("c");
    assert.deepEqual(made, ["a", "b", "c"]);
    of("b");
    of("a");
    assert.deepEqual(made, ["a", "b", "c", "a"]);
  });

  it("is not remembered where it could not be made", () => {
    const recent = new RecentTexts<object>(2);
    assert.throws(() =>
      recent.of("a", () => {
        throw new Error("damaged");
      }),
    );
    assert.deepEqual(
      recent.of("a", () => ({ whole: true })),
      { whole: true },
    );
  });
});
