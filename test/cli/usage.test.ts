import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callMain } from "./support/call-main.ts";
import { makePhotos } from "./support/photos.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "milepost-cli-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** One line on stderr, nothing on stdout, no store made. */
async function expectRefusal(args: readonly string[], expected: { status: number; message: RegExp }): Promise<void> {
  const { status, stdout, stderr } = await callMain(args, folder);
  expect(stderr).toMatch(expected.message);
  expect(stderr).toMatch(/^milepost: [^\n]+\n$/);
  expect(stdout).toBe("");
  expect(status).toBe(expected.status);
  expect(existsSync(join(folder, ".milepost"))).toBe(false);
}

describe("wrong use", () => {
  it.each([
    [["lst"], /unknown command 'lst' \(Did you mean list\?\)/],
    [["help", "lst"], /unknown command 'lst' \(Did you mean list\?\)/],
    [["help", "run", "imags"], /unknown command 'imags' \(Did you mean images\?\)/],
    [["help", "list", "x"], /list has no verb 'x'/],
    [["list", "--jsn"], /unknown option '--jsn' \(Did you mean --json\?\)/],
    [["list", "extra"], /too many arguments/],
    [["items"], /missing required argument 'batch'/],
    [["items", "a", "--limit", "0"], /whole number from 1 to 1000/],
    [["items", "a", "--limit", "1.5"], /whole number/],
    [["items", "a", "--limit"], /argument missing/],
    [["items", "a", "--state", "done"], /one of pending, processing, completed, failed, cancelled/],
    [["run", "images"], /name at least one file/],
    [["run", "images", "x", "--format", "gif"], /Allowed choices are keep, jpeg, png, webp, avif/],
    [["run", "images", "x", "--width", "-3"], /whole number from 1 to 10000/],
    [["run", "images", "x", "--timeout", "5"], /number with a unit/],
    [["run", "images", "x", "--start-at", "soon"], /a time such as/],
    [["run", "images", "x", "--priority", "highest"], /urgent, high, normal, low/],
    [["run", "images", "x", "--name-template", "../{name}.jpg"], /./],
    [["run", "images", "x", "--out", ""], /--out <folder>' argument '' is invalid. It must not be empty/],
    [["work", "--queue", ""], /It must not be empty/],
    [["list", "--store", ""], /It must not be empty/],
    [["priority", "a"], /give a batch, perhaps an item, and a priority/],
    [["priority", "a", "1.5"], /priority must be/],
    [["prune"], /--older-than/],
    [["prune", "--older-than", "week"], /number with a unit/],
    [["list", "\u001b[31mx"], /too many arguments/],
    [["serve", "--port", "70000"], /whole number from 0 to 65535/],
    [["serve", "--token", "short"], /at least 16 characters/],
    [["serve", "--retention", "0s"], /retentionMs must be a whole number from 1/],
    [["serve", "--webhook", "ftp://example.org"], /must begin with http/],
    [["serve", "--log", "xml"], /Allowed choices are json, none/],
    [["serve", "--store", "memory:"], /needs --files/],
  ])("%j is refused with 2", (args, message) => expectRefusal(args, { status: 2, message }));

  it("never shows control characters", async () => {
    const { stderr } = await callMain(["items", "a", "--limit", "\u001b]0;x\u0007"], folder);
    expect(stderr).toContain("\\e]0;x\\x07");
  });
});

describe("what is not there", () => {
  it.each([["list"], ["status"], ["items", "a"], ["pause", "a"], ["verify"], ["wait", "a"]])(
    "%s without a store is 4 and makes none",
    (...args) => expectRefusal(args, { status: 4, message: /there is no store at .*milepost\.db/ }),
  );

  it("a store of another kind is 4", async () => {
    const path = join(folder, "other.db");
    await writeFile(
      path,
      "this is a text, not a database, and longer than a header of SQLite would be, to be sure of it",
    );
    const { status, stderr } = await callMain(["list", "--store", path], folder);
    expect(stderr).toMatch(/^milepost: [^\n]+\n$/);
    expect(status).toBe(4);
  });

  it("a store that is a folder is 4", async () => {
    const { status, stderr } = await callMain(["list", "--store", folder], folder);
    expect(stderr).toMatch(/^milepost: [^\n]+\n$/);
    expect(status).toBe(4);
  });

  it("a missing file is 3, before anything is submitted", async () => {
    await makePhotos(join(folder, "photos"), 1);
    const args = ["run", "images", "photos", "gone.jpg", "also\ngone.jpg"];
    await expectRefusal(args, { status: 3, message: /gone\.jpg, also\\ngone\.jpg not found/ });
  });

  it("a folder without images is 3", async () => {
    await mkdir(join(folder, "empty"));
    await expectRefusal(["run", "images", "empty"], { status: 3, message: /no images/ });
  });

  it("a missing list is 3", () =>
    expectRefusal(["run", "images", "--from-file", "list.txt"], { status: 3, message: /list\.txt does not exist/ }));

  it("an unknown batch is 3", async () => {
    await makePhotos(join(folder, "photos"), 1);
    expect((await callMain(["run", "images", "photos"], folder)).status).toBe(0);
    for (const args of [
      ["status", "nope"],
      ["pause", "nope"],
      ["items", "nope"],
      ["wait", "nope"],
      ["hold", "nope", "x"],
    ]) {
      const { status, stderr } = await callMain(args, folder);
      expect([args, status]).toEqual([args, 3]);
      expect(stderr).toMatch(/^milepost: [^\n]*not found\n$/);
    }
  });
});

describe.skipIf(process.platform === "win32")("pipes and devices", () => {
  it("are refused with 2 and never opened", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.jpg")]);
    await expectRefusal(["run", "images", "pipe.jpg"], { status: 2, message: /neither a file nor a folder/ });
    await expectRefusal(["run", "images", "/dev/zero"], { status: 2, message: /neither a file nor a folder/ });
  });
});
