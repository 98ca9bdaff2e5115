import assert from "node:assert/strict";
import { LIMITS } from "../core/limits.ts";
import type { ControlCommand, Store } from "../ports/store.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

const LARGE = LIMITS.controlChunkItems * 2 + 500;

/** A batch with one item in each state, by state. */
async function oneOfEach(t: StoreTrial) {
  const made = await t.batch({ items: ["pending", "processing", "completed", "failed", "cancelled"] });
  const [pending = 0, processing = 0, completed = 0, failed = 0, cancelled = 0] = made.items;
  const worker = await t.worker();
  const [running, done, broken] = await t.claim(worker, { only: [processing, completed, failed] });
  assert.ok(running !== undefined && done !== undefined && broken !== undefined);
  await t.start(running);
  await t.complete(done);
  await t.fail(broken);
  await t.command({ type: "cancel", target: { item: cancelled } });
  return { batch: made.number, worker, running, items: { pending, processing, completed, failed, cancelled } };
}

/** Gives a command to an item of each state; says which changed, which were so already, which were refused. */
async function tryOnEach(t: StoreTrial, toCommand: (item: number) => ControlCommand): Promise<Record<string, string>> {
  const { items } = await oneOfEach(t);
  const answers: Record<string, string> = {};
  for (const [state, item] of Object.entries(items)) {
    const before = await t.auditor.dump();
    const result = await t.command(toCommand(item));
    if (!result.ok || result.changed === 0)
      assert.deepEqual(await t.auditor.dump(), before, `${state}: nothing changed`);
    if (!result.ok) assert.equal(result.state, state, "a refusal tells the state");
    answers[state] = result.ok ? `changed ${result.changed}` : result.reason;
  }
  return answers;
}

async function submitLarge(t: StoreTrial, items = LARGE) {
  const made = await t.batch({ items, policy: { attempts: 1 } });
  return made.number;
}

async function failAll(t: StoreTrial, worker: number): Promise<void> {
  for (;;) {
    const leases = await t.claim(worker, { limit: 1_000 });
    if (leases.length === 0) return;
    const now = t.clock.now();
    const error = { name: "Error", message: "broken", code: null };
    await t.store.record(
      leases.map(({ item, token }) => ({
        item,
        lease: { token, worker },
        type: "fail",
        startedAt: now,
        error,
        retryAt: null,
      })),
      now,
    );
  }
}

