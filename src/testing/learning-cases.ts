import assert from "node:assert/strict";
import { LIMITS } from "../core/limits.ts";
import type { Evidence } from "../ports/evidence.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

async function evidenceOf(t: StoreTrial, batch: number): Promise<Evidence> {
  const evidence = await t.store.evidence(batch);
  assert.ok(evidence !== null, `batch ${batch} has evidence`);
  return evidence;
}

/** What is kept for estimates, and what they are made of. */
export const learningCases: readonly ConformanceCase[] = [
  caseOf("what is learned is read, changed and written in one step", async (t) => {
    const made = await t.batch();
    const add = (word: string) =>
      t.store.learn(made.number, ({ batch }) => ({ batch: `${batch ?? ""}${word}`, work: null }));
    assert.deepEqual((await evidenceOf(t, made.number)).learned, { batch: null, work: null });
    assert.deepEqual(await Promise.all([add("a"), add("b"), add("c")]), [true, true, true]);
    const { learned } = await evidenceOf(t, made.number);
    assert.deepEqual([...(learned.batch ?? "")].sort(), ["a", "b", "c"], "no change is lost");
    await assert.rejects(
      t.store.learn(made.number, () => {
        throw new Error("no");
      }),
    );
    assert.deepEqual((await evidenceOf(t, made.number)).learned, learned, "a change that throws changes nothing");
    await t.store.learn(made.number, () => ({ batch: null, work: null }));
    assert.deepEqual((await evidenceOf(t, made.number)).learned, { batch: null, work: null });
    assert.equal(await t.store.learn(99, () => ({ batch: "", work: null })), false);
    assert.equal(await t.store.evidence(99), null);
  }),
  caseOf("learning is no change of the batch that a viewer sees", async (t) => {
    const made = await t.batch();
    const before = await t.row(made.number);
    await t.store.learn(made.number, () => ({ batch: "b", work: "w" }));
    assert.deepEqual(await t.row(made.number), before);
  }),
  caseOf("a change is told the epoch, and whether it has ended", async (t) => {
    const made = await t.batch({ items: ["a"] });
    const seen: unknown[] = [];
    const look = () =>
      t.store.learn(made.number, ({ epoch, isEnded, batch, work }) => {
        seen.push([epoch, isEnded]);
        return { batch, work };
      });
    await look();
    await t.complete({ item: made.items[0] ?? 0 });
    await look();
    await t.submit(made.number, ["b"]);
    await look();
    const [first, second, third] = seen as [number, boolean][];
    assert.deepEqual([first?.[1], second?.[1], third?.[1]], [false, true, false]);
    assert.deepEqual([second?.[0], third?.[0]], [first?.[0], (first?.[0] ?? 0) + 1]);
  }),
  caseOf("batches of the same work share what it taught; it outlives them", async (t) => {
    const one = await t.batch({ work: "photos" });
    const two = await t.batch({ work: "photos" });
    const other = await t.batch({ work: "films" });
    await t.store.learn(one.number, () => ({ batch: "one", work: "taught" }));
    assert.deepEqual((await evidenceOf(t, two.number)).learned, { batch: null, work: "taught" });
    assert.deepEqual((await evidenceOf(t, other.number)).learned, { batch: null, work: null });
    assert.equal(await t.store.history("photos"), "taught");
    assert.equal(await t.store.history("films"), null);
    await t.commandWhole({ type: "cancel", target: { batch: one.number } });
    await t.commandWhole({ type: "remove", target: { batch: one.number } });
    assert.equal(await t.store.evidence(one.number), null);
    assert.equal((await evidenceOf(t, two.number)).learned.work, "taught");
    const next = await t.batch({ work: "photos" });
    assert.deepEqual((await evidenceOf(t, next.number)).learned, { batch: null, work: "taught" });
  }),
  caseOf("only so many kinds of work are remembered, those that changed last", async (t) => {
    const made = await t.batch({ work: "first" });
    await t.opened.store.learn(made.number, () => ({ batch: null, work: "old" }));
    const later = await Promise.all(
      Array.from({ length: LIMITS.works }, async (_, index) => {
        const { batch } = await t.opened.store.submit({
          batch: t.spec({ work: `work ${index}` }),
          items: [],
          seal: false,
          now: t.clock.now(),
        });
        await t.opened.store.learn(batch?.number ?? 0, () => ({ batch: null, work: "new" }));
        return batch?.number ?? 0;
      }),
    );
    assert.equal((await evidenceOf(t, made.number)).learned.work, null);
    assert.equal((await evidenceOf(t, later.at(-1) ?? 0)).learned.work, "new");
    await t.auditor.accept();
  }),
  caseOf("evidence has what runs, what is held and what waits for a time", async (t) => {
    const items = ["a", "b", "c", "d", "e"].map((key, index) => ({
      key,
      size: 100 * index,
      kind: index < 2 ? "x" : null,
    }));
    const made = await t.batch({ items });
    const worker = await t.worker();
    const tracker = await t.worker({ concurrency: 0 });
    const [a, b] = await t.claim(worker, { limit: 2 });
    assert.ok(a !== undefined && b !== undefined);
    assert.deepEqual([b.kind, b.size], ["x", 100], "a lease has its item's kind and size");
    await t.progress(a, 0.25);
    const until = t.clock.now() + 5_000;
    await t.fail(b, { retryAt: until });
    await t.command({ type: "hold", target: { item: made.items[2] ?? 0 } });
    const evidence = await evidenceOf(t, made.number);
    assert.deepEqual(
      evidence.running.map(({ number, kind, size, fraction, startedAt }) => ({
        number,
        kind,
        size,
        fraction,
        startedAt,
      })),
      [{ number: a.item, kind: "x", size: 0, fraction: 250_000, startedAt: t.clock.now() }],
    );
    assert.deepEqual([evidence.held, evidence.readyAt, evidence.tracked], [1, until, 0]);
    assert.deepEqual(evidence.row, await t.row(made.number));
    const own = await t.claimOne(tracker);
    await t.start(own);
    assert.equal((await evidenceOf(t, made.number)).tracked, 1);
    await t.command({ type: "unhold", target: { item: made.items[2] ?? 0 } });
    assert.equal((await evidenceOf(t, made.number)).held, 0);
  }),
  caseOf("evidence has what else the queue has to do, and who works on it", async (t) => {
    const low = await t.batch({ priority: 5 });
    const [old, made] = [await t.batch(), await t.batch()];
    const high = await t.batch({ priority: -5 });
    await t.batch({ queue: "other" });
    await t.batch({ startAt: t.clock.now() + 1_000 });
    const paused = await t.batch();
    await t.command({ type: "pause", target: { batch: paused.number } });
    await t.worker({ concurrency: 2, batch: made.number });
    await t.worker({ concurrency: 3 });
    await t.command({ type: "concurrency", target: { queue: "main" }, concurrency: 7 });
    const evidence = await evidenceOf(t, made.number);
    assert.deepEqual(
      evidence.rivals.map(({ number, priority }) => [number, priority]),
      [
        [high.number, -5],
        [old.number, 0],
        [low.number, 5],
      ],
    );
    assert.deepEqual([evidence.dedicated, evidence.row.concurrency, evidence.queueConcurrency], [2, 5, 7]);
    assert.equal(evidence.queueControl, "run");
    await t.command({ type: "pause", target: { queue: "main" } });
    assert.equal((await evidenceOf(t, made.number)).queueControl, "pause");
  }),
  caseOf(
    "what was learned is there after a restart",
    async (t) => {
      const made = await t.batch();
      await t.store.learn(made.number, () => ({ batch: "b", work: "w" }));
      await t.reopen();
      assert.deepEqual((await evidenceOf(t, made.number)).learned, { batch: "b", work: "w" });
    },
    "reopen",
  ),
];
