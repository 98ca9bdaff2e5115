import { describe, expect, test } from "vitest";
import { addStageTimes, learnedStages, NO_STAGE_TIMES } from "./stage-times.ts";

const DECLARED = [
  { name: "decode", weight: 1 },
  { name: "encode", weight: 3 },
];

describe("learned weights of stages", () => {
  test("are the declared ones as long as nothing is known, or of a stage nothing", () => {
    expect(learnedStages(DECLARED, NO_STAGE_TIMES)).toEqual(DECLARED);
    expect(learnedStages(DECLARED, { items: 9, seconds: { decode: 4 } })).toEqual(DECLARED);
    expect(learnedStages(DECLARED, { items: 9, seconds: { constructor: 4 } })).toEqual(DECLARED);
  });

  test("go from the declared shares to those of time", () => {
    const learned = (items: number) =>
      learnedStages(DECLARED, { items, seconds: { decode: 3 * items, encode: items } });
    expect(learned(3)).toEqual([
      { name: "decode", weight: 0.5 },
      { name: "encode", weight: 0.5 },
    ]);
    expect(learned(3_000)[0]?.weight).toBeCloseTo(0.75, 2);
  });

  test("do not depend on the unit of time", () => {
    const of = (unit: number) => learnedStages(DECLARED, { items: 5, seconds: { decode: 2 * unit, encode: 9 * unit } });
    expect(of(1e-3)).toEqual(of(1e3));
  });

  test("add up, older ones counting less, for so many stages and no more", () => {
    const one = { items: 1, seconds: { decode: 1, encode: 2 } };
    expect(addStageTimes(one, one, 0.5)).toEqual({ items: 1.5, seconds: { decode: 1.5, encode: 3 } });
    const many = { items: 1, seconds: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`stage ${i}`, 1])) };
    expect(Object.keys(addStageTimes(NO_STAGE_TIMES, many).seconds)).toHaveLength(16);
    expect(addStageTimes(NO_STAGE_TIMES, { items: 1, seconds: { ["x".repeat(65)]: 1 } }).seconds).toEqual({});
  });
});
