import { expect, onTestFinished, test, vi } from "vitest";
import { ApiError, type BatchUpdate, type WatchOptions } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireFailures } from "../../../src/wire/breakdown.ts";
import { madeBatch } from "../testing/made-batch.ts";
import { BatchStore } from "./batch-store.ts";
import type { ItemNews } from "./item-list.ts";

const ENDED = "2026-11-21T10:00:00.000Z";

/** A batch of a server whose stream the test writes. */
class FakeBatch {
  batch: WireBatch = madeBatch(1);
  streams = 0;
  breakdowns = 0;
  refusal: Error | null = null;
  readonly #updates: (BatchUpdate | "end")[] = [];
  #wake: () => void = () => {};

  async *watch({ signal }: WatchOptions = {}): AsyncGenerator<BatchUpdate, void, undefined> {
    this.streams += 1;
    while (signal?.aborted !== true) {
      if (this.refusal !== null) throw this.refusal;
      const update = this.#updates.shift();
      if (update === "end") return;
      if (update !== undefined) yield update;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  tell(batch: WireBatch, update: Partial<BatchUpdate> = {}): void {
    this.batch = batch;
    this.#updates.push({ batch, items: [], removals: [], isFresh: false, ...update });
    this.#wake();
  }

  end(): void {
    this.#updates.push("end");
    this.#wake();
  }

  readonly read = async (): Promise<WireBatch> => this.batch;
  failures = async (): Promise<WireFailures> => {
    this.breakdowns += 1;
    return { failures: [{ message: "no", code: null, items: 1, example: { id: "i", key: "k", name: "k" } }] };
  };
  readonly stages = async () => ({ stages: [{ stage: "read", items: 2 }] });
}

function follow() {
  const fake = new FakeBatch();
  const states: string[] = [];
  let now = 1_000;
  const store = new BatchStore({
    client: fake,
    schedule: (task) => task(),
    now: () => now,
    onConnection: (state) => void states.push(state),
  });
  store.start();
  return {
    fake,
    store,
    states,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("a batch is followed: itself, its items, its rate, its failures", async () => {
  const { fake, store, pass } = follow();
  const news: ItemNews[] = [];
  store.feed({ apply: (one) => void news.push(one) });
  fake.tell(madeBatch(1, { version: 1 }), { isFresh: true });
  await expect.poll(() => store.batch?.version).toBe(1);
  expect(news).toEqual([]);
  pass(2_000);
  fake.tell(madeBatch(1, { version: 2, processed: 10 }), { removals: [{ id: "i", key: "k" }] });
  await expect.poll(() => news.length).toBe(1);
  expect([store.perSecond, store.samples.all.length]).toEqual([5, 2]);
  await expect.poll(() => [store.failures.length, store.stages.length]).toEqual([1, 1]);
  store.stop();
});

test("failures that come while others are read are read too, without waiting for the next change", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { fake, store } = follow();
  const reading: (() => void)[] = [];
  const read: number[] = [];
  fake.failures = async () => {
    read.push(fake.batch.counts.failed);
    await new Promise<void>((resolve) => void reading.push(resolve));
    return { failures: [] };
  };
  fake.tell(madeBatch(1, { version: 1, counts: { failed: 1 } }));
  await vi.advanceTimersByTimeAsync(1);
  fake.tell(madeBatch(1, { version: 2, counts: { failed: 7 } }));
  await vi.advanceTimersByTimeAsync(1);
  reading.pop()?.();
  await vi.advanceTimersByTimeAsync(200);
  expect(read).toEqual([1, 7]);
  store.stop();
});

test("after a break without a way on, whoever lists items is told to forget what it knows", async () => {
  const { fake, store } = follow();
  const news: ItemNews[] = [];
  store.feed({ apply: (one) => void news.push(one) });
  fake.tell(madeBatch(1, { version: 1 }), { isFresh: true });
  fake.tell(madeBatch(1, { version: 9 }), { isFresh: true });
  await expect.poll(() => news.map(({ isFresh }) => isFresh)).toEqual([true]);
  store.stop();
});

test("a batch that has ended is followed again once it is tried again, by who is here or by others", async () => {
  const { fake, store, states } = follow();
  fake.tell(madeBatch(1, { version: 3, status: "failed", endedAt: ENDED }), { isFresh: true });
  fake.end();
  await expect.poll(() => states.at(-1)).toBe("idle");
  store.take(madeBatch(1, { version: 2 }));
  expect([store.batch?.version, fake.streams]).toEqual([3, 1]);
  await expect.poll(() => fake.breakdowns).toBeGreaterThan(0);
  fake.batch = madeBatch(1, { version: 8 });
  store.wake();
  await expect.poll(() => store.batch?.version).toBe(8);
  await expect.poll(() => fake.streams).toBe(2);
  store.stop();
});

test("a batch that is not there is gone; another refusal is shown", async () => {
  const problem = { type: "/problems/x", title: "No", detail: "because" };
  const missing = follow();
  missing.fake.refusal = new ApiError({ ...problem, status: 404 });
  missing.fake.end();
  await expect.poll(() => missing.store.isGone).toBe(true);
  const refused = follow();
  refused.fake.refusal = new ApiError({ ...problem, status: 400 });
  refused.fake.end();
  await expect.poll(() => refused.store.problem).toEqual({ title: "No", detail: "because" });
  expect(refused.states.at(-1)).toBe("idle");
});
