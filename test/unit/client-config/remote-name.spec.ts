import { strict as assert } from "node:assert";
import {
  describeRemoteNameProblem,
  readRemote,
  removeRemote,
  writeRemote,
} from "../../../provider/client-config/client-directory";
import { entryAt, newDirectory, removeDirectories } from "./directories";

describe("describeRemoteNameProblem", () => {
  after(removeDirectories);

  for (const name of ["edge-1", "a.b", "1", "yes", "é", "日本", "a_b", "@x", "#e", "a..b"]) {
    it(`takes ${name}`, () => {
      assert.equal(describeRemoteNameProblem(name), undefined);
    });
  }

  const refused: [name: string, problem: RegExp][] = [
    ["", /^it is empty$/],
    ["a:b", /^"a:b" holds ":"$/],
    ["../../etc/passwd", /holds "\/"/],
    ["..\\x", /holds "\\"/],
    ["..", /begins with "\."/],
    [".hidden", /begins with "\."/],
    ["-x", /begins with "-"/],
    ["~", /begins with "~"/],
    ["a b", /^it holds white space or a character that cannot be printed$/],
    ["a\nb", /white space/],
    ["a\u0000b", /cannot be printed/],
    ["a\u200bb", /cannot be printed/],
    ["<<", /merge/],
    ["x".repeat(201), /^it is longer than 200 bytes$/],
    ["é".repeat(101), /longer than 200 bytes/],
    ["local", /^"local" is a remote that the client defines itself$/],
    ["images", /defines itself/],
    ["ubuntu-minimal-daily", /defines itself/],
  ];
  for (const [name, problem] of refused) {
    it(`refuses ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.match(describeRemoteNameProblem(name) ?? "", problem);
    });
  }

  it("knows that images is an ordinary name for incus, and local is not", () => {
    assert.equal(describeRemoteNameProblem("images", "incus"), undefined);
    assert.match(describeRemoteNameProblem("local", "incus") ?? "", /defines itself/);
  });

  it("guards every function that makes a file name from it", async () => {
    const directory = newDirectory();
    const name = "../../escaped";
    for (const work of [
      () => writeRemote({ directory, name, entry: entryAt(1) }),
      () => readRemote({ directory, name }),
      () => removeRemote({ directory, name, addr: "https://127.0.0.1:1" }),
    ]) {
      await assert.rejects(work, {
        errorCode: "INPUT_INVALID",
        message: /^name: "\.\.\/\.\.\/escaped" holds "\/"/,
      });
    }
  });
});
