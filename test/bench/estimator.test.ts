import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchFollower } from "../../bench/eta/follow-batch.ts";
import { estimateItem, type Range } from "../../src/core/estimator/estimate.ts";
import { type History, learn } from "../../src/core/estimator/history.ts";
import { add, emptyTally, type Tally } from "../../src/core/estimator/tally.ts";

interface Work {
  readonly size: number | null;
  readonly seconds: number;
  readonly kind?: string;
}

interface How {
  readonly until: number;
  readonly workers?: number;
  readonly scale?: number;
  readonly history?: History | null;
  readonly start?: number;
}

/** Runs `items` in their order on `workers`, and stops before the item `until` ends. */
function runUntil(items: readonly Work[], how: How): { readonly follower: BatchFollower; readonly now: number } {
  const { workers = 1, scale = 1, start = 0 } = how;
  const follower = new BatchFollower(how.history ?? null);
  for (const { kind = "item", size } of items) follower.add({ kind, size });
  follower.run({ workers, isPaused: false }, start);
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
    if (isStart) follower.started(id, { kind: item.kind ?? "item", size: item.size }, at);
    else follower.ended(id, "completed", at);
    if (!isStart) ended += 1;
  }
  return { follower, now };
}

function medianOf(follower: BatchFollower, now: number): number {
  return follower.estimate(now).estimate?.median ?? Number.NaN;
}

/** As a process that crashed and was started again: from what was saved and the items that run. */
function restored(follower: BatchFollower, now: number, workers: number): BatchFollower {
  const state = JSON.parse(JSON.stringify(follower.state));
  const again = new BatchFollower(null, { state, inFlight: follower.inFlight(now), now });
  again.run({ workers, isPaused: false }, now);
  return again;
}

const work = fc.array(
  fc.record({
    size: fc.option(fc.integer({ min: 1, max: 1e9 })),
    seconds: fc.double({ min: 1, max: 1e4, noNaN: true }),
    kind: fc.constantFrom("a", "b", "c"),
  }),
  { minLength: 2, maxLength: 60 },
);
const even = (count: number, seconds = 2): Work[] => Array.from({ length: count }, () => ({ size: 1_000, seconds }));

