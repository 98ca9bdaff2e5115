import assert from "node:assert/strict";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";

const LEASE_MS = 30_000;

/** Sessions of workers: leases, death, orders. */
export const sessionCases: readonly ConformanceCase[] = [
  caseOf("sessions that are reaped together are one change of the batch they share", async (t) => {
    const made = await t.batch({ items: 4 });
    for (const worker of [await t.worker(), await t.worker()]) await t.start(await t.claimOne(worker));
    const { version } = await t.row(made.number);
    assert.equal(await t.store.reap(t.clock.now(), () => true), 2);
    assert.equal((await t.row(made.number)).version, version + 1);
  }),
  caseOf("a session is listed as it was opened", async (t) => {
    const worker = await t.worker({
      name: "host:7",
      host: "h",
      pid: 7,
      birth: "b",
      queues: ["a", "b"],
      pipelines: ["pipeline"],
      concurrency: 3,
    });
    await t.batch({ items: 2, queue: "a" });
    await t.claim(worker, { queues: ["a"] });
    t.clock.advance(40);
    assert.deepEqual(await t.store.sessions(), [
      {
        number: worker,
        name: "host:7",
        host: "h",
        pid: 7,
        birth: "b",
        queues: ["a", "b"],
        batch: null,
        pipelines: ["pipeline"],
        concurrency: 3,
        leaseMs: LEASE_MS,
        openedAt: t.clock.now() - 40,
        silentMs: 40,
        confirmed: 0,
        held: 2,
        isDraining: false,
      },
    ]);
    await t.store.beat(worker);
    const [row = null] = await t.store.sessions();
    assert.equal(row?.silentMs, 0);
    const other = await t.worker({ batch: 7 });
    assert.deepEqual(await t.store.session(worker), row);
    assert.equal((await t.store.session(other))?.batch, 7);
    await t.store.closeSession(worker, t.clock.now());
    assert.equal(await t.store.session(worker), null);
  }),
  caseOf("numbers of sessions are never used again", async (t) => {
    const first = await t.worker();
    await t.store.closeSession(first, t.clock.now());
    assert.notEqual(await t.worker(), first);
    assert.equal(await t.store.beat(first), false);
  }),
  caseOf("a session that beats keeps its items, one that does not loses them", async (t) => {
    await t.batch({ items: ["a", "b"] });
    const [beating, silent] = [await t.worker(), await t.worker()];
    const kept = await t.claimOne(beating);
    const lost = await t.claimOne(silent);
    await t.start(kept);
    await t.start(lost);
    for (let passed = 0; passed < 2 * LEASE_MS; passed += LEASE_MS / 2) {
      t.clock.advance(LEASE_MS / 2);
      assert.equal(await t.store.beat(beating), true);
    }
    assert.ok((await t.store.reap(t.clock.now(), () => false)) > 0);
    assert.equal(await t.store.beat(silent), false);
    assert.equal(await t.store.beat(beating), true);
    assert.equal((await t.item(lost.item)).state, "pending");
    assert.equal((await t.item(lost.item)).crashes, 1);
    assert.deepEqual(await t.complete(kept), { ok: true });
    await t.assertRefused(() => t.complete(lost), "lease-lost");
    assert.equal(await t.store.reap(t.clock.now(), () => false), 0, "nothing is reaped twice");
  }),
  caseOf("a lease is not lost before its time, nor by a jump of the wall clock", async (t) => {
    await t.batch({ items: 1 });
    const worker = await t.worker();
    const lease = await t.claimOne(worker);
    await t.start(lease);
    t.clock.jumpWall(3_600_000);
    assert.equal(await t.store.reap(t.clock.now(), () => false), 0);
    t.clock.advance(LEASE_MS - 1);
    assert.equal(await t.store.reap(t.clock.now(), () => false), 0);
    t.clock.jumpWall(-7_200_000);
    t.clock.advance(2);
    assert.ok((await t.store.reap(t.clock.now(), () => false)) > 0, "and not kept by one either");
    await t.assertRefused(() => t.complete(lease), "lease-lost");
  }),
  caseOf("a dead process loses its items at once, and only it", async (t) => {
    await t.batch({ items: 2 });
    const [living, dead] = [await t.worker({ pid: 1 }), await t.worker({ pid: 2, host: "h", birth: "then" })];
    const kept = await t.claimOne(living);
    const lost = await t.claimOne(dead);
    await t.start(lost);
    const asked = new Set<number>();
    await t.store.reap(t.clock.now(), (session) => {
      asked.add(session.pid);
      if (session.pid === 2) assert.deepEqual([session.host, session.birth], ["h", "then"]);
      return session.pid === 2;
    });
    assert.deepEqual(asked, new Set([1, 2]));
    assert.equal((await t.item(lost.item)).state, "pending");
    assert.deepEqual(await t.complete(kept), { ok: true });
    assert.deepEqual(
      (await t.store.sessions()).map((session) => session.pid),
      [1],
    );
  }),
  caseOf("what a dead worker had started counts a crash, what it had only claimed is suspect", async (t) => {
    const made = await t.batch({ items: ["started", "claimed"] });
    const worker = await t.worker({ name: "doomed" });
    const [started] = await t.claim(worker);
    assert.ok(started !== undefined);
    await t.progress(started, 0.5);
    t.clock.advance(5);
    await t.store.reap(t.clock.now(), () => true);
    assert.equal((await t.row(made.number)).flight, 0);
    const leases = await t.claim(await t.worker());
    assert.deepEqual(
      leases.map((lease) => [lease.key, lease.crashes, lease.attempt, lease.isSuspect]),
      [
        ["started", 1, 2, true],
        ["claimed", 0, 1, true],
      ],
    );
    const detail = await t.store.item({ number: started.item });
    const { token } = started;
    const now = t.clock.now();
    assert.deepEqual(detail?.attempts, [
      { token, worker: "doomed", startedAt: now - 5, endedAt: now, outcome: "crashed", error: null },
    ]);
  }),
  caseOf("the crash that spends the budget ends the item as poison", async (t) => {
    const made = await t.batch({ items: 1, policy: { crashBudget: 2 } });
    for (let crash = 1; crash <= 2; crash++) {
      const lease = await t.claimOne(await t.worker());
      await t.start(lease);
      await t.store.reap(t.clock.now(), () => true);
    }
    const item = await t.item(made.items[0] ?? 0);
    assert.deepEqual([item.state, item.error?.code], ["failed", "POISON"]);
    assert.notEqual((await t.row(made.number)).endedAt, null);
    const outcomes = async () =>
      (await t.store.item({ number: item.number }))?.attempts.map((attempt) => attempt.outcome);
    assert.deepEqual(await outcomes(), ["crashed", "crashed"]);
    await t.command({ type: "retry", target: { item: item.number }, failedOnly: true });
    assert.deepEqual(await outcomes(), ["crashed", "crashed"], "a retry does not rewrite what has been");
    assert.equal((await t.item(item.number)).crashes, 0);
  }),
  caseOf("a closed session gives everything back without a crash", async (t) => {
    const made = await t.batch({ items: 3 });
    const worker = await t.worker();
    const [started] = await t.claim(worker);
    assert.ok(started !== undefined);
    await t.report(started, {
      type: "progress",
      startedAt: t.clock.now(),
      progress: { stage: null, done: 1, total: 2, unit: null, message: null },
      fraction: 500_000,
      saved: "[7]",
    });
    await t.store.closeSession(worker, t.clock.now());
    assert.equal((await t.row(made.number)).counts.pending, 3);
    await t.assertRefused(() => t.complete(started), "lease-lost");
    const leases = await t.claim(await t.worker());
    assert.equal(leases.length, 3);
    assert.ok(leases.every((lease) => lease.crashes === 0 && !lease.isSuspect));
    assert.equal(leases[0]?.saved, "[7]");
    await t.store.closeSession(worker, t.clock.now());
  }),
  caseOf("orders tell all that a worker holds, with the stronger order of queue and batch", async (t) => {
    const first = await t.batch({ items: 1 });
    const second = await t.batch({ items: 1 });
    const worker = await t.worker();
    const leases = await t.claim(worker);
    const read = async () => {
      const { held } = await t.store.orders(worker, null);
      return new Map(held.map((order) => [order.item, order.control]));
    };
    const [a = 0, b = 0] = [first.items[0], second.items[0]];
    assert.deepEqual(
      await read(),
      new Map([
        [a, "run"],
        [b, "run"],
      ]),
    );
    const { held } = await t.store.orders(worker, null);
    assert.deepEqual(new Set(held.map((order) => order.token)), new Set(leases.map((lease) => lease.token)));
    await t.command({ type: "pause", target: { batch: first.number } });
    assert.deepEqual(
      await read(),
      new Map([
        [a, "pause"],
        [b, "run"],
      ]),
    );
    await t.command({ type: "stop", target: { queue: "main" } });
    assert.deepEqual(
      await read(),
      new Map([
        [a, "stop"],
        [b, "stop"],
      ]),
    );
    await t.command({ type: "resume", target: { queue: "main" } });
    assert.deepEqual(
      await read(),
      new Map([
        [a, "pause"],
        [b, "run"],
      ]),
    );
    await t.command({ type: "cancel", target: { item: b } });
    assert.deepEqual(await read(), new Map([[a, "pause"]]), "a lease that is lost is not among them");
    assert.deepEqual((await t.store.orders(9_999, null)).held, []);
  }),
  caseOf("commands that workers must act on raise the revision, and confirmations are kept", async (t) => {
    const made = await t.batch({ items: 4 });
    const worker = await t.worker();
    const [lease] = await t.claim(worker);
    assert.ok(lease !== undefined);
    let last = (await t.store.orders(worker, null)).revision;
    for (const command of [
      { type: "pause", target: { queue: "main" } },
      { type: "resume", target: { queue: "main" } },
      { type: "stop", target: { batch: made.number } },
      { type: "resume", target: { batch: made.number } },
      { type: "hold", target: { item: made.items[1] ?? 0 } },
      { type: "remove", target: { item: made.items[2] ?? 0 } },
      { type: "cancel", target: { item: lease.item } },
      { type: "cancel", target: { batch: made.number } },
    ] as const) {
      const result = await t.command(command);
      assert.ok(result.ok && result.revision > last, `${command.type} is an order`);
      assert.equal((await t.store.orders(worker, null)).revision, result.revision);
      last = result.revision;
    }
    await t.store.orders(worker, last);
    assert.equal((await t.store.sessions())[0]?.confirmed, last);
    await t.store.orders(worker, null);
    assert.equal((await t.store.sessions())[0]?.confirmed, last, "reading alone confirms nothing");
  }),
  caseOf("a worker that drains hears of it with its orders and is given nothing more", async (t) => {
    const made = await t.batch({ items: 5 });
    const [leaving, staying] = [await t.worker({ concurrency: 2 }), await t.worker({ concurrency: 3 })];
    const [running, ahead] = await t.claim(leaving, { limit: 2 });
    assert.ok(running !== undefined && ahead !== undefined);
    await t.start(running);
    const { revision } = await t.store.orders(leaving, null);
    const { version } = await t.row(made.number);
    const drained = await t.command({ type: "drain", target: { worker: leaving } });
    assert.ok(drained.ok && drained.changed === 1 && drained.revision > revision, "it is an order");
    const orders = await t.store.orders(leaving, null);
    assert.deepEqual([orders.isDraining, orders.revision, orders.held.length], [true, drained.revision, 2]);
    assert.deepEqual(await t.claim(leaving), []);
    assert.equal((await t.store.orders(leaving, drained.revision)).isDraining, true, "told again and again");
    const session = await t.store.session(leaving);
    assert.deepEqual([session?.isDraining, session?.confirmed], [true, drained.revision]);
    assert.equal((await t.store.orders(staying, null)).isDraining, false);
    assert.equal((await t.row(made.number)).concurrency, 3, "it does no work any more");
    assert.equal((await t.row(made.number)).version, version, "no batch changes by it");
    assert.deepEqual(await t.complete(running), { ok: true });
    await t.release(ahead);
    assert.equal((await t.claim(staying)).length, 4);
    await t.store.closeSession(leaving, t.clock.now());
    assert.equal((await t.store.orders(leaving, null)).isDraining, false, "one that left has no orders");
  }),
  caseOf("draining is for good, and for workers alone", async (t) => {
    await t.batch({ items: 1 });
    const [worker, tracker] = [await t.worker(), await t.worker({ concurrency: 0 })];
    const first = await t.command({ type: "drain", target: { worker } });
    const again = await t.store.control({ type: "drain", target: { worker } }, t.clock.now());
    assert.ok(first.ok && again.ok);
    assert.deepEqual([again.changed, again.revision], [0, first.revision]);
    await t.store.beat(worker);
    assert.deepEqual(await t.claim(worker), []);
    await t.command({ type: "pause", target: { queue: "main" } });
    await t.command({ type: "resume", target: { queue: "main" } });
    assert.deepEqual(await t.claim(worker), [], "also after a pause");
    await t.assertRefused(
      () => t.store.control({ type: "drain", target: { worker: tracker } }, t.clock.now()),
      "wrong-state",
    );
    await t.assertRefused(
      () => t.store.control({ type: "drain", target: { worker: 9_999 } }, t.clock.now()),
      "not-found",
    );
    assert.equal((await t.claim(tracker)).length, 1);
  }),
  caseOf("the handlers of all live sessions that serve a batch are its concurrency", async (t) => {
    const made = await t.batch({ items: 1 });
    await t.worker({ concurrency: 3 });
    const second = await t.worker({ concurrency: 2, queues: ["other", "main"] });
    await t.worker({ concurrency: 8, queues: ["other"] });
    await t.worker({ concurrency: 8, batch: made.number + 1 });
    await t.worker({ concurrency: 8, pipelines: ["another"] });
    assert.equal((await t.row(made.number)).concurrency, 5);
    await t.store.closeSession(second, t.clock.now());
    assert.equal((await t.row(made.number)).concurrency, 3);
    t.clock.advance(LEASE_MS + 1);
    assert.equal((await t.row(made.number)).concurrency, 0, "a lapsed session does no work");
  }),
];
