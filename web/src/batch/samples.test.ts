import { expect, test } from "vitest";
import { columnsOf, Samples } from "./samples.ts";

const sampleAt = (timeMs: number) => ({ timeMs, perSecond: timeMs / 1_000, low: null, median: 5, high: 9 });

test("a sample a second is kept, ever more coarsely over a long time, never too many", () => {
  const samples = new Samples();
  expect([samples.add(sampleAt(0)), samples.add(sampleAt(400)), samples.add(sampleAt(1_000))]).toEqual([
    true,
    false,
    true,
  ]);
  for (let timeMs = 2_000; timeMs <= 36_000_000; timeMs += 1_000) samples.add(sampleAt(timeMs));
  expect(samples.all.length).toBeLessThanOrEqual(1_200);
  expect(samples.all.length).toBeGreaterThan(500);
  expect(samples.all[0]?.timeMs).toBe(0);
  expect(samples.all.at(-1)?.timeMs).toBeGreaterThan(35_900_000);
});

test("a chart takes columns", () => {
  expect(columnsOf([sampleAt(2_000)])).toEqual({ times: [2], rates: [2], lows: [null], medians: [5], highs: [9] });
});