describe("an estimate", () => {
  test("is finite and above 0 while work is left, whatever the work", () => {
    fc.assert(
      fc.property(work, fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 }), (items, workers, part) => {
        const until = Math.max(1, Math.floor((items.length * part) / 3));
        const { follower, now } = runUntil(items, { until, workers });
        for (const later of [0, 1e-6, 1, 1e3, 1e8]) {
          const { low, median, high } = follower.estimate(now + later).estimate as Range;
          expect(low).toBeGreaterThan(0);
          expect(low).toBeLessThanOrEqual(median);
          expect(median).toBeLessThanOrEqual(high);
          expect(high).toBeLessThan(Number.POSITIVE_INFINITY);
        }
      }),
    );
  });

  test("comes within 1 % on constant work", () => {
    const { follower, now } = runUntil(even(200), { until: 150 });
    expect(Math.abs(medianOf(follower, now) - 100)).toBeLessThan(1);
  });

  test("is as many times longer as everything takes longer, from the first item on", () => {
    fc.assert(
      fc.property(work, fc.integer({ min: 1, max: 59 }), fc.integer({ min: 1, max: 4 }), (items, ended, workers) => {
        const until = Math.min(ended, items.length - 1);
        const [one, ten] = [1, 10].map((scale) => runUntil(items, { until, scale, workers }));
        if (one === undefined || ten === undefined) return;
        // Recording takes 10 µs an item, however short its work.
        fc.pre(medianOf(one.follower, one.now) > 1e-3);
        expect(medianOf(ten.follower, ten.now) / medianOf(one.follower, one.now)).toBeCloseTo(10, 3);
      }),
    );
  });

  test("does not take first items that start cold for the pace of the rest", () => {
    const items = even(100).map((item, index) => (index < 4 ? { ...item, seconds: 60 } : item));
    const { follower, now } = runUntil(items, { until: 12, workers: 4 });
    const left = (88 * 2) / 4;
    expect(medianOf(follower, now)).toBeGreaterThan(0.9 * left);
    expect(medianOf(follower, now)).toBeLessThan(1.15 * left);
    const again = restored(follower, now, 4);
    expect(medianOf(again, now)).toBeCloseTo(medianOf(follower, now), 6);
    // The next batch does not either.
    const done = runUntil(items, { until: 100, workers: 4 });
    const next = runUntil(even(40), { until: 0, workers: 4, history: done.follower.learn(done.now) });
    expect(medianOf(next.follower, next.now)).toBeLessThan(1.5 * 20);
  });

  test("rests on first items while there are no others, but expects those to be quicker", () => {
    const { follower, now } = runUntil(even(20, 10), { until: 4, workers: 4 });
    const { low, median, high } = follower.estimate(now).estimate ?? { low: 0, median: 0, high: 0 };
    expect(median).toBeGreaterThan(0.6 * 40);
    expect(median).toBeLessThan(40);
    expect([low < 40, 40 < high]).toEqual([true, true]);
    const later = runUntil(even(20, 10), { until: 8, workers: 4 });
    expect(medianOf(later.follower, later.now)).toBeGreaterThan(0.85 * 30);
    expect(medianOf(later.follower, later.now)).toBeLessThan(1.2 * 30);
  });

  test("grows while the items in flight stall", () => {
    const { follower, now } = runUntil(even(50), { until: 25 });
    const medians = [0, 10, 100, 1_000].map((seconds) => medianOf(follower, now + seconds));
    for (const [index, median] of medians.entries()) expect(median).toBeGreaterThan(medians[index - 1] ?? 0);
  });

  test("is not longer with more workers", () => {
    fc.assert(
      fc.property(work, (items) => {
        const { follower, now } = runUntil(items, { until: Math.ceil(items.length / 3) });
        const medians = [1, 2, 3, 4, 8, 16].map((workers) => medianOf(restored(follower, now, workers), now));
        for (const [index, median] of medians.entries()) {
          expect(median).toBeLessThanOrEqual((medians[index - 1] ?? median) * (1 + 1e-9));
        }
      }),
    );
  });

  test("of a single item follows its own reports", () => {
    const follower = new BatchFollower();
    follower.add({ kind: "video", size: null });
    follower.run({ workers: 1, isPaused: false }, 0);
    follower.started(7, { kind: "video", size: null }, 0);
    expect(follower.estimate(5)).toMatchObject({ estimate: null, reason: "no-evidence" });
    follower.progressed(7, 0.5, 10);
    const { estimate } = follower.estimate(10);
    expect(estimate?.basis).toBe("units");
    expect(estimate?.low).toBeLessThan(10);
    expect(estimate?.high).toBeGreaterThan(10);
  });

  test("does not take what was cached before for the pace of the rest", () => {
    const follower = new BatchFollower();
    const item = { kind: "item", size: 1_000 };
    for (let id = 0; id < 100; id++) follower.add(item);
    follower.run({ workers: 1, isPaused: false }, 0);
    for (let id = 0; id < 90; id++) {
      follower.started(id, item, 0);
      follower.ended(id, "cached", 0);
    }
    for (let id = 90; id < 93; id++) {
      follower.started(id, item, (id - 90) * 10);
      follower.ended(id, "completed", (id - 89) * 10);
    }
    expect(medianOf(follower, 30)).toBeGreaterThan(55);
    expect(medianOf(follower, 30)).toBeLessThan(85);
  });

  test("knows kinds by any name", () => {
    const items = ["__proto__", "constructor", "two words", "what?", ""].flatMap((kind) =>
      even(6).map((item) => ({ ...item, kind })),
    );
    const before = runUntil(items, { until: 30 });
    const { follower, now } = runUntil(items, { until: 15, history: before.follower.learn(before.now) });
    expect(medianOf(follower, now)).toBeGreaterThan(25);
    expect(medianOf(follower, now)).toBeLessThan(35);
  });

  test("after a pause of an hour is as before", () => {
    fc.assert(
      fc.property(work, (items) => {
        const { follower, now } = runUntil(items, { until: Math.ceil(items.length / 2) });
        const before = medianOf(follower, now);
        follower.run({ workers: 1, isPaused: true }, now);
        const { reason } = follower.estimate(now + 1_800);
        expect(reason).toBe("paused");
        follower.run({ workers: 1, isPaused: false }, now + 3_600);
        expect(medianOf(follower, now + 3_600)).toBeCloseTo(before, 6);
      }),
    );
  });

  test("of a batch taken up again half done is not too short", () => {
    const items = even(100).map((item, index) => ({ ...item, seconds: 1 + (index % 4) }));
    const whole = runUntil(items, { until: 50 });
    const again = restored(whole.follower, whole.now, 1);
    const left = items.slice(50).reduce((sum, { seconds }) => sum + seconds, 0);
    expect(medianOf(again, whole.now)).toBeGreaterThan(0.95 * left);
    expect(medianOf(again, whole.now)).toBeLessThan(1.05 * left);
  });

  test("that there is not says why", () => {
    const { follower, now } = runUntil(even(10), { until: 5 });
    expect(follower.estimate(now, true).reason).toBe("open-batch");
    follower.run({ workers: 0, isPaused: false }, now);
    expect(follower.estimate(now).reason).toBe("no-workers");
    follower.run({ workers: 1, isPaused: true }, now);
    const paused = follower.estimate(now);
    expect(paused.reason === "paused" ? paused.afterResume?.median : null).toBeGreaterThan(0);
  });
});

