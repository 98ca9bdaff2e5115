import assert from "node:assert/strict";
import { NO_PROGRESS } from "../core/progress.ts";
import type { AmendBody, Amended } from "../ports/amendment.ts";
import type { ItemRef } from "../ports/store.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

/** A report that says how often it was made. */
function counted(t: StoreTrial, before: { readonly saved: unknown }): AmendBody {
  const count = typeof before.saved === "number" ? before.saved + 1 : 1;
  const progress = { ...NO_PROGRESS, stage: "counting" };
  return { type: "progress", startedAt: t.clock.now(), progress, fraction: count * 1_000, saved: String(count) };
}

function amend(
  t: StoreTrial,
  ref: ItemRef,
  worker: number,
  change: (before: { readonly saved: unknown }) => AmendBody = (before) => counted(t, before),
): Promise<Amended> {
  return t.store.amend({ ref, worker, change, now: t.clock.now() });
}

/** Reports on items that several callers drive. */
export const amendCases: readonly ConformanceCase[] = [
  caseOf("an item is amended by what it is, from its first report to its end", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const [number = 0] = made.items;
    const worker = await t.worker({ concurrency: 0 });
    const startedAt = t.clock.now();
    const first = await amend(t, { batch: made.number, key: "a" }, worker);
    assert.ok(first.ok);
    assert.deepEqual(first.item, await t.item(number));
    assert.deepEqual([first.item.state, first.item.saved, first.item.fraction], ["processing", 1, 1_000]);
    assert.deepEqual([first.item.startedAt, first.item.attempts], [startedAt, 1]);
    t.clock.advance(5);
    const second = await amend(t, { number }, worker);
    assert.ok(second.ok && second.item.version > first.item.version);
    assert.deepEqual([second.item.saved, second.item.startedAt, second.item.token], [2, startedAt, first.item.token]);
    assert.equal((await t.row(made.number)).flight, 2_000);
    const output = '{"whole":true}';
    const last = await amend(t, { number }, worker, () => ({ type: "complete", startedAt, output }));
    assert.ok(last.ok);
    assert.deepEqual([last.item.state, last.item.output, last.item.saved], ["completed", { whole: true }, null]);
    const { counts, flight } = await t.row(made.number);
    assert.deepEqual([counts.completed, counts.pending, flight], [1, 1, 0]);
  }),
  caseOf("an amended item is its new holder's, and the one before is refused", async (t) => {
    const made = await t.batch({ items: ["a"] });
    const [number = 0] = made.items;
    const [first, second] = [await t.worker(), await t.worker({ concurrency: 0 })];
    const lease = await t.claimOne(first);
    await t.start(lease);
    const revision = (await t.store.orders(first, null)).revision;
    const taken = await amend(t, { number }, second);
    assert.ok(taken.ok);
    assert.ok((await t.item(number)).token > lease.token, "it has a token of its own");
    const orders = await t.store.orders(first, null);
    assert.ok(orders.revision > revision && orders.held.length === 0, "the holder before hears of it");
    await t.assertRefused(() => t.progress(lease, 0.5), "lease-lost");
    await t.assertRefused(() => t.complete(lease), "lease-lost");
    await t.store.closeSession(first, t.clock.now());
    assert.equal((await t.item(number)).state, "processing");
    await t.store.closeSession(second, t.clock.now());
    const left = await t.item(number);
    assert.deepEqual([left.state, left.saved, left.attempts], ["pending", 1, 1]);
  }),
  caseOf("amended items of a session that died go back, with what was saved", async (t) => {
    const made = await t.batch({ items: ["a"] });
    const [number = 0] = made.items;
    const dying = await t.worker({ concurrency: 0 });
    await amend(t, { number }, dying);
    t.clock.advance(30_001);
    await t.store.reap(t.clock.now(), () => false);
    const back = await t.item(number);
    assert.deepEqual([back.state, back.saved, back.crashes], ["pending", 1, 1]);
    await t.assertRefused(() => amend(t, { number }, dying), "lease-lost");
    const again = await amend(t, { number }, await t.worker({ concurrency: 0 }));
    assert.ok(again.ok && again.item.saved === 2);
  }),
  caseOf("what ended, is gone, or makes its change throw is not amended", async (t) => {
    const made = await t.batch({ items: ["a", "b", "c"] });
    const [a = 0, b = 0, c = 0] = made.items;
    const worker = await t.worker({ concurrency: 0 });
    await t.complete({ item: a });
    await t.assertRefused(() => amend(t, { number: a }, worker), "wrong-state");
    await t.command({ type: "remove", target: { item: b } });
    await t.assertRefused(() => amend(t, { number: b }, worker), "not-found");
    await t.assertRefused(() => amend(t, { batch: made.number, key: "none" }, worker), "not-found");
    const before = await t.auditor.dump();
    const refuse = (): AmendBody => {
      throw new Error("no");
    };
    await assert.rejects(amend(t, { number: c }, worker, refuse), /^Error: no$/);
    assert.deepEqual(await t.auditor.dump(), before, "nothing has changed");
  }),
  caseOf("neither a pause, a hold nor a back-off hinders an amendment", async (t) => {
    const made = await t.batch({ items: ["held", "waiting"] });
    const [held = 0, waiting = 0] = made.items;
    await t.command({ type: "hold", target: { item: held } });
    await t.fail(await t.claimOne(await t.worker()), { retryAt: t.clock.now() + 1_000 });
    await t.command({ type: "pause", target: { batch: made.number } });
    const worker = await t.worker({ concurrency: 0 });
    for (const number of [held, waiting]) {
      const amended = await amend(t, { number }, worker);
      assert.ok(amended.ok);
      const { state, isHeld, readyAt } = amended.item;
      assert.deepEqual([state, isHeld, readyAt], ["processing", false, null]);
      const error = { name: "Error", message: "broken", code: null };
      const body: AmendBody = { type: "fail", startedAt: t.clock.now(), error, retryAt: null, saved: '"kept"' };
      const failed = await amend(t, { number }, worker, () => body);
      assert.ok(failed.ok);
      assert.deepEqual([failed.item.state, failed.item.saved, failed.item.error], ["failed", "kept", error]);
    }
    assert.equal((await t.row(made.number)).counts.failed, 2);
  }),
  caseOf("amendments that come together all count", async (t) => {
    const made = await t.batch({ items: ["a"] });
    const [number = 0] = made.items;
    const workers = [await t.worker({ concurrency: 0 }), await t.worker({ concurrency: 0 })];
    const calls = Array.from({ length: 40 }, (_, index) => (store: StoreTrial["store"]) => {
      const worker = workers[index % 2] ?? 0;
      return store.amend({ ref: { number }, worker, change: (before) => counted(t, before), now: t.clock.now() });
    });
    const results = await t.together(calls);
    assert.ok(results.every(({ ok }) => ok));
    assert.equal((await t.item(number)).saved, 40);
  }),
  caseOf("a batch that is removed only if it has ended by a time stays until then", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const remove = (endedBy: number) => t.command({ type: "remove", target: { batch: made.number }, endedBy });
    await t.complete({ item: made.items[0] ?? 0 });
    await t.assertRefused(() => remove(t.clock.now()), "wrong-state");
    t.clock.advance(5);
    await t.complete({ item: made.items[1] ?? 0 });
    await t.assertRefused(() => remove(t.clock.now() - 1), "wrong-state");
    const result = await remove(t.clock.now());
    assert.ok(result.ok && result.changed === 2);
    assert.equal(await t.store.batch({ number: made.number }), null);
  }),
  caseOf("an item that is removed only if it has ended by a time stays until then", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const [a = 0, b = 0] = made.items;
    const endedBy = t.clock.now();
    t.clock.advance(1);
    await t.complete({ item: a });
    await t.assertRefused(() => t.command({ type: "remove", target: { item: a }, endedBy }), "wrong-state");
    await t.assertRefused(
      () => t.command({ type: "remove", target: { item: b }, endedBy: endedBy + 9 }),
      "wrong-state",
    );
    const result = await t.command({ type: "remove", target: { item: a }, endedBy: t.clock.now() });
    assert.ok(result.ok && result.changed === 1);
  }),
];
