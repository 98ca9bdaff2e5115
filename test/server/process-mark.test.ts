import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isLeftover, isMarked, isOwn, markedName } from "../../src/platform/process-mark.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const HOUR_MS = 3_600_000;
const { self } = systemHost;
const dead = { pid: 4_194_305, birth: "1" };

test("what this process has is its own and not left behind", async () => {
  const name = markedName("file");
  expect([isMarked(name), isOwn(name), await isLeftover(temporaryFolder(), name)]).toEqual([true, true, false]);
  expect([isMarked("file"), isOwn("file"), await isLeftover(temporaryFolder(), "file")]).toEqual([false, false, false]);
});

test("what a dead process of this machine, or one before its last start, had is left behind at once", async () => {
  const folder = temporaryFolder();
  expect(await isLeftover(folder, markedName("file", { ...self, ...dead }))).toBe(true);
  const [name, , namespace] = self.host.split("/");
  const before = [name, "another-boot", namespace].join("/");
  expect(await isLeftover(folder, markedName("file", { ...self, host: before }))).toBe(true);
});

test("what another machine has is its own until nobody has touched it for an hour, whatever the number of its process", async () => {
  const folder = temporaryFolder();
  const name = markedName("upload", { host: "far/boot/pid:[1]", pid: self.pid, birth: self.birth });
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "data"), "x");
  expect([isOwn(name), await isLeftover(folder, name)]).toEqual([false, false]);
  const now = Date.now();
  const old = (now - 2 * HOUR_MS) / 1_000;
  utimesSync(join(folder, name), old, old);
  expect(await isLeftover(folder, name, now)).toBe(false);
  utimesSync(join(folder, name, "data"), old, old);
  expect(await isLeftover(folder, name, now)).toBe(true);
  expect(await isLeftover(folder, markedName("gone", { host: "far/boot/pid:[1]", ...dead }), now)).toBe(false);
});
