import fc from "fast-check";
import { expect, it } from "vitest";
import { mustEnd, outcomeOf, statusOf } from "./batch.ts";
import { CountsDelta, NO_COUNTS, processedOf } from "./counts.ts";
import { ITEM_STATES } from "./transitions.ts";

function facts(changes: object) {
  return { counts: NO_COUNTS, control: "run" as const, isCancelled: false, startedAt: null, endedAt: null, ...changes };
}

function counted(counts: object) {
  const full = { ...NO_COUNTS, ...counts };
  return { ...full, total: full.pending + processedOf(full) + full.processing };
}

it("an unended batch is pending, processing or paused", () => {
  expect(statusOf(facts({}))).toBe("pending");
  expect(statusOf(facts({ startedAt: 1 }))).toBe("processing");
  expect(statusOf(facts({ control: "pause" }))).toBe("paused");
  expect(statusOf(facts({ control: "stop", startedAt: 1 }))).toBe("paused");
  expect(outcomeOf(facts({ startedAt: 1 }))).toBeNull();
});

it("an ended batch is named by its items", () => {
  const ended = (counts: object, more: object = {}) => facts({ counts: counted(counts), endedAt: 9, ...more });
  expect(statusOf(ended({}))).toBe("completed");
  expect(outcomeOf(ended({}))).toBe("success");
  expect(outcomeOf(ended({ completed: 2 }))).toBe("success");
  expect(outcomeOf(ended({ completed: 1, failed: 1 }))).toBe("partial");
  expect(statusOf(ended({ failed: 1, cancelled: 1 }))).toBe("completed");
  expect(statusOf(ended({ failed: 2 }))).toBe("failed");
  expect(outcomeOf(ended({ failed: 2 }))).toBeNull();
  expect(statusOf(ended({ cancelled: 2 }))).toBe("cancelled");
  expect(statusOf(ended({ completed: 2 }, { isCancelled: true }))).toBe("cancelled");
  expect(statusOf(ended({ completed: 2 }, { control: "pause" }))).toBe("completed");
});

it("a batch must end when it is sealed and all its items are terminal, once", () => {
  const counts = counted({ completed: 1, cancelled: 1 });
  expect(mustEnd({ isSealed: true, endedAt: null, counts })).toBe(true);
  expect(mustEnd({ isSealed: false, endedAt: null, counts })).toBe(false);
  expect(mustEnd({ isSealed: true, endedAt: 5, counts })).toBe(false);
  expect(mustEnd({ isSealed: true, endedAt: null, counts: counted({ completed: 1, processing: 1 }) })).toBe(false);
});

it("counters moved by deltas equal counters counted", () => {
  const move = fc.record({ from: fc.constantFrom(...ITEM_STATES), to: fc.constantFrom(...ITEM_STATES) });
  const property = fc.property(fc.array(move, { maxLength: 50 }), (moves) => {
    const items = Array.from({ length: 5 }, () => ITEM_STATES.map((state) => state)).flat();
    const start = new CountsDelta();
    for (const state of ITEM_STATES) start.add(state, 5);
    const delta = new CountsDelta();
    for (const { from, to } of moves) {
      const index = items.indexOf(from);
      if (index < 0) continue;
      items[index] = to;
      delta.move(from, to);
    }
    const counts = delta.applyTo(start.applyTo(NO_COUNTS));
    for (const state of ITEM_STATES) expect(counts[state]).toBe(items.filter((item) => item === state).length);
    expect(counts.total).toBe(items.length);
  });
  fc.assert(property);
});

it("a removed item is gone from its state and from the total", () => {
  const delta = new CountsDelta();
  delta.add("failed", 2);
  delta.remove("failed");
  expect(delta.applyTo(NO_COUNTS)).toEqual({ ...NO_COUNTS, total: 1, failed: 1 });
});
