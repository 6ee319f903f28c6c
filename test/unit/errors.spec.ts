import { strict as assert } from "node:assert";
import { AccessError } from "../../provider/errors";
import { requireShowable } from "../support/faults/withstanding";

describe("the message of an error", () => {
  const long = 20_000;
  for (const [what, part] of Object.entries({ "control codes": "\u001b[2J", letters: "x", emoji: "a😀" })) {
    it(`can be shown, and read to its end, with ${long} ${what} in it`, () => {
      const { message } = new AccessError(
        "LXD_REJECTED",
        `Asking ${part.repeat(long)} what it is. Run again`,
      );
      requireShowable(message);
      assert.match(message, /^Asking .*what it is\. Run again \[LXD_REJECTED\]$/);
    });
  }
});