describe("the state", () => {
  test("after a crash goes on as if nothing had happened", () => {
    fc.assert(
      fc.property(work, (items) => {
        const { follower, now } = runUntil(items, { until: Math.ceil(items.length / 2), workers: 2 });
        const [one, other] = [follower, restored(follower, now, 2)].map((each) => each.estimate(now + 1).estimate);
        for (const end of ["low", "median", "high"] as const) {
          expect((other?.[end] ?? 0) / (one?.[end] ?? 1)).toBeCloseTo(1, 9);
        }
      }),
    );
  });

  test("stays under 16 KB, whatever comes", () => {
    const items = Array.from({ length: 3_000 }, (_, index) => ({
      size: index % 5 === 0 ? null : Math.round(1.37 ** (index % 89) * 1_000),
      seconds: 0.001 * (1 + ((index * 7_919) % 997)),
      kind: `a kind of a very long name, the longest of all: ${index % 40}`,
    }));
    const { follower } = runUntil(items, { until: 2_999, workers: 200 });
    expect(JSON.stringify(follower.state).length).toBeLessThan(15_000);
  });

  test("does not depend on the order in which ends are told, nor by whom", () => {
    fc.assert(
      fc.property(work, fc.array(fc.nat(1), { minLength: 60, maxLength: 60 }), (items, tellers) => {
        const told = (order: readonly Work[]): Tally[] => {
          const parts = [emptyTally(), emptyTally()];
          for (const item of order) {
            const index = items.indexOf(item as (typeof items)[number]);
            const { follower } = runUntil([item], { until: 1, start: index });
            add(parts[tellers[index] ?? 0] ?? emptyTally(), follower.state.tally);
          }
          const all = emptyTally();
          for (const part of parts) add(all, part);
          return [all];
        };
        const [[one], [other]] = [told(items), told(items.toReversed())];
        expect(other?.sums.completed).toBe(one?.sums.completed);
        expect(Object.keys(other?.cells ?? {}).toSorted()).toEqual(Object.keys(one?.cells ?? {}).toSorted());
        for (const [name, cell] of Object.entries(one?.cells ?? {})) {
          expect(other?.cells[name]?.y).toBeCloseTo(cell.y, 6);
          expect(other?.cells[name]?.n).toBe(cell.n);
        }
      }),
    );
  });
});

describe("a history", () => {
  test("gives an estimate before the first item ends, and says so", () => {
    const before = runUntil(even(40), { until: 40 });
    const history = before.follower.learn(before.now);
    expect(JSON.stringify(history).length).toBeLessThan(1_000);
    const { follower, now } = runUntil(even(40), { until: 0, history, start: 100 });
    const { estimate } = follower.estimate(now);
    expect(estimate?.basis).toBe("history");
    expect(estimate?.median).toBeGreaterThan(60);
    expect(estimate?.median).toBeLessThan(100);
  });

  test("learns nothing from a batch in which nothing was completed", () => {
    expect(learn(null, { tally: emptyTally(), noted: [], finish: 1 })).toBeNull();
  });

  test("widens the range after ranges that missed, and narrows it after ranges that held", () => {
    const { tally } = runUntil(even(40), { until: 40 }).follower.state;
    expect(learn(null, { tally, noted: [[1, 2, ""]], finish: 3 })?.widening).toBeGreaterThan(1);
    expect(learn(null, { tally, noted: [[1, 5, ""]], finish: 3 })?.widening).toBeLessThan(1);
  });
});

describe("one item", () => {
  const { tally } = runUntil(even(20, 60), { until: 20 }).follower.state;
  const facts = { tally, inFlight: [], active: 1_200, workers: 1, history: null };
  const item = { id: 1, kind: "item", size: 1_000 };

  test("that has not started is expected to take what its like took", () => {
    const range = estimateItem(facts, { ...item, age: 0, fraction: null });
    expect(range?.median).toBeGreaterThan(50);
    expect(range?.median).toBeLessThan(72);
  });

  test("near its end follows its own reports", () => {
    const range = estimateItem(facts, { ...item, age: 270, fraction: 0.9 });
    expect(range?.median).toBeGreaterThan(20);
    expect(range?.median).toBeLessThan(45);
  });

  test("of unknown work has no estimate", () => {
    expect(estimateItem({ ...facts, tally: emptyTally() }, { ...item, age: 5, fraction: null })).toBeNull();
  });
});
