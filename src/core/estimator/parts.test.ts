import { describe, expect, test } from "vitest";
import { steady } from "../answer.ts";
import { type Belief, dot, featuresOf, observe, usualBelief, varianceAt } from "./belief.ts";
import { type Noted, noteRange, wideningOf } from "./history.ts";
import { deviateAt, endedShare, secondsLeft } from "./in-flight.ts";
import { fitModel } from "./model.ts";
import { drawIn, finishOf, QUANTILES, quantileOf, SCENARIOS } from "./scenarios.ts";
import { add, type Cell, cellNameOf, emptyTally, plan, record } from "./tally.ts";

describe("a belief", () => {
  test("comes to what was seen, whatever the order", () => {
    const looks = [3, 50, 800, 12_000].map((size) => ({ size, y: 2 + 0.4 * Math.log(size) }));
    const taught = (order: typeof looks): Belief => {
      const belief = usualBelief(["a"]);
      for (const { size, y } of order) observe(belief, featuresOf(["a"], { kind: "a", size }), y, 1e-4);
      return belief;
    };
    const [one, other] = [taught(looks), taught(looks.toReversed())];
    const at = featuresOf(["a"], { kind: "a", size: 800 });
    expect(dot(one.mean, at)).toBeCloseTo(2 + 0.4 * Math.log(800), 2);
    expect(dot(other.mean, at)).toBeCloseTo(dot(one.mean, at), 5);
    const far = featuresOf(["a"], { kind: "a", size: 1e9 });
    expect(varianceAt(one, far)).toBeGreaterThan(varianceAt(one, at));
  });
});

describe("items that started cold", () => {
  const item = { kind: "a", size: 1_000, outcome: "completed", startedActive: 0 } as const;
  /** What a waiting item is expected to take after so many of 60 s, which started cold or not, and so many of 2 s. */
  const expectedAfter = (slow: number, isCold: boolean, others: number): number => {
    const tally = emptyTally();
    plan(tally, item, slow + others + 100);
    record(tally, { ...item, seconds: 60, count: slow, isFirst: isCold });
    if (others > 0) record(tally, { ...item, seconds: 2, count: others });
    return fitModel({ tally, inFlight: [], workers: 4, history: null })?.waiting[0]?.seconds ?? 0;
  };

  test("let others be expected sooner, and count little once there are some", () => {
    expect(expectedAfter(4, true, 0)).toBeLessThan(0.8 * expectedAfter(4, false, 0));
    expect(expectedAfter(4, true, 9)).toBeLessThan(4);
    expect(expectedAfter(4, false, 9)).toBeGreaterThan(2 * expectedAfter(4, true, 9));
  });

  test("count less with each other item that ends", () => {
    const expected = Array.from({ length: 12 }, (_, others) => expectedAfter(4, true, others));
    expect(new Set(expected).size).toBe(12);
    expect(expected).toEqual(expected.toSorted((a, b) => b - a));
  });

  test("are known for what they are whoever tells of them", () => {
    const cold = { ...item, seconds: 60, isFirst: true };
    const whole = emptyTally();
    record(whole, { ...cold, count: 4 });
    record(whole, { ...item, seconds: 2, count: 9 });
    const parts = emptyTally();
    for (const told of [
      { ...cold, count: 1 },
      { ...item, seconds: 2, count: 9 },
      { ...cold, count: 3 },
    ]) {
      const part = emptyTally();
      record(part, told);
      add(parts, part);
    }
    for (const [name, value] of Object.entries(whole.cells[cellNameOf(item)] ?? {})) {
      expect(parts.cells[cellNameOf(item)]?.[name as keyof Cell], name).toBeCloseTo(value, 9);
    }
    expect(parts.cells[cellNameOf(item)]?.n1).toBe(4);
    expect(parts.sums.completed).toBe(13);
  });
});

describe("an item in flight", () => {
  const total = { mean: Math.log(60), variance: 0.25 };

  test("has its median at the mean of the log, and as much left at an age as is possible", () => {
    expect(secondsLeft(0, total, 0.5)).toBeCloseTo(60, 9);
    for (const age of [10, 60, 200]) {
      const ended = endedShare(age, total);
      const end = age + secondsLeft(age, total, 0.5);
      expect(endedShare(end, total)).toBeCloseTo(ended + (1 - ended) / 2, 9);
    }
    expect(secondsLeft(1e6, total, 0.5)).toBeGreaterThan(secondsLeft(1e3, total, 0.5));
  });
});

describe("the scenarios", () => {
  test("pour the bulk over what runs, and place the tail on whoever is free first", () => {
    expect(finishOf([0, 0], 10, [])).toBeCloseTo(5);
    expect(finishOf([4, 0], 2, [])).toBeCloseTo(4);
    expect(finishOf([0, 0], 0, [3, 3, 3])).toBeCloseTo(6);
  });

  test("take every quantile of every quantity once", () => {
    for (const key of [0, 1, 2, 4_096, 1e9]) {
      const taken = Array.from({ length: SCENARIOS }, (_, scenario) => drawIn(scenario, key));
      expect(taken.toSorted((a, b) => a - b)).toEqual([...QUANTILES.keys()]);
    }
    expect(QUANTILES.reduce((sum, u) => sum + deviateAt(u), 0)).toBeCloseTo(0, 9);
  });

  test("have weighted quantiles", () => {
    const values = [1, 2, 3].map((value) => [value, 1] as const);
    expect(quantileOf(values, 0.5)).toBeCloseTo(2);
    expect(quantileOf([...values, [100, 1e-9]], 0.5)).toBeCloseTo(2);
    expect(quantileOf(values, 0.01)).toBe(1);
    expect(quantileOf(values, 0.99)).toBe(3);
  });
});

describe("the shown finish", () => {
  const range = { low: 80, median: 93, high: 130 };

  test("stays while the new one is near, and follows by what is over the slack", () => {
    expect(steady(null, 0, range)).toBe(93);
    expect(steady(100, 10, range)).toBe(100);
    expect(steady(100, 10, { ...range, median: 110 })).toBe(113.75);
  });

  test("is never past while work is left", () => {
    expect(steady(100, 105, { low: 0.1, median: 1, high: 1_000 })).toBeGreaterThan(105);
  });
});

describe("the width of ranges", () => {
  const looks: Noted[] = [0.2, 0.4, 0.6, 0.8].map((share) => [
    100 - 50 * (1 - share),
    100 + 50 * (1 - share),
    "8 items",
  ]);

  test("becomes smaller where the finish moves less than they promised, larger where it moves more", () => {
    expect(wideningOf([], [90, 110, "8 items"])).toBe(1);
    expect(wideningOf(looks, [99, 101, "8 items"])).toBeLessThan(0.8);
    expect(wideningOf(looks, [199, 201, "8 items"])).toBeGreaterThan(1.5);
  });

  test("stays where the finish moves as was promised", () => {
    const deviation = 20 / 2.563;
    expect(wideningOf([[90, 110, "8 items"]], [100 + deviation, 100 + deviation, "8 items"])).toBeCloseTo(1, 9);
  });

  test("is not judged by ranges from before there were more items or workers", () => {
    expect(wideningOf(looks, [199, 201, "16 items"])).toBe(1);
  });
});

test("one range is noted from each fifth of the time", () => {
  let noted: readonly Noted[] = [];
  for (let done = 0; done <= 1_000; done++) noted = noteRange(noted, done / 1_000, [1, done, ""]);
  expect(noted.map(([, done]) => done)).toEqual([200, 400, 600, 800]);
});
