import assert from "node:assert/strict";
import { FRACTION_ONE, NO_PROGRESS } from "../core/progress.ts";
import type { Lease, Report, ReportBody, Store } from "../ports/store.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

const ERROR = { name: "Error", message: "late", code: null };

/** Every report that a lease holder can make. */
function reportBodies(now: number): readonly ReportBody[] {
  return [
    { type: "start", startedAt: now },
    {
      type: "progress",
      startedAt: now,
      progress: { ...NO_PROGRESS, stage: "late" },
      fraction: 900_000,
      saved: '"late"',
    },
    { type: "complete", startedAt: now, output: '"late"' },
    { type: "fail", startedAt: now, error: ERROR, retryAt: null },
    { type: "fail", startedAt: now, error: ERROR, retryAt: now + 1, saved: '"late"' },
    { type: "release", startedAt: null },
    { type: "release", startedAt: now, saved: '"late"' },
    { type: "release", startedAt: now, isCrash: true },
  ];
}

async function assertAllRefused(t: StoreTrial, lease: Pick<Lease, "item" | "token" | "worker">): Promise<void> {
  for (const body of reportBodies(t.clock.now())) await t.assertRefused(() => t.report(lease, body), "lease-lost");
}

/** Claims an item, starts it, and lets its worker die; returns the lease that is lost. */
async function loseLease(t: StoreTrial, items: number | readonly string[] = 1): Promise<Lease> {
  await t.batch({ items, policy: { crashBudget: 9 } });
  const worker = await t.worker();
  const lease = await t.claimOne(worker);
  await t.start(lease);
  t.clock.advance(30_001);
  await t.store.reap(t.clock.now(), () => false);
  return lease;
}

