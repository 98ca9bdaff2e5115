import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchEstimator } from "./batch-estimator.ts";
import { type History, learn } from "./history.ts";
import { merge } from "./merge.ts";
import { emptyStatistics, plan, recordEnd, type Statistics } from "./statistics.ts";

interface Work {
  readonly size: number | null;
  readonly seconds: number;
  readonly kind?: string;
}

/** Runs `items` one after the other on `workers`, and stops before the item `until` ends. */
function runUntil(
  items: readonly Work[],
  how: { until: number; workers?: number; scale?: number; history?: History | null; start?: number },
): { readonly estimator: BatchEstimator; readonly now: number } {
  const { workers = 1, scale = 1, start = 0 } = how;
  const estimator = new BatchEstimator(how.history ?? null);
  for (const item of items) estimator.add({ kind: item.kind ?? "item", size: item.size });
  estimator.run({ workers, isPaused: false }, start);
  const free = Array.from({ length: workers }, () => start);
  const events = items.flatMap((item, id) => {
    const lane = free.indexOf(Math.min(...free));
    const at = free[lane] ?? 0;
    free[lane] = at + item.seconds * scale;
    return [
      { at, id, isStart: true },
      { at: at + item.seconds * scale, id, isStart: false },
    ];
  });
  let now = start;
  let ended = 0;
  for (const { at, id, isStart } of events.toSorted((a, b) => a.at - b.at || Number(a.isStart) - Number(b.isStart))) {
    const item = items[id];
    if (item === undefined || ended >= how.until) break;
    now = at;
    if (isStart) estimator.started(id, { kind: item.kind ?? "item", size: item.size }, at);
    else {
      estimator.ended(id, { outcome: "completed" }, at);
      ended += 1;
    }
  }
  return { estimator, now };
}

function medianOf(estimator: BatchEstimator, now: number): number {
  return estimator.estimate({ now, isOpen: false }).estimate?.median ?? Number.NaN;
}

const work = fc.array(
  fc.record({
    size: fc.option(fc.integer({ min: 1, max: 1e9 })),
    seconds: fc.double({ min: 1e-3, max: 1e4, noNaN: true }),
    kind: fc.constantFrom("a", "b", "c"),
  }),
  { minLength: 3, maxLength: 60 },
);
const even = (count: number, seconds = 2): Work[] => Array.from({ length: count }, () => ({ size: 1_000, seconds }));

