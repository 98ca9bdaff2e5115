import fc from "fast-check";
import { expect, it } from "vitest";
import { FRACTION_ONE, fractionOf, NO_PROGRESS, percentOf, toStages } from "./progress.ts";

const BATCH = { processed: 0, flight: 0, total: 4, isTerminal: false, isSealed: true, floor: 0 };

it("the percent is floored, counts what is in flight, and is 100 only at the end", () => {
  expect(percentOf({ ...BATCH, processed: 1, flight: FRACTION_ONE / 2 })).toBe(37);
  expect(percentOf({ ...BATCH, processed: 4 })).toBe(99);
  expect(percentOf({ ...BATCH, processed: 4, isTerminal: true })).toBe(100);
  expect(percentOf({ ...BATCH, total: 0, isTerminal: true })).toBe(100);
});

it("the percent is null while it cannot be known", () => {
  expect(percentOf({ ...BATCH, isSealed: false })).toBeNull();
  expect(percentOf({ ...BATCH, total: 0 })).toBeNull();
});

it("the percent never shows less than its floor", () => {
  expect(percentOf({ ...BATCH, processed: 1, floor: 60 })).toBe(60);
});

it("a fraction is the share of the stages before, and of the current one", () => {
  const stages = toStages([
    { name: "parse", weight: 1 },
    { name: "render", weight: 3 },
  ]);
  expect(fractionOf(stages, { ...NO_PROGRESS, stage: "parse", done: 1, total: 2 })).toBe(125_000);
  expect(fractionOf(stages, { ...NO_PROGRESS, stage: "render" })).toBe(250_000);
  expect(fractionOf(stages, { ...NO_PROGRESS, stage: "render", done: 20, total: 20 })).toBe(FRACTION_ONE);
  expect(fractionOf(stages, { ...NO_PROGRESS, stage: "unknown", done: 1, total: 1 })).toBe(0);
  expect(fractionOf([], { ...NO_PROGRESS, done: 1, total: 3 })).toBe(333_333);
});

it("a fraction is whole and within bounds, whatever is reported", () => {
  const number = fc.option(fc.double());
  const property = fc.property(number, number, fc.option(fc.constantFrom("a", "b", "c")), (done, total, stage) => {
    for (const stages of [[], toStages(["a", { name: "b", weight: 0.1 }])]) {
      const fraction = fractionOf(stages, { ...NO_PROGRESS, done, total, stage });
      expect(Number.isInteger(fraction) && fraction >= 0 && fraction <= FRACTION_ONE, String(fraction)).toBe(true);
    }
  });
  fc.assert(property, { examples: [[Number.NaN, 1, null]] });
});

it("stages have unique names and positive weights", () => {
  expect(toStages(["a", { name: "b", weight: 2 }])).toEqual([
    { name: "a", weight: 1 },
    { name: "b", weight: 2 },
  ]);
  for (const stages of [
    ["a", "a"],
    [""],
    [{ name: "a", weight: 0 }],
    [{ name: "a", weight: Number.NaN }],
    Array.from({ length: 65 }, (_, index) => `s${index}`),
  ]) {
    expect(() => toStages(stages)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});
