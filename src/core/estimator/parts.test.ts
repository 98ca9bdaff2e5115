import { describe, expect, test } from "vitest";
import { steady } from "../answer.ts";
import { dot, featuresOf, observe, usualBelief, varianceAt } from "./belief.ts";
import { type Noted, noteRange } from "./history.ts";
import { deviateAt, endedShare, fitPace, reportedTotal, secondsLeft } from "./in-flight.ts";
import { finishOf, quantileIn, quantileOf, SCENARIOS } from "./scenarios.ts";
import { emptyTally, record } from "./tally.ts";

describe("a belief", () => {
  test("comes to what was seen, whatever the order", () => {
    const looks = [3, 50, 800, 12_000].map((size) => ({ size, y: 2 + 0.4 * Math.log(size) }));
    const [one, other] = [looks, looks.toReversed()].map((order) => {
      const belief = usualBelief(["a"]);
      for (const { size, y } of order) observe(belief, featuresOf(["a"], { kind: "a", size }), y, 1e-4);
      return belief;
    });
    const at = featuresOf(["a"], { kind: "a", size: 800 });
    expect(dot(one?.mean ?? [], at)).toBeCloseTo(2 + 0.4 * Math.log(800), 2);
    expect(dot(other?.mean ?? [], at)).toBeCloseTo(dot(one?.mean ?? [], at), 5);
    const far = featuresOf(["a"], { kind: "a", size: 1e9 });
    expect(one && varianceAt(one, far)).toBeGreaterThan(one ? varianceAt(one, at) : 0);
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

  test("is judged by what reports came to stand for", () => {
    const tally = emptyTally();
    const item = { kind: "a", size: null, outcome: "completed", seconds: 100, startedActive: 0 } as const;
    // Half is reported after a quarter of the time: true share = reported share squared.
    const reports = [0.25, 0.5, 0.75].map((fraction) => ({ fraction, age: 100 * fraction ** 2 }));
    for (let count = 0; count < 200; count++) record(tally, { ...item, reports });
    const pace = fitPace(tally.sums);
    expect(pace.power).toBeCloseTo(2, 1);
    const reported = reportedTotal({ id: 1, kind: "a", size: null, age: 25, fraction: 0.5 }, pace);
    expect(Math.exp(reported?.mean ?? 0)).toBeGreaterThan(95);
    expect(Math.exp(reported?.mean ?? 0)).toBeLessThan(105);
  });
});

describe("the scenarios", () => {
  test("pour the bulk over what runs, and place the tail on whoever is free first", () => {
    expect(finishOf({ busy: [0, 0], bulk: 10, tail: [] })).toBeCloseTo(5);
    expect(finishOf({ busy: [4, 0], bulk: 2, tail: [] })).toBeCloseTo(4);
    expect(finishOf({ busy: [0, 0], bulk: 0, tail: [3, 3, 3] })).toBeCloseTo(6);
  });

  test("take every quantile of every quantity once", () => {
    for (const key of [0, 1, 2, 4_096, 1e9]) {
      const taken = Array.from({ length: SCENARIOS }, (_, scenario) => quantileIn(scenario, key));
      expect(new Set(taken).size).toBe(SCENARIOS);
      expect(taken.reduce((sum, u) => sum + deviateAt(u), 0)).toBeCloseTo(0, 9);
    }
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
    expect(steady(100, 10, { ...range, median: 110 })).toBe(115);
  });

  test("is never past while work is left", () => {
    expect(steady(100, 105, { low: 0.1, median: 1, high: 1_000 })).toBeGreaterThan(105);
  });
});

test("one range is noted from each fifth of the items", () => {
  let noted: Noted = [];
  for (let done = 0; done <= 1_000; done++) noted = noteRange(noted, done / 1_000, [1, done]);
  expect(noted.map(([, done]) => done)).toEqual([200, 400, 600, 800]);
});