describe("an estimate", () => {
  test("is finite and above 0 while work is left, whatever the work", () => {
    fc.assert(
      fc.property(work, fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 }), (items, workers, part) => {
        const until = Math.max(1, Math.floor((items.length * part) / 3));
        const { estimator, now } = runUntil(items, { until, workers });
        for (const later of [0, 1e-6, 1, 1e3, 1e8]) {
          const { estimate } = estimator.estimate({ now: now + later, isOpen: false });
          expect(estimate).not.toBeNull();
          if (estimate === null) continue;
          expect(estimate.low).toBeGreaterThan(0);
          expect(estimate.low).toBeLessThanOrEqual(estimate.median);
          expect(estimate.median).toBeLessThanOrEqual(estimate.high);
          expect(estimate.high).toBeLessThan(Number.POSITIVE_INFINITY);
        }
      }),
    );
  });

  test("comes within 1 % on constant work", () => {
    const { estimator, now } = runUntil(even(200), { until: 150 });
    expect(medianOf(estimator, now) / 100).toBeCloseTo(1, 1);
    expect(Math.abs(medianOf(estimator, now) - 100)).toBeLessThan(1);
  });

  test("is as many times longer as everything takes longer", () => {
    // Of a handful of items, rounding alone decides how their sizes are told apart.
    const enough = work.filter((items) => items.length >= 10);
    fc.assert(
      fc.property(enough, (items) => {
        const until = Math.ceil(items.length / 2);
        const one = runUntil(items, { until });
        // A power of two, which binary fractions multiply without rounding: an item on the border of a span stays there.
        const eight = runUntil(items, { until, scale: 8 });
        expect(medianOf(eight.estimator, eight.now) / medianOf(one.estimator, one.now)).toBeCloseTo(8, 6);
      }),
    );
  });

  test("grows while the items in flight stall", () => {
    const { estimator, now } = runUntil(even(50), { until: 25 });
    const later = [10, 100, 1_000].map((seconds) => medianOf(estimator, now + seconds));
    expect(later).toEqual(later.toSorted((a, b) => a - b));
    expect(later[0]).toBeGreaterThan(medianOf(runUntil(even(50), { until: 25 }).estimator, now) / 2);
  });

  test("is not longer with more workers", () => {
    const { estimator, now } = runUntil(even(100), { until: 40, workers: 2 });
    const state = estimator.save();
    const inFlight = estimator.inFlight(now);
    const medians = [2, 3, 4, 8, 16, 64].map((workers) => {
      const wider = BatchEstimator.restore({ state: { ...state, shown: null }, history: null, inFlight, now });
      wider.run({ workers, isPaused: false }, now);
      return medianOf(wider, now);
    });
    for (const [index, median] of medians.entries()) {
      expect(median).toBeLessThanOrEqual((medians[index - 1] ?? median) * 1.02);
    }
  });

  test("of a single item follows its own reports", () => {
    const estimator = new BatchEstimator();
    estimator.add({ kind: "video", size: null });
    estimator.run({ workers: 1, isPaused: false }, 0);
    estimator.started(7, { kind: "video", size: null }, 0);
    expect(estimator.estimate({ now: 5, isOpen: false })).toMatchObject({ estimate: null, reason: "no-evidence" });
    estimator.progressed(7, 0.5, 10);
    const { estimate } = estimator.estimate({ now: 10, isOpen: false });
    expect(estimate?.basis).toBe("units");
    expect(estimate?.low).toBeLessThan(10);
    expect(estimate?.high).toBeGreaterThan(10);
  });

  test("does not take what was cached before for the pace of the rest", () => {
    const estimator = new BatchEstimator();
    const item = { kind: "item", size: 1_000 };
    for (let id = 0; id < 100; id++) estimator.add(item);
    estimator.run({ workers: 1, isPaused: false }, 0);
    for (let id = 0; id < 90; id++) {
      estimator.started(id, item, 0);
      estimator.ended(id, { outcome: "cached" }, 0);
    }
    for (let id = 90; id < 93; id++) {
      estimator.started(id, item, (id - 90) * 10);
      estimator.ended(id, { outcome: "completed" }, (id - 89) * 10);
    }
    expect(medianOf(estimator, 30)).toBeGreaterThan(55);
    expect(medianOf(estimator, 30)).toBeLessThan(85);
  });
});

describe("kinds", () => {
  test("may have any name", () => {
    const items = ["__proto__", "constructor", "toString", "what?", ""].flatMap((kind) =>
      even(6).map((item) => ({ ...item, kind })),
    );
    const before = runUntil(items, { until: 30 });
    const { estimator, now } = runUntil(items, { until: 15, history: before.estimator.learn(before.now) });
    expect(medianOf(estimator, now)).toBeGreaterThan(25);
    expect(medianOf(estimator, now)).toBeLessThan(35);
  });
});

describe("no estimate", () => {
  test("says why", () => {
    const { estimator, now } = runUntil(even(10), { until: 5 });
    expect(estimator.estimate({ now, isOpen: true }).reason).toBe("open-batch");
    estimator.run({ workers: 0, isPaused: false }, now);
    expect(estimator.estimate({ now, isOpen: false }).reason).toBe("no-workers");
    estimator.run({ workers: 1, isPaused: true }, now);
    const paused = estimator.estimate({ now, isOpen: false });
    expect(paused.reason).toBe("paused");
    expect(paused.reason === null ? null : paused.afterResume?.median).toBeGreaterThan(0);
    expect(new BatchEstimator().estimate({ now, isOpen: false }).reason).toBe("no-workers");
  });

  test("a pause of an hour changes nothing but the clock", () => {
    const { estimator, now } = runUntil(even(20), { until: 10 });
    const before = medianOf(estimator, now);
    estimator.run({ workers: 1, isPaused: true }, now);
    estimator.run({ workers: 1, isPaused: false }, now + 3_600);
    expect(medianOf(estimator, now + 3_600)).toBeCloseTo(before, 9);
  });
});

