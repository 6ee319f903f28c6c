import { strict as assert } from "node:assert";
import { expandPath } from "../../../provider/client-config/client-directory";

describe("expandPath", () => {
  const home = process.env.HOME;
  beforeEach(() => {
    process.env.HOME = "/home/me";
  });
  afterEach(() => {
    if (home === undefined) delete process.env.HOME;
    else process.env.HOME = home;
  });

  const meanings: [path: string, meaning: string][] = [
    ["~", "/home/me"],
    ["~/.config/lxc", "/home/me/.config/lxc"],
    ["lxc", "/srv/program/lxc"],
    ["./lxc/", "/srv/program/lxc"],
    ["../lxc", "/srv/lxc"],
    [".", "/srv/program"],
    ["/etc/lxc", "/etc/lxc"],
    ["./~odd", "/srv/program/~odd"],
  ];
  for (const [path, meaning] of meanings) {
    it(`${path} is ${meaning}`, () => {
      assert.equal(expandPath(path, "/srv/program"), meaning);
    });
  }

  it("refuses an empty path: it would be the program's own directory", () => {
    assert.throws(() => expandPath("", "/srv/program"), {
      errorCode: "INPUT_INVALID",
      message: /path is empty/,
    });
  });

  it("refuses another user's home instead of making a directory of that name", () => {
    assert.throws(() => expandPath("~bob/lxc", "/srv/program"), {
      errorCode: "INPUT_INVALID",
      message: /"~bob\/lxc"/,
    });
  });

  it("refuses ~ where HOME is empty, which would make it the root directory", () => {
    process.env.HOME = "";
    assert.throws(() => expandPath("~/lxc", "/srv/program"), {
      errorCode: "INPUT_INVALID",
      message: /Set HOME/,
    });
  });
});
