import { appendFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/support/open-for-test.ts";
import { DailyBytes } from "./daily-bytes.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;
const [ANN, BOB] = ["session:ann", "session:bob"];

function startCount(folder: string, clock = { now: NOON }): DailyBytes {
  return new DailyBytes({ folder, most: 100, now: () => clock.now });
}

test("counts each session for itself, over every server of the folder, those that come later too", async () => {
  const folder = temporaryFolder();
  const [one, other] = [startCount(folder), startCount(folder)];
  await one.count(ANN, 60);
  await other.count(ANN, 30);
  await expect(one.count(ANN, 11)).rejects.toMatchObject({ problem: "rate-limited", retryAfterS: 12 * 3_600 });
  // What is refused is not counted.
  await startCount(folder).count(ANN, 10);
  await expect(other.count(ANN, 1)).rejects.toMatchObject({ problem: "rate-limited" });
  await other.count(BOB, 100);
});

test("of what comes at one moment at several servers, no more is taken than there is room for", async () => {
  const folder = temporaryFolder();
  const servers = Array.from({ length: 4 }, () => startCount(folder));
  const taken = await Promise.allSettled(
    Array.from({ length: 200 }, (_, index) => servers[index % 4]?.count(ANN, 1 + (index % 3))),
  );
  const bytes = taken.reduce((sum, { status }, index) => sum + (status === "fulfilled" ? 1 + (index % 3) : 0), 0);
  expect(bytes).toBeGreaterThan(90);
  expect(bytes).toBeLessThanOrEqual(100);
  const count = startCount(folder);
  await count.count(ANN, 100 - bytes);
  await expect(count.count(ANN, 1)).rejects.toThrow();
});

test("a day begins with nothing, and what was counted on days before yesterday is removed", async () => {
  const folder = temporaryFolder();
  const clock = { now: NOON };
  const daily = startCount(folder, clock);
  await daily.count(ANN, 100);
  clock.now += 12 * HOUR_MS;
  await daily.count(ANN, 100);
  await expect(daily.count(ANN, 1)).rejects.toMatchObject({ retryAfterS: 86_400 });
  await daily.sweep();
  expect(readdirSync(folder)).toEqual(["2026-11-22", "2026-11-23"]);
  clock.now += 24 * HOUR_MS;
  await daily.sweep();
  expect(readdirSync(folder)).toEqual(["2026-11-23"]);
});

test("a line that a power cut took the content of costs the others nothing", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "2026-11-22"));
  appendFileSync(join(folder, "2026-11-22", "ann"), `70\n${"\0".repeat(5_000)}\n29\n`);
  const daily = startCount(folder);
  await daily.count(ANN, 1);
  await expect(daily.count(ANN, 1)).rejects.toThrow();
});