describe("the state", () => {
  test("restored goes on as if nothing had happened", () => {
    fc.assert(
      fc.property(work, (items) => {
        const { estimator, now } = runUntil(items, { until: Math.ceil(items.length / 2), workers: 2 });
        const state = JSON.parse(JSON.stringify(estimator.save()));
        const again = BatchEstimator.restore({ state, history: null, inFlight: estimator.inFlight(now), now });
        const [one, other] = [estimator, again].map((each) => each.estimate({ now: now + 1, isOpen: false }).estimate);
        expect(other?.median).toBeCloseTo(one?.median ?? Number.NaN, 6);
        expect(other?.high).toBeCloseTo(one?.high ?? Number.NaN, 6);
      }),
    );
  });

  test("stays under 16 KB, whatever comes", () => {
    const items = Array.from({ length: 3_000 }, (_, index) => ({
      size: Math.round(1.37 ** (index % 64) * 1_000),
      seconds: 0.001 * (1 + ((index * 7_919) % 997)),
      kind: `kind-${index % 40}`,
    }));
    const { estimator } = runUntil(items, { until: 2_999, workers: 3 });
    expect(JSON.stringify(estimator.save()).length).toBeLessThan(16_384);
  });

  test("does not depend on the order in which items of a kind ended", () => {
    const ends = Array.from({ length: 30 }, (_, index) => ({ size: 100 * (index + 1), seconds: 1 + (index % 7) }));
    const sumOf = (order: typeof ends): Statistics => {
      const statistics = emptyStatistics();
      for (const { size } of order) plan(statistics, { kind: "a", size }, 1);
      for (const end of order) recordEnd(statistics, { kind: "a", outcome: "completed", startedActive: 0, ...end });
      return { ...statistics, spans: { width: 0, sums: {} } };
    };
    const [one, other] = [ends, ends.toReversed()].map((order) => sumOf(order));
    for (const [octave, cell] of Object.entries(one?.cells.a ?? {})) {
      for (const [key, value] of Object.entries(cell)) {
        expect(other?.cells.a?.[octave]?.[key as keyof typeof cell]).toBeCloseTo(value, 9);
      }
    }
  });

  test("of two processes adds up to that of one", () => {
    const together = emptyStatistics();
    const parts = [emptyStatistics(), emptyStatistics()];
    for (let id = 0; id < 40; id++) {
      const end = {
        kind: "a",
        size: 1_000 + id,
        outcome: "completed" as const,
        seconds: 1 + (id % 5),
        startedActive: id,
      };
      for (const statistics of [together, parts[id % 2]]) if (statistics !== undefined) recordEnd(statistics, end);
    }
    const merged = emptyStatistics();
    for (const part of parts) merge(merged, part);
    expect(merged.left).toBe(together.left);
    expect(merged.settled).toEqual(together.settled);
    expect(merged.cells.a?.["10"]?.seconds).toBeCloseTo(together.cells.a?.["10"]?.seconds ?? 0, 9);
  });
});

describe("a history", () => {
  test("gives an estimate before the first item ends, and says so", () => {
    const before = runUntil(even(40), { until: 40 });
    const history = before.estimator.learn(before.now);
    expect(JSON.stringify(history).length).toBeLessThan(1_000);
    const { estimator, now } = runUntil(even(40), { until: 0, history, start: 100 });
    const { estimate } = estimator.estimate({ now, isOpen: false });
    expect(estimate?.basis).toBe("history");
    expect(estimate?.median).toBeGreaterThan(60);
    expect(estimate?.median).toBeLessThan(100);
  });

  test("learns nothing from a batch in which nothing was completed", () => {
    expect(learn(null, { statistics: emptyStatistics(), missed: null })).toBeNull();
  });

  test("widens the range after forecasts that missed, and narrows it after forecasts that all held", () => {
    const { estimator } = runUntil(even(40), { until: 40 });
    const { statistics } = estimator.save();
    const missed = learn(null, { statistics, missed: 0.9 });
    const held = learn(null, { statistics, missed: 0 });
    expect(missed?.widening).toBeGreaterThan(1);
    expect(held?.widening).toBeLessThan(1);
  });
});
