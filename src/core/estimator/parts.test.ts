import { describe, expect, test } from "vitest";
import { emptyForecasts, FORECASTS_MAX, missedShare, note } from "./forecasts.ts";
import { estimateItem } from "./item-estimate.ts";
import { solveSymmetric } from "./linear.ts";
import { normalQuantile, normalShare } from "./normal.ts";
import { amongRivals, placeInQueue } from "./queue.ts";
import { finishOf } from "./schedule.ts";
import { emptyStatistics, plan, recordEnd } from "./statistics.ts";
import { steady } from "./steady.ts";

test("the normal distribution and its inverse agree", () => {
  for (const z of [-3, -1, 0, 0.5, 2, 4]) expect(normalQuantile(normalShare(z))).toBeCloseTo(z, 2);
  expect(normalQuantile(0.9)).toBeCloseTo(1.2815516, 6);
});

test("a symmetric system is solved", () => {
  const solve = solveSymmetric([
    [4, 2],
    [2, 3],
  ]);
  const [x = 0, y = 0] = solve([10, 9]);
  expect(x).toBeCloseTo(1.5, 9);
  expect(y).toBeCloseTo(2, 9);
});

describe("the schedule", () => {
  test("pours the bulk over what runs, and places the tail on whoever is free first", () => {
    expect(finishOf({ busy: [0, 0], bulk: 10, tail: [] })).toBeCloseTo(5);
    expect(finishOf({ busy: [4, 0], bulk: 2, tail: [] })).toBeCloseTo(4);
    expect(finishOf({ busy: [0, 0], bulk: 0, tail: [3, 3, 3] })).toBeCloseTo(6);
  });
});

describe("the shown finish", () => {
  test("stays while the new one is near, and follows by what is over the slack", () => {
    const shown = steady(null, { active: 0, median: 100, width: 50 });
    expect(steady(shown, { active: 10, median: 93, width: 50 }).finish).toBe(100);
    expect(steady(shown, { active: 10, median: 110, width: 50 }).finish).toBe(115);
  });

  test("is never past while work is left", () => {
    const { finish } = steady({ finish: 100 }, { active: 105, median: 1, width: 1_000 });
    expect(finish).toBeGreaterThan(105);
  });
});

test("forecasts stay few and are judged by the true finish", () => {
  const forecasts = emptyForecasts();
  for (let active = 1; active < 10_000; active++) note(forecasts, { active, low: 10, high: 20 });
  expect(forecasts.noted.length).toBeLessThanOrEqual(FORECASTS_MAX);
  expect(missedShare(forecasts, 1)).toBe(1);
  expect(missedShare(emptyForecasts(), 1)).toBeNull();
});

describe("a queue", () => {
  const range = { low: 8, median: 10, high: 15 };

  test("adds up what is ahead", () => {
    const nobody = { better: [], older: [], younger: [] };
    expect(placeInQueue(nobody)).toEqual({ position: 1, startsIn: { low: 0, median: 0, high: 0 } });
    const { position, startsIn } = placeInQueue({ ...nobody, better: [range, range] });
    expect(position).toBe(3);
    expect(startsIn?.median).toBe(20);
    expect(startsIn?.high).toBeLessThan(30);
    expect(placeInQueue({ ...nobody, better: [range, null] }).startsIn).toBeNull();
  });

  test("what is better runs first; equals share", () => {
    const nobody = { better: [], older: [], younger: [] };
    expect(amongRivals(range, nobody)).toEqual(range);
    expect(amongRivals(range, { ...nobody, better: [range] })?.median).toBe(20);
    expect(amongRivals(range, { ...nobody, better: [null] })).toBeNull();
    // The younger one takes a claim of four as long as it has any.
    const long = { low: 80, median: 90, high: 100 };
    expect(amongRivals(long, { ...nobody, younger: [range] })?.median).toBe(100);
    expect(amongRivals(range, { ...nobody, younger: [long] })?.median).toBeCloseTo(10 / 0.75);
    expect(amongRivals(range, { ...nobody, older: [long] })?.median).toBe(40);
    expect(amongRivals(range, { ...nobody, older: [null] })?.median).toBe(40);
    expect(amongRivals(long, { ...nobody, older: [range] })?.median).toBe(100);
  });
});

describe("one item", () => {
  const statistics = emptyStatistics();
  for (let id = 0; id < 20; id++) {
    plan(statistics, { kind: "video", size: 5_000 }, 1);
    recordEnd(statistics, { kind: "video", size: 5_000, outcome: "completed", seconds: 60, startedActive: id * 60 });
  }

  test("that has not started is expected to take what its like took", () => {
    const range = estimateItem(
      { statistics, prior: null },
      { id: 1, kind: "video", size: 5_000, age: 0, fraction: null },
    );
    expect(range?.median).toBeGreaterThan(50);
    expect(range?.median).toBeLessThan(72);
  });

  test("near its end follows its own reports", () => {
    const range = estimateItem(
      { statistics, prior: null },
      { id: 1, kind: "video", size: 5_000, age: 270, fraction: 0.9 },
    );
    expect(range?.median).toBeGreaterThan(20);
    expect(range?.median).toBeLessThan(45);
  });

  test("of unknown work has no estimate", () => {
    const facts = { statistics: emptyStatistics(), prior: null };
    expect(estimateItem(facts, { id: 1, kind: "video", size: null, age: 5, fraction: null })).toBeNull();
  });
});
