import { strict as assert } from "node:assert";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunClaims } from "../../provider/plugin/run-claims";

describe("claims of all the processes of a run", () => {
  let temporary: string;
  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), "lxa-claims-"));
  });
  afterEach(() => {
    rmSync(temporary, { recursive: true });
  });
  const claimsOf = (engine: string): RunClaims => new RunClaims(engine, temporary);
  const [engine, another] = ["127.0.0.1:1", "127.0.0.1:2"];

  it("are known to each of them, and to no other run", () => {
    const [one, other] = [claimsOf(engine), claimsOf(engine)];
    assert.equal(one.take("a listener"), true);
    assert.equal(other.isTaken("a listener"), true);
    assert.equal(other.take("a listener"), false);
    assert.equal(other.take("another one"), true);
    assert.equal(one.isTaken("another one"), true);
    assert.equal(claimsOf(another).isTaken("a listener"), false);
  });

  it("go with the process that made them, and the folder with the last", () => {
    const [one, other] = [claimsOf(engine), claimsOf(engine)];
    one.take("a");
    other.take("b");
    one.clear();
    assert.deepEqual([other.isTaken("a"), other.isTaken("b")], [false, true]);
    other.clear();
    assert.deepEqual(readdirSync(temporary), []);
  });

  it("that a killed process left are removed after a day", () => {
    claimsOf(another).take("a");
    const [parent = ""] = readdirSync(temporary);
    const [left = ""] = readdirSync(join(temporary, parent));
    const yesterday = Date.now() / 1000 - 25 * 3600;
    utimesSync(join(temporary, parent, left), yesterday, yesterday);
    const claims = claimsOf(engine);
    claims.take("b");
    assert.equal(existsSync(join(temporary, parent, left)), false);
    assert.equal(claims.isTaken("b"), true);
  });

  it("are those of this process alone where no folder can be had", () => {
    const file = join(temporary, "file");
    writeFileSync(file, "");
    const claims = new RunClaims(engine, file);
    assert.deepEqual([claims.take("a"), claims.isTaken("a"), claims.take("a")], [true, true, false]);
    claims.clear();
    assert.equal(claims.isTaken("a"), false);
  });

  it("are not taken from a folder that somebody else has put in its place", () => {
    const theirs = claimsOf(engine);
    theirs.take("a");
    const [parent = ""] = readdirSync(temporary);
    renameSync(join(temporary, parent), join(temporary, "elsewhere"));
    symlinkSync(join(temporary, "elsewhere"), join(temporary, parent));
    const claims = claimsOf(engine);
    assert.equal(claims.isTaken("a"), false);
    assert.deepEqual([claims.take("a"), claims.isTaken("a")], [true, true]);
  });

  it("hold nothing of what is claimed, and nobody else may look", () => {
    mkdirSync(join(temporary, "x"));
    const claims = new RunClaims(engine, join(temporary, "x"));
    claims.take("prod at edge-1");
    const names = readdirSync(join(temporary, "x"), { recursive: true }).join(" ");
    assert.match(names, /[0-9a-f]{32}\/[0-9a-f]{32}/);
    assert.doesNotMatch(names, /prod|edge/);
  });
});
