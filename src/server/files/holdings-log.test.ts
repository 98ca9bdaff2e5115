import { randomUUID } from "node:crypto";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/support/open-for-test.ts";
import { Holdings } from "./holdings.ts";
import { HoldingsLog } from "./holdings-log.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;
const [ANN, BOB] = ["session:ann", "session:bob"];
const [FIRST, SECOND] = [randomUUID(), randomUUID()];

function startLog(folder: string, clock = { now: NOON }) {
  const holdings = new Holdings();
  return { holdings, log: new HoldingsLog({ folder, holdings, now: () => clock.now }) };
}

test("what one server tells another hears, each session for itself, in the order in which it was told", async () => {
  const folder = temporaryFolder();
  const [one, other] = [startLog(folder), startLog(folder)];
  await one.log.tell(ANN, [
    [FIRST, 10_000],
    [SECOND, 20_000],
  ]);
  await other.log.tell(ANN, [[FIRST, 0]]);
  await one.log.tell(BOB, [[SECOND, 50_000]]);
  await one.log.hear(ANN);
  expect([one.holdings.total(ANN), other.holdings.total(ANN)]).toEqual([20_000, 20_000]);
  expect([one.holdings.total(BOB), other.holdings.total(BOB)]).toEqual([50_000, 0]);
  await other.log.sweep();
  expect(other.holdings.total(BOB)).toBe(50_000);
});

test("a server whose clock is late is heard, and days before yesterday are removed", async () => {
  const folder = temporaryFolder();
  const clock = { now: NOON + 13 * HOUR_MS };
  const [late, right] = [startLog(folder), startLog(folder, clock)];
  await right.log.tell(ANN, [[FIRST, 10_000]]);
  await late.log.tell(ANN, [[SECOND, 20_000]]);
  await right.log.hear(ANN);
  expect(right.holdings.total(ANN)).toBe(30_000);
  await right.log.sweep();
  expect(readdirSync(folder)).toEqual(["2026-11-22", "2026-11-23"]);
  clock.now += 24 * HOUR_MS;
  await right.log.sweep();
  expect(readdirSync(folder)).toEqual(["2026-11-23"]);
});

test("what is told is news once: a recount that does not meet it forgets it, unless it is on its way in", async () => {
  const { holdings, log } = startLog(temporaryFolder());
  await log.tell(ANN, [
    [FIRST, 10_000],
    [SECOND, 20_000],
  ]);
  await holdings.recount(async () => holdings.keep(SECOND));
  await log.hear(ANN);
  expect(holdings.total(ANN)).toBe(20_000);
  await holdings.recount(async () => {});
  await log.sweep();
  expect(holdings.total(ANN)).toBe(0);
});

test("a line that a power cut took the content of costs the others nothing, however long it is", async () => {
  const folder = temporaryFolder();
  const { holdings, log } = startLog(folder);
  await log.tell(ANN, [[FIRST, 10_000]]);
  appendFileSync(join(folder, "2026-11-22", "ann"), "\0".repeat(40_000));
  await startLog(folder).log.tell(ANN, [[SECOND, 20_000]]);
  await log.hear(ANN);
  expect(holdings.total(ANN)).toBe(30_000);
});
