import assert from "node:assert/strict";
import { LIMITS } from "../core/limits.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";

const LARGE = LIMITS.controlChunkItems * 2 + 500;

/** What is pending is deleted at an operator's order, and nothing else is. */
export const clearCases: readonly ConformanceCase[] = [
  caseOf("clear of a batch deletes what is pending, however it waits, and nothing else", async (t) => {
    const made = await t.batch({
      items: ["running", "done", "failed", "claimed", "held", "late", { key: "urgent", priority: -20 }, "fresh"],
      policy: { attempts: 2 },
    });
    const [running = 0, done = 0, failed = 0, claimed = 0, held = 0, late = 0, urgent = 0, fresh = 0] = made.items;
    const other = await t.batch({ items: 1 });
    const worker = await t.worker();
    const leases = await t.claim(worker, { only: [running, done, failed, claimed, late] });
    const [one, two, three, four, five] = leases;
    assert.ok(one && two && three && four && five);
    await t.start(one);
    await t.complete(two);
    await t.fail(three);
    await t.fail(five, { retryAt: t.clock.now() + 1_000 });
    await t.command({ type: "hold", target: { item: held } });
    const before = await t.row(made.number);
    assert.equal((await t.commandWhole({ type: "clear", target: { batch: made.number } })).changed, 5);
    const kept = await t.store.items({ batch: made.number, limit: 10 });
    assert.deepEqual(
      kept.map(({ key }) => key),
      ["running", "done", "failed"],
    );
    const { counts, endedAt } = await t.row(made.number);
    assert.deepEqual([counts.total, counts.pending, counts.processing, endedAt], [3, 0, 1, null]);
    assert.equal((await t.complete(four)).ok, false, "its claim was taken away");
    const changes = await t.store.changes(made.number, before.version, 100);
    assert.deepEqual(changes.removals.map(({ key }) => key).sort(), ["claimed", "fresh", "held", "late", "urgent"]);
    for (const item of [claimed, held, late, urgent, fresh]) assert.equal(await t.store.item({ number: item }), null);
    assert.equal((await t.row(other.number)).counts.pending, 1);
    await t.complete(one);
    assert.equal((await t.row(made.number)).endedAt, t.clock.now());
    assert.equal((await t.commandWhole({ type: "clear", target: { batch: made.number } })).changed, 0);
  }),
  caseOf("clear of a large batch comes in bounded steps, and ends it", async (t) => {
    const made = await t.batch({ items: LARGE });
    // Some that were claimed, and given back.
    const worker = await t.worker();
    for (const lease of await t.claim(worker, { limit: 100 })) await t.release(lease);
    const { changed, steps } = await t.commandWhole({ type: "clear", target: { batch: made.number } });
    assert.equal(changed, LARGE);
    assert.ok(steps >= 3);
    const row = await t.row(made.number);
    assert.deepEqual([row.counts.total, row.endedAt], [0, t.clock.now()]);
    assert.deepEqual(await t.claim(worker), []);
  }),
  caseOf("clear of an item: only while it is pending", async (t) => {
    const { items } = await t.batch({ items: ["pending", "claimed", "running", "done", "cancelled"] });
    const [pending = 0, claimed = 0, running = 0, done = 0, cancelled = 0] = items;
    const [taken, started, ended] = await t.claim(await t.worker(), { only: [claimed, running, done] });
    assert.ok(taken && started && ended);
    await t.start(started);
    await t.complete(ended);
    await t.command({ type: "cancel", target: { item: cancelled } });
    for (const item of [pending, claimed]) {
      const result = await t.command({ type: "clear", target: { item } });
      assert.equal(result.ok && result.changed, 1);
      assert.equal(await t.store.item({ number: item }), null);
    }
    assert.equal((await t.complete(taken)).ok, false);
    for (const item of [running, done, cancelled]) {
      await t.assertRefused(() => t.command({ type: "clear", target: { item } }), "wrong-state");
    }
    await t.assertRefused(() => t.command({ type: "clear", target: { item: pending } }), "not-found");
  }),
];
