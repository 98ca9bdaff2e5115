import { expect, test } from "vitest";
import { RateMeter } from "./rate-meter.ts";

test("a rate is measured over the last 20 seconds, and begins anew when items are tried again", () => {
  const meter = new RateMeter();
  meter.add(0, 0);
  expect(meter.perSecond(500)).toBeNull();
  for (let second = 1; second <= 60; second++) meter.add(second * 10, second * 1_000);
  expect(meter.perSecond(60_000)).toBeCloseTo(10, 5);
  for (let second = 61; second <= 90; second++) meter.add(600, second * 1_000);
  expect(meter.perSecond(90_000)).toBe(0);
  meter.add(100, 91_000);
  expect(meter.perSecond(91_500)).toBeNull();
});

test("changes that come faster than samples are kept do not make the window shorter", () => {
  const meter = new RateMeter();
  for (let step = 0; step <= 10_000; step++) meter.add(step, step * 5);
  expect(meter.perSecond(50_000)).toBeCloseTo(200, 0);
});
