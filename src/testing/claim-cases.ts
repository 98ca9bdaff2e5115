import assert from "node:assert/strict";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";

/** Who gets what, and in which order. */
export const claimCases: readonly ConformanceCase[] = [
  caseOf("a lease says what is to be done, and its item stays pending", async (t) => {
    const made = await t.batch({ items: [{ key: "a", input: '{"x":1}', size: 5 }] });
    const worker = await t.worker();
    const before = await t.row(made.number);
    const lease = await t.claimOne(worker);
    const { token, ...rest } = lease;
    assert.ok(token > 0);
    assert.deepEqual(rest, {
      item: made.items[0],
      worker,
      batch: made.number,
      id: (await t.item(lease.item)).id,
      key: "a",
      input: '{"x":1}',
      size: 5,
      kind: null,
      saved: null,
      attempt: 1,
      failures: 0,
      crashes: 0,
      isSuspect: false,
    });
    assert.equal((await t.item(lease.item)).state, "pending");
    assert.deepEqual(await t.row(made.number), before, "a claim cannot be seen from outside");
  }),
  caseOf("no item is held twice, and no claim exceeds its limit", async (t) => {
    await t.batch({ items: 50 });
    const workers = [await t.worker(), await t.worker(), await t.worker()];
    const seen = new Set<number>();
    for (let round = 0; round < 12; round++) {
      for (const worker of workers) {
        for (const lease of await t.claim(worker, { limit: 1 + (round % 3) })) {
          assert.equal(seen.has(lease.item), false, "an item is held once");
          seen.add(lease.item);
        }
      }
    }
    assert.equal(seen.size, 50);
  }),
  caseOf("inside a batch: lower priority first, then first in, first out", async (t) => {
    await t.batch({
      items: [
        { key: "low", priority: 10 },
        { key: "first", priority: 0 },
        { key: "urgent", priority: -20 },
        { key: "second", priority: 0 },
        { key: "sooner", priority: -1_000_000 },
      ],
    });
    const worker = await t.worker();
    const keys = (await t.claim(worker)).map((lease) => lease.key);
    assert.deepEqual(keys, ["sooner", "urgent", "first", "second", "low"]);
  }),
  caseOf("among batches: lower priority first, whatever the priority of the items", async (t) => {
    await t.batch({ items: [{ key: "x", priority: -99 }], priority: 5 });
    await t.batch({ items: ["y"], priority: -5 });
    await t.batch({ items: ["z"], priority: 0 });
    const worker = await t.worker();
    assert.deepEqual(
      (await t.claim(worker)).map((lease) => lease.key),
      ["y", "z", "x"],
    );
  }),
  caseOf("a huge batch starves nobody: every fourth item comes from younger batches of equal priority", async (t) => {
    const huge = await t.batch({ items: 300 });
    const small = [await t.batch({ items: 20 }), await t.batch({ items: 20 })];
    const worker = await t.worker();
    let younger = 0;
    for (let turn = 0; turn < 40; turn++) {
      const lease = await t.claimOne(worker, { turn });
      if (lease.batch !== huge.number) younger += 1;
    }
    assert.ok(younger >= 9 && younger <= 11, `a quarter of single claims, found ${younger} of 40`);
    const inBulk = await t.claim(worker, { turn: 40, limit: 40 });
    const share = inBulk.filter((lease) => lease.batch !== huge.number).length;
    assert.ok(share >= 9 && share <= 11, `a quarter of a large claim, found ${share} of 40`);
    const taken = new Set<number>();
    for (let turn = 41; turn < 61; turn++) {
      for (const lease of await t.claim(worker, { turn, limit: 4 })) taken.add(lease.batch);
    }
    for (const batch of small) assert.ok(taken.has(batch.number), "each younger batch has its share");
  }),
  caseOf("a batch with nothing to give takes nothing from the share of younger ones", async (t) => {
    const idle = await t.batch({ items: ["idle"] });
    await t.command({ type: "hold", target: { item: idle.items[0] ?? 0 } });
    await t.batch({ items: 40 });
    const young = await t.batch({ items: 40 });
    const worker = await t.worker();
    let younger = 0;
    for (let turn = 0; turn < 40; turn++) {
      if ((await t.claimOne(worker, { turn })).batch === young.number) younger += 1;
    }
    assert.equal(younger, 10);
  }),
  caseOf("a younger batch of lower priority has no share", async (t) => {
    const first = await t.batch({ items: 20 });
    await t.batch({ items: 20, priority: 1 });
    const worker = await t.worker();
    const leases = await t.claim(worker, { limit: 20 });
    assert.ok(leases.every((lease) => lease.batch === first.number));
  }),
  caseOf("only the asked queues and pipelines are claimed from", async (t) => {
    await t.batch({ queue: "a", pipeline: "p", items: ["ap"] });
    await t.batch({ queue: "a", pipeline: "q", items: ["aq"] });
    await t.batch({ queue: "b", pipeline: "p", items: ["bp"] });
    const worker = await t.worker({ queues: ["a", "b"] });
    assert.deepEqual((await t.claim(worker, { queues: ["c"] })).length, 0);
    assert.deepEqual(
      (await t.claim(worker, { queues: ["a"], pipelines: ["q"] })).map((lease) => lease.key),
      ["aq"],
    );
    assert.deepEqual(
      (await t.claim(worker, { queues: ["a", "b"], pipelines: ["p"] })).map((lease) => lease.key).sort(),
      ["ap", "bp"],
    );
  }),
  caseOf("only the named items are claimed, in the order asked, where they can be", async (t) => {
    const made = await t.batch({ items: ["a", "b", "c", "d"] });
    const [a = 0, b = 0, c = 0, d = 0] = made.items;
    const [worker, other] = [await t.worker(), await t.worker()];
    await t.claim(other, { only: [b] });
    await t.command({ type: "hold", target: { item: d } });
    const leases = await t.claim(worker, { only: [c, b, d, 999_999, a] });
    assert.deepEqual(
      leases.map((lease) => lease.item),
      [c, a],
    );
  }),
  caseOf("a session that is gone claims nothing", async (t) => {
    await t.batch({ items: 3 });
    const worker = await t.worker();
    await t.store.closeSession(worker, t.clock.now());
    assert.deepEqual(await t.claim(worker), []);
    assert.deepEqual(await t.claim(12_345), []);
  }),
  caseOf("nothing of a paused or stopped queue or batch is claimed", async (t) => {
    const first = await t.batch({ items: ["a"] });
    await t.batch({ items: ["b"] });
    const worker = await t.worker();
    for (const type of ["pause", "stop"] as const) {
      await t.command({ type, target: { queue: "main" } });
      assert.deepEqual(await t.claim(worker), []);
      assert.deepEqual(await t.claim(worker, { only: first.items }), [], "not by name either");
      await t.command({ type: "resume", target: { queue: "main" } });
      await t.command({ type, target: { batch: first.number } });
      const leases = await t.claim(worker);
      assert.deepEqual(
        leases.map((lease) => lease.key),
        ["b"],
      );
      for (const lease of leases) await t.release(lease);
      await t.command({ type: "resume", target: { batch: first.number } });
    }
    assert.equal((await t.claim(worker)).length, 2);
  }),
  caseOf("a pause holds for retries, lapsed leases and back-offs too", async (t) => {
    await t.batch({ items: ["retried", "lapsed"] });
    const worker = await t.worker();
    const [first, second] = await t.claim(worker);
    assert.ok(first !== undefined && second !== undefined);
    await t.fail(first, { retryAt: t.clock.now() + 10 });
    await t.start(second);
    await t.command({ type: "pause", target: { queue: "main" } });
    t.clock.advance(60_000);
    await t.store.reap(t.clock.now(), () => false);
    const other = await t.worker();
    assert.deepEqual(await t.claim(other), []);
    await t.command({ type: "resume", target: { queue: "main" } });
    assert.equal((await t.claim(other)).length, 2);
  }),
  caseOf("a batch with a start time waits for it, and the claim says until when", async (t) => {
    const startAt = t.clock.now() + 1_000;
    await t.batch({ items: 2, startAt });
    const worker = await t.worker();
    const request = { worker, queues: ["main"], pipelines: null, limit: 5, turn: 0 };
    assert.deepEqual(await t.store.claim({ ...request, now: t.clock.now() }), { leases: [], nextAt: startAt });
    t.clock.advance(999);
    assert.deepEqual((await t.store.claim({ ...request, now: t.clock.now() })).leases, []);
    t.clock.advance(1);
    const claimed = await t.store.claim({ ...request, now: t.clock.now() });
    assert.equal(claimed.leases.length, 2);
    assert.equal(claimed.nextAt, null);
  }),
  caseOf("a failed attempt waits for its back-off, and the earliest one is told", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const worker = await t.worker();
    const [first, second] = await t.claim(worker);
    assert.ok(first !== undefined && second !== undefined);
    const now = t.clock.now();
    await t.fail(first, { retryAt: now + 500 });
    await t.fail(second, { retryAt: now + 200 });
    assert.equal((await t.item(made.items[0] ?? 0)).readyAt, now + 500);
    const request = { worker, queues: ["main"], pipelines: null, limit: 5, turn: 0 };
    assert.deepEqual(await t.store.claim({ ...request, now }), { leases: [], nextAt: now + 200 });
    t.clock.advance(200);
    const claimed = await t.store.claim({ ...request, now: t.clock.now() });
    assert.deepEqual(
      claimed.leases.map((lease) => lease.key),
      ["b"],
    );
    assert.equal(claimed.leases[0]?.attempt, 2);
    assert.equal(claimed.leases[0]?.failures, 1);
    assert.equal(claimed.nextAt, now + 500);
    const other = { ...request, queues: ["other"], now: t.clock.now() };
    assert.equal((await t.store.claim(other)).nextAt, null, "what waits in other queues is not this worker's");
  }),
  caseOf("all workers together hold no more than the queue's concurrency", async (t) => {
    await t.batch({ items: 10 });
    await t.batch({ items: 10, queue: "free" });
    await t.command({ type: "concurrency", target: { queue: "main" }, concurrency: 3 });
    const [first, second] = [await t.worker(), await t.worker()];
    const held = await t.claim(first, { limit: 2 });
    assert.equal(held.length, 2);
    assert.equal((await t.claim(second)).length, 1);
    assert.equal((await t.claim(first)).length, 0);
    assert.equal(
      (await t.claim(first, { queues: ["main", "free"], limit: 5 })).length,
      5,
      "other queues are not limited",
    );
    for (const lease of held) await t.complete(lease);
    assert.equal((await t.claim(second)).length, 2, "what ended makes room");
    assert.deepEqual((await t.store.queues()).find((queue) => queue.name === "main")?.concurrency, 3);
    await t.command({ type: "concurrency", target: { queue: "main" }, concurrency: null });
    assert.equal((await t.claim(second)).length, 5);
  }),
  caseOf("held items are passed over until they are let go", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const target = { item: made.items[0] ?? 0 };
    await t.command({ type: "hold", target });
    assert.equal((await t.item(target.item)).isHeld, true);
    const worker = await t.worker();
    assert.deepEqual(
      (await t.claim(worker)).map((lease) => lease.key),
      ["b"],
    );
    await t.command({ type: "unhold", target });
    assert.deepEqual(
      (await t.claim(worker)).map((lease) => lease.key),
      ["a"],
    );
  }),
  caseOf("a changed priority changes the order", async (t) => {
    const made = await t.batch({ items: ["a", "b", "c"] });
    const younger = await t.batch({ items: ["d"] });
    await t.command({ type: "priority", target: { item: made.items[2] ?? 0 }, priority: -1 });
    await t.command({ type: "priority", target: { batch: younger.number }, priority: -1 });
    const worker = await t.worker();
    assert.deepEqual(
      (await t.claim(worker)).map((lease) => lease.key),
      ["d", "c", "a", "b"],
    );
  }),
];