/** What an operator may order, of what, and when. */
export const controlCases: readonly ConformanceCase[] = [
  caseOf("cancel of an item: allowed while it has not ended", async (t) => {
    assert.deepEqual(await tryOnEach(t, (item) => ({ type: "cancel", target: { item } })), {
      pending: "changed 1",
      processing: "changed 1",
      completed: "wrong-state",
      failed: "wrong-state",
      cancelled: "changed 0",
    });
  }),
  caseOf("retry of an item: allowed once it has failed or was cancelled", async (t) => {
    const answers = await tryOnEach(t, (item) => ({ type: "retry", target: { item }, failedOnly: false }));
    assert.deepEqual(answers, {
      pending: "changed 0",
      processing: "changed 0",
      completed: "wrong-state",
      failed: "changed 1",
      cancelled: "changed 1",
    });
  }),
  caseOf("hold and priority of an item: allowed while it is pending", async (t) => {
    const expected = {
      pending: "changed 1",
      processing: "wrong-state",
      completed: "wrong-state",
      failed: "wrong-state",
      cancelled: "wrong-state",
    };
    assert.deepEqual(await tryOnEach(t, (item) => ({ type: "hold", target: { item } })), expected);
    await t.commandWhole({ type: "cancel", target: { queue: "main" } });
    assert.deepEqual(await tryOnEach(t, (item) => ({ type: "priority", target: { item }, priority: 7 })), expected);
  }),
  caseOf("remove of an item: refused while it runs", async (t) => {
    assert.deepEqual(await tryOnEach(t, (item) => ({ type: "remove", target: { item } })), {
      pending: "changed 1",
      processing: "running",
      completed: "changed 1",
      failed: "changed 1",
      cancelled: "changed 1",
    });
  }),
  caseOf("what is not there is not found", async (t) => {
    for (const target of [{ item: 2 ** 40 }, { batch: 77 }]) {
      for (const type of ["cancel", "remove"] as const)
        await t.assertRefused(() => t.command({ type, target }), "not-found");
      await t.assertRefused(() => t.command({ type: "retry", target, failedOnly: true }), "not-found");
      await t.assertRefused(() => t.command({ type: "priority", target, priority: 1 }), "not-found");
    }
    await t.assertRefused(() => t.command({ type: "pause", target: { batch: 77 } }), "not-found");
    await t.assertRefused(() => t.command({ type: "hold", target: { item: 2 ** 40 } }), "not-found");
  }),
  caseOf("a command that is carried out already changes nothing", async (t) => {
    const made = await t.batch({ items: 1 });
    const item = made.items[0] ?? 0;
    const commands: readonly ControlCommand[] = [
      { type: "pause", target: { queue: "main" } },
      { type: "resume", target: { queue: "main" } },
      { type: "stop", target: { batch: made.number } },
      { type: "resume", target: { batch: made.number } },
      { type: "concurrency", target: { queue: "main" }, concurrency: 2 },
      { type: "hold", target: { item } },
      { type: "unhold", target: { item } },
      { type: "priority", target: { item }, priority: 3 },
      { type: "priority", target: { batch: made.number }, priority: 3 },
      { type: "cancel", target: { batch: made.number } },
      { type: "retry", target: { item }, failedOnly: false },
    ];
    for (const command of commands) {
      const first = await t.command(command);
      assert.equal(first.ok && first.changed, 1, `${command.type} is carried out`);
      const before = await t.auditor.dump();
      const second = await t.command(command);
      assert.ok(second.ok && second.changed === 0 && !second.more, `${command.type} is so already`);
      assert.equal(second.revision, first.ok ? first.revision : -1, "no new order either");
      assert.deepEqual(await t.auditor.dump(), before);
    }
  }),
  caseOf("queues tell what was ordered and what they have", async (t) => {
    await t.batch({ items: 3, queue: "a" });
    await t.command({ type: "pause", target: { queue: "b" } });
    const worker = await t.worker({ queues: ["a"] });
    await t.start(await t.claimOne(worker, { queues: ["a"] }));
    const read = async (name: string) => (await t.store.queues()).find((queue) => queue.name === name);
    assert.deepEqual(await read("a"), {
      name: "a",
      state: "running",
      concurrency: null,
      batches: 1,
      pending: 2,
      processing: 1,
    });
    assert.deepEqual(await read("b"), {
      name: "b",
      state: "paused",
      concurrency: null,
      batches: 0,
      pending: 0,
      processing: 0,
    });
    await t.command({ type: "stop", target: { queue: "a" } });
    assert.equal((await read("a"))?.state, "stopped");
    await t.command({ type: "resume", target: { queue: "a" } });
    await t.commandWhole({ type: "cancel", target: { queue: "a" } });
    assert.deepEqual(await read("a"), {
      name: "a",
      state: "idle",
      concurrency: null,
      batches: 0,
      pending: 0,
      processing: 0,
    });
  }),
  caseOf("a late success of a cancelled item is refused", async (t) => {
    const { batch, running } = await oneOfEach(t);
    await t.command({ type: "cancel", target: { item: running.item } });
    await t.assertRefused(() => t.complete(running), "lease-lost");
    const { item, attempts } = (await t.store.item({ number: running.item })) ?? {};
    assert.deepEqual([item?.state, item?.endedAt], ["cancelled", t.clock.now()]);
    assert.deepEqual(
      attempts?.map((attempt) => attempt.outcome),
      ["cancelled"],
    );
    assert.equal((await t.row(batch)).endedAt, null, "one is still pending");
  }),
  caseOf("cancel, hold and remove take a claim away that has not started", async (t) => {
    const made = await t.batch({ items: ["a", "b", "c", "d"] });
    const leases = await t.claim(await t.worker());
    const [a, b, c, d] = leases;
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    await t.command({ type: "cancel", target: { item: a.item } });
    await t.command({ type: "hold", target: { item: b.item } });
    await t.command({ type: "remove", target: { item: c.item } });
    assert.equal((await t.complete(a)).ok, false);
    assert.equal((await t.complete(b)).ok, false);
    assert.equal((await t.complete(c)).ok, false);
    await t.command({ type: "unhold", target: { item: b.item } });
    const again = await t.claimOne(await t.worker());
    assert.equal(again.item, b.item);
    assert.deepEqual(await t.complete(again), { ok: true });
    assert.deepEqual(await t.complete(d), { ok: true });
    assert.deepEqual((await t.row(made.number)).counts, {
      total: 3,
      pending: 0,
      processing: 0,
      completed: 2,
      failed: 0,
      cancelled: 1,
    });
  }),
  caseOf("a double retry is one new attempt", async (t) => {
    const made = await t.batch({ items: 1, policy: { attempts: 1 } });
    const worker = await t.worker();
    await t.fail(await t.claimOne(worker), { error: { message: "first" } });
    const { epoch } = await t.row(made.number);
    const command = { type: "retry", target: { batch: made.number }, failedOnly: true } as const;
    const results = await t.together(
      Array.from({ length: 50 }, () => (store: Store) => store.control(command, t.clock.now())),
    );
    assert.equal(
      results.reduce((sum, result) => sum + (result.ok ? result.changed : 0), 0),
      1,
    );
    const row = await t.row(made.number);
    assert.deepEqual([row.epoch, row.endedAt, row.counts.pending], [epoch + 1, null, 1]);
    const { item, attempts } = (await t.store.item({ number: made.items[0] ?? 0 })) ?? {};
    assert.deepEqual([item?.error, item?.readyAt, item?.attempts], [null, null, 1]);
    assert.deepEqual(
      attempts?.map((attempt) => [attempt.outcome, attempt.error?.message]),
      [["failed", "first"]],
    );
    const lease = await t.claimOne(worker);
    assert.deepEqual([lease.attempt, lease.failures, lease.crashes], [2, 0, 0], "with all its tries");
    await t.complete(lease);
    assert.equal((await t.item(lease.item)).state, "completed");
  }),
  caseOf("retry of the failed items leaves the cancelled ones", async (t) => {
    const made = await t.batch({ items: ["failed", "cancelled", "completed"] });
    const [failed = 0, cancelled = 0, completed = 0] = made.items;
    await t.fail({ item: failed });
    await t.command({ type: "cancel", target: { item: cancelled } });
    await t.complete({ item: completed });
    await t.assertRefused(
      () => t.command({ type: "retry", target: { item: cancelled }, failedOnly: true }),
      "wrong-state",
    );
    const retry = { type: "retry", target: { batch: made.number } } as const;
    assert.equal((await t.commandWhole({ ...retry, failedOnly: true })).changed, 1);
    assert.deepEqual([(await t.item(failed)).state, (await t.item(cancelled)).state], ["pending", "cancelled"]);
    assert.equal((await t.commandWhole({ ...retry, failedOnly: false })).changed, 1);
    assert.deepEqual([(await t.item(cancelled)).state, (await t.item(completed)).state], ["pending", "completed"]);
  }),
  caseOf("a retry lifts the cancel of its batch", async (t) => {
    const made = await t.batch({ items: 2 });
    await t.commandWhole({ type: "cancel", target: { batch: made.number } });
    assert.equal((await t.row(made.number)).isCancelled, true);
    await t.command({ type: "retry", target: { item: made.items[1] ?? 0 }, failedOnly: false });
    assert.equal((await t.row(made.number)).isCancelled, false);
    assert.equal((await t.claim(await t.worker())).length, 1);
  }),
  caseOf("an ended batch can be neither paused nor cancelled, a cancelled one is so already", async (t) => {
    const done = await t.batch({ items: 1 });
    await t.complete({ item: done.items[0] ?? 0 });
    for (const type of ["pause", "stop", "cancel"] as const) {
      await t.assertRefused(() => t.command({ type, target: { batch: done.number } }), "wrong-state");
    }
    const cancelled = await t.batch({ items: 2 });
    const target = { batch: cancelled.number };
    assert.equal((await t.commandWhole({ type: "cancel", target })).changed, 2);
    assert.equal((await t.commandWhole({ type: "cancel", target })).changed, 0);
  }),
  caseOf("pause and stop of a batch or queue leave what runs to its worker", async (t) => {
    const made = await t.batch({ items: 2 });
    const worker = await t.worker();
    const [first, second] = await t.claim(worker);
    assert.ok(first !== undefined && second !== undefined);
    await t.start(first);
    await t.command({ type: "pause", target: { batch: made.number } });
    await t.command({ type: "stop", target: { queue: "main" } });
    assert.equal((await t.row(made.number)).control, "pause");
    assert.deepEqual(await t.complete(first), { ok: true }, "what ended before the abort is recorded");
    assert.deepEqual(await t.release(second), { ok: true });
    assert.deepEqual(await t.claim(worker), []);
  }),
  caseOf("cancel of a large batch goes in steps, and nothing more starts or succeeds after the first", async (t) => {
    const batch = await submitLarge(t);
    const worker = await t.worker();
    const leases = await t.claim(worker, { limit: 3 });
    const [running, other, unstarted] = leases;
    assert.ok(running !== undefined && other !== undefined && unstarted !== undefined);
    await t.start(running);
    const last = await t.claimOne(worker, { only: [running.item + LARGE - 1] });
    const first = await t.command({ type: "cancel", target: { batch } });
    assert.ok(first.ok && first.more);
    assert.ok(first.changed <= LIMITS.controlChunkItems + leases.length + 1);
    for (const lease of [...leases, last]) assert.equal((await t.complete(lease)).ok, false, "no late success");
    assert.deepEqual(await t.claim(worker), [], "no new start");
    assert.equal((await t.row(batch)).endedAt, null);
    t.clock.advance(10);
    const rest = await t.commandWhole({ type: "cancel", target: { batch } });
    assert.equal(first.changed + rest.changed, LARGE);
    assert.ok(rest.steps >= 2);
    const row = await t.row(batch);
    assert.deepEqual([row.counts.cancelled, row.endedAt], [LARGE, t.clock.now()]);
  }),
  caseOf("cancel of a queue cancels all its batches that have not ended, and no others", async (t) => {
    const done = await t.batch({ items: 1 });
    await t.complete({ item: done.items[0] ?? 0 });
    const first = await submitLarge(t, LIMITS.controlChunkItems + 1);
    const second = await t.batch({ items: 2 });
    const elsewhere = await t.batch({ items: 2, queue: "other" });
    const command = { type: "cancel", target: { queue: "main" } } as const;
    assert.equal((await t.commandWhole(command)).changed, LIMITS.controlChunkItems + 3);
    assert.equal((await t.row(first)).isCancelled, true);
    assert.equal((await t.row(second.number)).counts.cancelled, 2);
    assert.equal((await t.row(done.number)).counts.completed, 1);
    assert.equal((await t.row(elsewhere.number)).counts.pending, 2);
    assert.equal((await t.commandWhole(command)).changed, 0);
  }),
  caseOf("retry of a large batch goes in steps and is one new epoch", async (t) => {
    const batch = await submitLarge(t);
    const worker = await t.worker();
    await failAll(t, worker);
    const ended = await t.row(batch);
    assert.equal(ended.counts.failed, LARGE);
    const { changed, steps } = await t.commandWhole({ type: "retry", target: { batch }, failedOnly: true });
    assert.equal(changed, LARGE);
    assert.ok(steps >= 3);
    const row = await t.row(batch);
    assert.deepEqual([row.counts.pending, row.epoch, row.percentFloor], [LARGE, ended.epoch + 1, 0]);
  }),
  caseOf("a batch is removed with all it has, but not while anything of it runs", async (t) => {
    const batch = await submitLarge(t, LIMITS.controlChunkItems + 10);
    const kept = await t.batch({ items: 2 });
    const worker = await t.worker();
    const lease = await t.claimOne(worker);
    await t.start(lease);
    for (const target of [{ batch }, { queue: "main" }]) {
      await t.assertRefused(() => t.command({ type: "remove", target }), "running");
    }
    await t.release(lease);
    const row = await t.row(batch);
    const { changed } = await t.commandWhole({ type: "remove", target: { batch } });
    assert.equal(changed, LIMITS.controlChunkItems + 10);
    assert.equal(await t.store.batch({ number: batch }), null);
    assert.equal(await t.store.batch({ id: row.id }), null);
    assert.equal(await t.store.item({ number: lease.item }), null);
    assert.deepEqual(await t.store.items({ batch, limit: 10 }), []);
    assert.equal((await t.complete(lease)).ok, false);
    const leases = await t.claim(worker);
    assert.ok(leases.every((left) => left.batch === kept.number));
    assert.equal(leases.length, 2);
  }),
  caseOf("numbers of removed batches and items are never used again", async (t) => {
    const first = await t.batch({ name: "n", items: ["a", "b"] });
    await t.command({ type: "remove", target: { item: first.items[1] ?? 0 } });
    const again = await t.submit(first.number, ["b"]);
    assert.deepEqual(again.verdicts, ["added"]);
    assert.ok((again.items[0] ?? 0) > (first.items[1] ?? 0));
    await t.commandWhole({ type: "remove", target: { batch: first.number } });
    const second = await t.batch({ name: "n", items: ["a"] });
    assert.equal(second.submitted.isNew, true);
    assert.ok(second.number > first.number);
  }),
  caseOf("removing the last unfinished item ends the batch", async (t) => {
    const made = await t.batch({ items: ["done", "open"] });
    await t.complete({ item: made.items[0] ?? 0 });
    t.clock.advance(9);
    await t.command({ type: "remove", target: { item: made.items[1] ?? 0 } });
    assert.equal((await t.row(made.number)).endedAt, t.clock.now());
    const single = await t.batch({ items: 1 });
    await t.command({ type: "remove", target: { item: single.items[0] ?? 0 } });
    assert.equal((await t.row(single.number)).endedAt, t.clock.now());
  }),
  caseOf("remove of a queue removes all its batches, ended ones too", async (t) => {
    const done = await t.batch({ items: 1 });
    await t.complete({ item: done.items[0] ?? 0 });
    await t.batch({ items: 5 });
    const other = await t.batch({ items: 1, queue: "other" });
    await t.commandWhole({ type: "remove", target: { queue: "main" } });
    assert.deepEqual(
      (await t.store.batches({ limit: 10 })).map((row) => row.number),
      [other.number],
    );
  }),
];
