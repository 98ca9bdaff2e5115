import assert from "node:assert/strict";
import type { Lease, Report } from "../ports/store.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

/*
 * Many items in one call. A store may write neighbours together; what each of them is told and becomes must be the same as
 * if it had come alone.
 */

function completionOf(t: StoreTrial, lease: Pick<Lease, "item" | "token" | "worker">): Report {
  const { item, token, worker } = lease;
  return { item, lease: { token, worker }, type: "complete", startedAt: t.clock.now(), output: null };
}

/** A batch of 40 whose items two workers hold in three blocks, in the order of the items. */
async function fortyClaimed(t: StoreTrial) {
  const made = await t.batch({ items: 40 });
  const [first, second] = [await t.worker(), await t.worker()];
  const leases = [
    ...(await t.claim(first, { limit: 15 })),
    ...(await t.claim(second, { limit: 10 })),
    ...(await t.claim(first, { limit: 15 })),
  ];
  assert.deepEqual(
    leases.map((lease) => lease.item),
    made.items,
  );
  return { batch: made.number, leases, first, second };
}

export const groupCases: readonly ConformanceCase[] = [
  caseOf("neighbours that end in one commit all end, and once", async (t) => {
    const { batch, leases } = await fortyClaimed(t);
    const { version } = await t.row(batch);
    const reports = leases.map((lease) => completionOf(t, lease));
    const results = await t.store.record(reports, t.clock.now());
    assert.ok(
      results.every((result) => result.ok),
      "all are accepted",
    );
    const row = await t.row(batch);
    assert.equal(row.counts.completed, 40);
    assert.notEqual(row.endedAt, null);
    const changes = await t.store.changes(batch, version, 100);
    assert.deepEqual(
      changes.items.map((item) => [item.state, item.attempts, item.version]),
      changes.items.map(() => ["completed", 1, version + 1]),
    );
    assert.equal(changes.items.length, 40);
    const again = await t.store.record(reports, t.clock.now());
    assert.ok(
      again.every((result) => !result.ok),
      "none is completed twice",
    );
    assert.equal((await t.row(batch)).version, version + 1);
  }),
  caseOf("what was taken from a worker in the midst of its neighbours stays taken", async (t) => {
    const { batch, leases, first, second } = await fortyClaimed(t);
    const at = (index: number): Lease => leases[index] ?? assert.fail();
    await t.command({ type: "cancel", target: { item: at(3).item } });
    await t.command({ type: "remove", target: { item: at(5).item } });
    await t.command({ type: "hold", target: { item: at(8).item } });
    await t.command({ type: "priority", target: { item: at(9).item }, priority: 7 });
    await t.start(at(11));
    await t.progress(at(12), 0.5);
    await t.report(at(30), { type: "release", startedAt: null });
    const reports = leases.map((lease) => completionOf(t, lease));
    reports[17] = completionOf(t, { ...at(17), worker: first });
    reports[35] = completionOf(t, { ...at(35), worker: second });
    reports[36] = completionOf(t, { ...at(36), token: at(36).token + 1 });
    const results = await t.store.record(reports, t.clock.now());
    const refused = results.flatMap((result, index) => (result.ok ? [] : [index]));
    assert.deepEqual(refused, [3, 5, 8, 17, 30, 35, 36]);
    const { counts } = await t.row(batch);
    assert.deepEqual(counts, { total: 39, pending: 5, processing: 0, completed: 33, failed: 0, cancelled: 1 });
    const waiting = await t.store.items({ batch, state: "pending", limit: 100 });
    assert.deepEqual(
      waiting.map((item) => item.number),
      [8, 17, 30, 35, 36].map((index) => at(index).item),
    );
    // Each of those still belongs to whom it belonged before, or to nobody.
    assert.deepEqual(await t.complete(at(17)), { ok: true });
    assert.deepEqual(await t.complete(at(35)), { ok: true });
    assert.deepEqual(
      (await t.claim(second)).map((lease) => lease.item),
      [at(30).item],
    );
  }),
  caseOf("neighbours of a dead worker come back, those that it ended do not", async (t) => {
    const { batch, leases, first } = await fortyClaimed(t);
    const ended = leases.slice(2, 9);
    await t.store.record(
      ended.map((lease) => completionOf(t, lease)),
      t.clock.now(),
    );
    await t.store.reap(t.clock.now(), () => true);
    const late = leases.filter((lease) => lease.worker === first && !ended.includes(lease));
    const results = await t.store.record(
      late.map((lease) => completionOf(t, lease)),
      t.clock.now(),
    );
    assert.ok(
      results.every((result) => !result.ok),
      "a dead worker's reports are refused",
    );
    const again = await t.claim(await t.worker());
    assert.deepEqual(
      again.map((lease) => lease.item),
      leases.filter((lease) => !ended.includes(lease)).map((lease) => lease.item),
    );
    for (const lease of again) {
      assert.ok(lease.isSuspect, "it may have been running");
      assert.ok(
        lease.token > (leases.find((old) => old.item === lease.item)?.token ?? 0),
        "each claim raises the token",
      );
    }
    assert.equal((await t.row(batch)).counts.completed, 7);
  }),
  caseOf("names among which some are known, or come twice, are told apart and keep their order", async (t) => {
    const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `name ${from + index}`);
    const made = await t.batch({ items: keys(0, 10), seal: false });
    const added = await t.submit(made.number, keys(10, 20), { seal: false });
    assert.deepEqual(new Set(added.verdicts), new Set(["added"]));
    const mixed = await t.submit(made.number, ["name 20", "name 3", "name 21", "name 20", 'quote " \\ 🎉 \u2028'], {
      seal: false,
    });
    assert.deepEqual(mixed.verdicts, ["added", "known", "added", "duplicate", "added"]);
    assert.equal(mixed.items[1], made.items[3]);
    assert.equal(mixed.items[3], mixed.items[0]);
    const items = await t.store.items({ batch: made.number, limit: 100 });
    assert.deepEqual(
      items.map((item) => item.key),
      [...keys(0, 22), 'quote " \\ 🎉 \u2028'],
    );
    const numbers = [...made.items, ...added.items, ...[0, 2, 4].map((index) => mixed.items[index])];
    assert.deepEqual(
      items.map((item) => item.number),
      numbers,
    );
    assert.equal((await t.row(made.number)).counts.total, 23);
  }),
  caseOf("pages of pending items hold each once, whatever was done to some of them", async (t) => {
    const { batch, leases, first } = await fortyClaimed(t);
    await t.submit(
      batch,
      Array.from({ length: 20 }, (_, index) => `later ${index}`),
    );
    const items = await t.store.items({ batch, limit: 100 });
    const at = (index: number): number => items[index]?.number ?? assert.fail();
    await t.command({ type: "hold", target: { item: at(45) } });
    await t.command({ type: "priority", target: { item: at(50) }, priority: -3 });
    await t.command({ type: "cancel", target: { item: at(52) } });
    await t.report(leases[30] ?? assert.fail(), { type: "release", startedAt: null });
    await t.complete(leases[2] ?? assert.fail());
    await t.start(leases[4] ?? assert.fail());
    const found: number[] = [];
    for (let after: number | undefined; ; after = found.at(-1)) {
      const page = await t.store.items({
        batch,
        state: "pending",
        limit: 7,
        ...(after === undefined ? {} : { after }),
      });
      found.push(...page.map((item) => item.number));
      if (page.length < 7) break;
    }
    const expected = items.map((item) => item.number).filter((_, index) => ![2, 4, 52].includes(index));
    assert.deepEqual(found, expected);
    // What can be claimed of it comes by priority, then age: the item of its own priority first.
    const claimed = await t.claim(first);
    assert.deepEqual(
      claimed.map((lease) => lease.item),
      [at(50), at(30), ...expected.filter((number) => number >= at(40) && number !== at(45) && number !== at(50))],
    );
  }),
];
