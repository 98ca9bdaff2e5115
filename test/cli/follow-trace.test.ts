import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readTrace } from "../../bench/eta/trace.ts";
import { followTrace } from "../../src/cli/follow-trace.ts";
import { recordTrace } from "../../src/cli/record-trace.ts";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { ManualTime } from "../support/manual-time.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

test("a batch that is followed is recorded with its reports and short pauses", async () => {
  const time = new ManualTime();
  const { clock } = time;
  const milepost = await openMilepost("memory:", { clock, logger: SILENT });
  onTestFinished(() => time.until(milepost.close()));
  milepost.pipeline("reporting", async (_item, step) => {
    for (let part = 1; part <= 4; part++) {
      await time.work(1_000);
      step.progress(part, 4);
    }
  });
  const { batch } = await milepost.submit({ pipeline: "reporting", items: ["a", "b", "c"] });
  const following = followTrace(batch, { clock, signal: new AbortController().signal });
  await time.until(milepost.work({ leaseMs: 3_600_000 }));
  await time.pass(5_000);
  await time.until(batch.pause());
  await time.pass(10_000);
  await time.until(batch.resume());
  const followed = await time.until(following);

  const path = join(temporaryFolder(), "followed.json");
  writeFileSync(path, JSON.stringify(await recordTrace(batch, followed)));
  const { events, workers, items } = readTrace(path);
  expect([workers, items.length]).toEqual([1, 3]);
  const shares = events.filter(({ code, item }) => code === "p" && item === 0).map(({ x }) => x);
  expect(shares).toEqual([0.25, 0.5, 0.75]);
  const quarter = events.find(({ code, item }) => code === "p" && item === 0)?.at ?? Number.NaN;
  expect(quarter).toBeGreaterThanOrEqual(1);
  expect(quarter).toBeLessThan(1.4);
  const [pausedAt, resumedAt] = ["P", "R"].map((code) => events.find((event) => event.code === code)?.at ?? Number.NaN);
  expect((resumedAt ?? Number.NaN) - (pausedAt ?? Number.NaN)).toBeGreaterThan(9.5);
  expect((resumedAt ?? Number.NaN) - (pausedAt ?? Number.NaN)).toBeLessThan(14);
  expect(events.filter(({ code }) => code === "P" || code === "R").length).toBe(2);
});