/** What workers report, and what late ones are told. */
export const reportCases: readonly ConformanceCase[] = [
  caseOf("an item goes from pending over processing to completed", async (t) => {
    const made = await t.batch({ items: ["a"], stages: [{ name: "s", weight: 1 }] });
    const worker = await t.worker({ name: "somebody" });
    const lease = await t.claimOne(worker);
    const startedAt = t.clock.now();
    assert.deepEqual(await t.start(lease), { ok: true });
    const running = await t.item(lease.item);
    assert.deepEqual(
      [running.state, running.startedAt, running.endedAt, running.attempts],
      ["processing", startedAt, null, 1],
    );
    assert.equal((await t.row(made.number)).startedAt, startedAt);
    const progress = { stage: "s", done: 1, total: 4, unit: "page", message: "page 1" };
    await t.report(lease, { type: "progress", startedAt, progress, fraction: 250_000, saved: '{"page":1}' });
    const underway = await t.item(lease.item);
    assert.deepEqual([underway.progress, underway.fraction, underway.saved], [progress, 250_000, { page: 1 }]);
    assert.equal((await t.row(made.number)).flight, 250_000);
    const current = (await t.store.item({ number: lease.item }))?.attempts ?? [];
    assert.deepEqual(current, [
      { token: lease.token, worker: "somebody", startedAt, endedAt: null, outcome: null, error: null },
    ]);
    t.clock.advance(70);
    assert.deepEqual(await t.report(lease, { type: "complete", startedAt, output: '"done"' }), { ok: true });
    const ended = await t.item(lease.item);
    assert.deepEqual(
      [ended.state, ended.output, ended.startedAt, ended.endedAt],
      ["completed", "done", startedAt, t.clock.now()],
    );
    assert.deepEqual([ended.saved, ended.progress, ended.error], [null, NO_PROGRESS, null]);
    const row = await t.row(made.number);
    assert.deepEqual([row.endedAt, row.flight], [t.clock.now(), 0]);
    const attempts = (await t.store.item({ number: lease.item }))?.attempts ?? [];
    assert.deepEqual(
      attempts.map((attempt) => [attempt.token, attempt.startedAt, attempt.endedAt, attempt.outcome]),
      [[lease.token, startedAt, t.clock.now(), "completed"]],
    );
  }),
  caseOf("an end without a recorded start makes both transitions", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const worker = await t.worker();
    const [first, second] = await t.claim(worker);
    assert.ok(first !== undefined && second !== undefined);
    const startedAt = t.clock.now();
    t.clock.advance(10);
    await t.report(first, { type: "complete", startedAt, output: null });
    await t.report(second, { type: "fail", startedAt, error: ERROR, retryAt: null });
    const items = await t.store.items({ batch: made.number, limit: 5 });
    assert.deepEqual(
      items.map((item) => [item.state, item.startedAt, item.attempts]),
      [
        ["completed", startedAt, 1],
        ["failed", startedAt, 1],
      ],
    );
    assert.deepEqual(items[1]?.error, ERROR);
    assert.equal((await t.row(made.number)).startedAt, startedAt);
  }),
  caseOf("how far an attempt is never goes back, whichever report comes last; the next one begins anew", async (t) => {
    await t.batch({ items: 1 });
    const worker = await t.worker();
    const lease = await t.claimOne(worker);
    await t.progress(lease, 0.5, "later");
    assert.deepEqual(await t.progress(lease, 0.2, "earlier"), { ok: true });
    const { fraction, progress } = await t.item(lease.item);
    assert.deepEqual([fraction, progress.stage], [FRACTION_ONE / 2, "earlier"]);
    await t.report(lease, { type: "release", startedAt: t.clock.now() });
    await t.progress(await t.claimOne(worker), 0.1);
    assert.equal((await t.item(lease.item)).fraction, FRACTION_ONE / 10);
  }),
  caseOf("progress stands for a start that was not recorded", async (t) => {
    const made = await t.batch({ items: 2 });
    const lease = await t.claimOne(await t.worker());
    assert.deepEqual(await t.progress(lease, 0.5), { ok: true });
    assert.deepEqual((await t.row(made.number)).counts.processing, 1);
    assert.equal((await t.item(lease.item)).attempts, 1);
  }),
  caseOf("many reports are one commit, and each answers for itself", async (t) => {
    const made = await t.batch({ items: 4 });
    const other = await t.batch({ items: 1, queue: "other" });
    const worker = await t.worker();
    const leases = await t.claim(worker);
    const { version } = await t.row(made.number);
    const otherVersion = (await t.row(other.number)).version;
    const now = t.clock.now();
    const reports: Report[] = leases.map((lease, index) => ({
      item: lease.item,
      lease: { token: index === 1 ? lease.token + 1 : lease.token, worker },
      type: "complete",
      startedAt: now,
      output: null,
    }));
    const results = await t.store.record(reports, now);
    assert.deepEqual(
      results.map((result) => result.ok),
      [true, false, true, true],
    );
    const row = await t.row(made.number);
    assert.equal(row.version, version + 1);
    assert.equal(row.counts.completed, 3);
    assert.equal((await t.row(other.number)).version, otherVersion, "a batch that is not touched keeps its version");
    assert.deepEqual(await t.store.record([], now), []);
  }),
  caseOf("reports on one item in one commit are carried out in order", async (t) => {
    const made = await t.batch({ items: 1 });
    const worker = await t.worker();
    const lease = await t.claimOne(worker);
    const held = { item: lease.item, lease: { token: lease.token, worker } };
    const now = t.clock.now();
    const results = await t.store.record(
      [
        { ...held, type: "start", startedAt: now },
        { ...held, type: "progress", startedAt: now, progress: NO_PROGRESS, fraction: 10 },
        { ...held, type: "complete", startedAt: now, output: null },
        { ...held, type: "complete", startedAt: now, output: '"twice"' },
      ],
      now,
    );
    assert.deepEqual(
      results.map((result) => result.ok),
      [true, true, true, false],
    );
    assert.equal((await t.item(lease.item)).output, null);
    assert.equal((await t.row(made.number)).flight, 0);
  }),
  caseOf("a late report is refused while the new holder has not started", async (t) => {
    const lost = await loseLease(t);
    const holder = await t.claimOne(await t.worker());
    assert.ok(holder.token > lost.token, "each claim has a greater token");
    await assertAllRefused(t, lost);
    assert.deepEqual(await t.complete(holder), { ok: true });
  }),
  caseOf("a late report is refused while the new holder is processing", async (t) => {
    const lost = await loseLease(t);
    const holder = await t.claimOne(await t.worker());
    await t.start(holder);
    await t.progress(holder, 0.1);
    await assertAllRefused(t, lost);
    assert.deepEqual(await t.complete(holder), { ok: true });
  }),
  caseOf("a late report is refused while the item waits for a holder", async (t) => {
    await assertAllRefused(t, await loseLease(t));
  }),
  caseOf("a late report is refused after the new holder has completed", async (t) => {
    const lost = await loseLease(t, 2);
    const holder = await t.claimOne(await t.worker());
    assert.equal(holder.item, lost.item);
    await t.complete(holder);
    await assertAllRefused(t, lost);
    await assertAllRefused(t, holder);
  }),
  caseOf("the right token in the hand of another worker is refused", async (t) => {
    await t.batch({ items: 1 });
    const lease = await t.claimOne(await t.worker());
    await t.start(lease);
    const other = await t.worker();
    await assertAllRefused(t, { ...lease, worker: other });
    await assertAllRefused(t, { ...lease, token: lease.token - 1 });
    await assertAllRefused(t, { ...lease, token: lease.token + 1 });
  }),
  caseOf("tokens never start again, not even after an explicit retry", async (t) => {
    const made = await t.batch({ items: 1 });
    const worker = await t.worker();
    const tokens: number[] = [];
    for (let round = 0; round < 4; round++) {
      const lease = await t.claimOne(worker);
      tokens.push(lease.token);
      await t.fail(lease);
      await t.commandWhole({ type: "retry", target: { item: made.items[0] ?? 0 }, failedOnly: true });
      await assertAllRefused(t, lease);
    }
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].sort((a, b) => a - b),
    );
  }),
  caseOf("a completed item stays so, whoever reports", async (t) => {
    await t.batch({ items: 2 });
    const lease = await t.claimOne(await t.worker());
    await t.complete(lease, '"first"');
    await assertAllRefused(t, lease);
    const { item } = lease;
    await t.assertRefused(() => t.complete({ item }), "wrong-state");
    await t.assertRefused(() => t.fail({ item }), "wrong-state");
  }),
  caseOf("a caller without a lease may end what nobody holds, and nothing else", async (t) => {
    const made = await t.batch({ items: ["a", "b", "c"] });
    const [a = 0, b = 0, c = 0] = made.items;
    const tokenBefore = (await t.item(a)).token;
    assert.deepEqual(await t.complete({ item: a }, "1"), { ok: true });
    assert.deepEqual(await t.fail({ item: b }), { ok: true });
    const first = await t.item(a);
    assert.deepEqual([first.state, first.output, first.attempts, first.token], ["completed", 1, 1, tokenBefore + 1]);
    assert.equal((await t.item(b)).state, "failed");
    const lease = await t.claimOne(await t.worker());
    assert.equal(lease.item, c);
    await t.assertRefused(() => t.complete({ item: c }), "lease-lost");
    await t.start(lease);
    await t.assertRefused(() => t.fail({ item: c }), "lease-lost");
    await t.release(lease);
    for (const body of reportBodies(t.clock.now())) {
      if (body.type === "complete" || body.type === "fail") continue;
      const before = await t.auditor.dump();
      assert.equal((await t.report({ item: c }, body)).ok, false, `${body.type} needs a lease`);
      assert.deepEqual(await t.auditor.dump(), before);
    }
  }),
  caseOf("a report on an item that is not there is refused", async (t) => {
    const made = await t.batch({ items: 1 });
    const worker = await t.worker();
    const body: ReportBody = { type: "complete", startedAt: 0, output: null };
    assert.equal((await t.report({ item: (made.items[0] ?? 0) + 1, token: 1, worker }, body)).ok, false);
    assert.equal((await t.report({ item: 2 ** 52 }, body)).ok, false);
  }),
  caseOf(
    "a failed attempt goes back to pending with what it saved, and its error is kept with the attempt",
    async (t) => {
      const made = await t.batch({ items: 2 });
      const worker = await t.worker({ name: "first" });
      const lease = await t.claimOne(worker);
      await t.progress(lease, 0.4, "half");
      t.clock.advance(3);
      const error = { name: "TypeError", message: "no luck", code: "E1" };
      await t.fail(lease, { retryAt: t.clock.now(), error, saved: '{"page":4}' });
      const item = await t.item(lease.item);
      assert.deepEqual(
        [item.state, item.saved, item.fraction, item.progress],
        ["pending", { page: 4 }, 0, NO_PROGRESS],
      );
      assert.equal((await t.row(made.number)).counts.failed, 0);
      const attempts = (await t.store.item({ number: lease.item }))?.attempts ?? [];
      assert.deepEqual(attempts, [
        {
          token: lease.token,
          worker: "first",
          startedAt: t.clock.now() - 3,
          endedAt: t.clock.now(),
          outcome: "failed",
          error,
        },
      ]);
      const next = await t.claimOne(worker);
      assert.deepEqual([next.item, next.saved, next.attempt, next.failures], [lease.item, '{"page":4}', 2, 1]);
      await t.complete(next);
      assert.equal((await t.store.item({ number: lease.item }))?.attempts.length, 2);
    },
  ),
  caseOf("progress without saved data keeps what was saved", async (t) => {
    await t.batch({ items: 1 });
    const lease = await t.claimOne(await t.worker());
    const startedAt = t.clock.now();
    await t.report(lease, { type: "progress", startedAt, progress: NO_PROGRESS, fraction: 1, saved: "[1]" });
    await t.progress(lease, 0.5);
    assert.deepEqual((await t.item(lease.item)).saved, [1]);
    await t.fail(lease);
    assert.deepEqual((await t.item(lease.item)).saved, [1], "a failed item keeps it for a retry");
  }),
  caseOf("a claim that never started is given back unseen", async (t) => {
    const made = await t.batch({ items: 1 });
    const before = await t.auditor.dump();
    const worker = await t.worker();
    const lease = await t.claimOne(worker);
    assert.deepEqual(await t.release(lease), { ok: true });
    const after = await t.row(made.number);
    assert.equal(after.version, before.get(made.number)?.batch.version);
    assert.deepEqual((await t.store.item({ number: lease.item }))?.attempts, []);
    const again = await t.claimOne(worker);
    assert.deepEqual([again.attempt, again.isSuspect], [1, false]);
    assert.ok(again.token > lease.token);
  }),
  caseOf("a released run goes back to pending at once, with its saved data, and is no failure", async (t) => {
    await t.batch({ items: 1 });
    const worker = await t.worker();
    const lease = await t.claimOne(worker);
    await t.start(lease);
    await t.release(lease, { startedAt: t.clock.now(), saved: '"kept"' });
    const again = await t.claimOne(worker);
    assert.deepEqual([again.saved, again.attempt, again.failures, again.crashes], ['"kept"', 2, 0, 0]);
    assert.deepEqual(
      (await t.store.item({ number: lease.item }))?.attempts.map((attempt) => attempt.outcome),
      ["released"],
    );
  }),
  caseOf("crashes are counted apart, and an item that kills too many workers ends as poison", async (t) => {
    const made = await t.batch({ items: ["poison", "good"], policy: { attempts: 1, crashBudget: 3 } });
    const worker = await t.worker();
    for (let crash = 1; crash <= 3; crash++) {
      const lease = await t.claimOne(worker, { only: made.items.slice(0, 1) });
      assert.deepEqual([lease.crashes, lease.failures, lease.isSuspect], [crash - 1, 0, crash > 1]);
      if (crash > 1) await t.start(lease);
      await t.release(lease, { startedAt: t.clock.now(), isCrash: true });
    }
    const item = await t.item(made.items[0] ?? 0);
    assert.deepEqual([item.state, item.error?.code, item.crashes, item.attempts], ["failed", "POISON", 3, 3]);
    assert.deepEqual(await t.complete(await t.claimOne(worker)), { ok: true }, "the others go on");
    assert.equal((await t.row(made.number)).counts.failed, 1);
  }),
  caseOf("the percent counts items in flight, never goes back and is 100 only at the end", async (t) => {
    const made = await t.batch({ items: 2 });
    const worker = await t.worker();
    const [first, second] = await t.claim(worker);
    assert.ok(first !== undefined && second !== undefined);
    await t.progress(first, 0.5);
    assert.equal((await t.row(made.number)).flight, FRACTION_ONE / 2);
    assert.equal((await t.row(made.number)).percentFloor, 25);
    await t.fail(first, { retryAt: t.clock.now() });
    assert.equal((await t.row(made.number)).percentFloor, 25, "a lost half is not taken back");
    await t.complete(second);
    await t.progress(await t.claimOne(worker), 1);
    assert.equal((await t.row(made.number)).percentFloor, 99);
    await t.commandWhole({ type: "cancel", target: { batch: made.number } });
    await t.commandWhole({ type: "retry", target: { batch: made.number }, failedOnly: false });
    assert.equal((await t.row(made.number)).percentFloor, 50, "a retry sets it back to what is true");
  }),
  caseOf("a spent failure budget pauses or stops the batch", async (t) => {
    const byCount = await t.batch({ items: 4, policy: { maxFailures: 1, onFailureBudget: "pause" } });
    const worker = await t.worker();
    const leases = await t.claim(worker, { limit: 2 });
    const revision = (await t.store.orders(worker, null)).revision;
    for (const [index, lease] of leases.entries()) {
      await t.fail(lease);
      assert.equal((await t.row(byCount.number)).control, index === 0 ? "run" : "pause");
    }
    assert.ok((await t.store.orders(worker, null)).revision > revision, "workers are told");
    assert.deepEqual(await t.claim(worker), []);
    const byRatio = await t.batch({ items: 4, policy: { maxFailureRatio: 0.25, onFailureBudget: "stop" } });
    const [one, two] = await t.claim(worker, { limit: 2 });
    assert.ok(one !== undefined && two !== undefined);
    await t.fail(one);
    assert.equal((await t.row(byRatio.number)).control, "run", "a quarter is not more than a quarter");
    await t.fail(two);
    assert.equal((await t.row(byRatio.number)).control, "stop");
  }),
  caseOf("two last items end the batch once", async (t) => {
    const made = await t.batch({ items: 2 });
    const [first, second] = await t.claim(await t.worker());
    assert.ok(first !== undefined && second !== undefined);
    const now = t.clock.now();
    await t.together(
      [first, second].map(({ item, token, worker }) => (store: Store) => {
        const report: Report = { item, lease: { token, worker }, type: "complete", startedAt: now, output: null };
        return store.record([report], now);
      }),
    );
    const ended = await t.row(made.number);
    assert.equal(ended.endedAt, t.clock.now());
    t.clock.advance(50);
    await t.store.checkpoint(made.number, t.clock.now());
    assert.equal((await t.row(made.number)).endedAt, ended.endedAt);
  }),
];
