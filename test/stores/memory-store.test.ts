import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ItemHeap } from "../../src/stores/memory/item-heap.ts";
import { createState, itemNumbered, type MemoryItem } from "../../src/stores/memory/memory-state.ts";
import { memoryStoreOf } from "../../src/stores/memory/memory-store.ts";
import { StoreTrial } from "../../src/testing/store-trial.ts";

async function openTrial() {
  const states: ReturnType<typeof createState>[] = [];
  const trial = await StoreTrial.open(async (clock) => {
    const state = createState(clock);
    states.push(state);
    const store = memoryStoreOf(state);
    return { store, close: () => store.close() };
  });
  const [state] = states;
  if (state === undefined) throw new Error("the trial opened no store");
  return { trial, state };
}

describe("the heap of items", () => {
  it("gives the items by rank, then by age, and leaves out those that went elsewhere", () => {
    const entry = fc.record({ rank: fc.integer({ min: -3, max: 3 }), leaves: fc.boolean() });
    const property = fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
      const heap = new ItemHeap();
      const items = entries.map((_, ordinal) => ({ ordinal, place: ordinal + 1 }) as MemoryItem);
      for (const [ordinal, { rank }] of entries.entries()) {
        const item = items[ordinal];
        if (item !== undefined) heap.push(item, rank);
      }
      for (const [ordinal, item] of items.entries()) if (entries[ordinal]?.leaves) item.place = 0;
      const taken: number[] = [];
      for (let item = heap.peek(); item !== undefined; item = heap.peek()) {
        taken.push(item.ordinal);
        item.place = 0;
      }
      const expected = [...entries.entries()]
        .filter(([, { leaves }]) => !leaves)
        .sort(([a, first], [b, second]) => first.rank - second.rank || a - b)
        .map(([ordinal]) => ordinal);
      expect(taken).toEqual(expected);
    });
    fc.assert(property);
  });

  it("keeps its order when stale entries are swept out", () => {
    const heap = new ItemHeap();
    const item = { ordinal: 0, place: 0 } as MemoryItem;
    const last = { ordinal: 1, place: 1 } as MemoryItem;
    heap.push(last, 9);
    for (let place = 2; place < 10_000; place++) {
      item.place = place;
      heap.push(item, place % 7);
    }
    expect(heap.peek()).toBe(item);
    item.place = 0;
    expect(heap.peek()).toBe(last);
  });
});

describe("the memory store", () => {
  it("keeps its feed bounded by the batch, however often items change", async () => {
    const { trial, state } = await openTrial();
    const made = await trial.batch({ items: 3 });
    const lease = await trial.claimOne(await trial.worker());
    for (let step = 0; step < 5_000; step++) {
      const report = { item: lease.item, lease: { token: lease.token, worker: lease.worker } };
      const progress = { stage: null, done: step, total: null, unit: null, message: null };
      await trial.opened.store.record([{ ...report, type: "progress", startedAt: 0, progress, fraction: step }], 0);
    }
    expect(state.batches.get(made.number)?.feed.length).toBeLessThan(1_100);
    const changes = await trial.store.changes(made.number, 0, 10);
    expect(changes.items.map((item) => item.progress.done)).toEqual([null, null, 4_999]);
    await trial.close();
  });

  it("finds a lost holder and a held item that has ended", async () => {
    const { trial, state } = await openTrial();
    const made = await trial.batch({ items: 2 });
    await trial.start(await trial.claimOne(await trial.worker()));
    await trial.complete({ item: made.items[1] ?? 0 });
    const [running, ended] = made.items.map((number) => itemNumbered(state, number));
    if (running === undefined || ended === undefined) throw new Error("the items are there");
    running.worker = 0;
    ended.worker = 5;
    const findings = await trial.store.verify({ repair: false });
    expect(findings.map((finding) => finding.what)).toEqual([
      `holder of item ${running.id}`,
      `holder of item ${ended.id}`,
    ]);
    await trial.close();
  });
});
