/** Servers that close a connection after each reply: reads that were sent ahead over it lose nothing by that. */
import * as assert from "node:assert/strict";
import { useConnections } from "./connections";
import { type Answer, reply } from "./tls-listener";

const text = reply({ type: "sync", metadata: ["/1.0/projects/default"] });
const announced = text.replace("\r\n", "\r\nconnection: close\r\n");

const kinds: [title: string, answer: Answer][] = [
  ["says so", (socket) => socket.end(announced)],
  [
    "says so, and does not wait until it is taken",
    (socket) => {
      socket.write(announced);
      setImmediate(() => socket.destroy());
    },
  ],
  ["does not say so", (socket) => socket.end(text)],
  [
    "does not say so, and answers others before",
    (socket) => {
      socket.write(text);
      setImmediate(() => socket.destroy());
    },
  ],
];

describe("a server that closes the connection after each reply", () => {
  const { listen, dial } = useConnections();

  for (const [title, answer] of kinds) {
    it(`and ${title}, answers all reads, those that come together and those after them`, async () => {
      const listener = await listen(answer);
      for (const count of [3, 8]) {
        const client = dial(listener.port);
        for (let round = 1; round <= 2; round++) {
          const reads = Array.from({ length: count }, () => client.getProjectNames({ fresh: true }));
          assert.deepEqual(await Promise.all(reads), Array(count).fill(["default"]));
        }
      }
    });
  }
});
