import { expect, test } from "vitest";
import { ApiError, type BatchesFilter, type OverviewUpdate, type StreamOptions } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { OVERVIEW } from "../address/address.ts";
import { madeBatch } from "../testing/made-batch.ts";
import { OverviewStore } from "./overview-store.ts";
import { selectBatches } from "./select-batches.ts";
import { lineOf } from "./turns.ts";

const names = (batches: Iterable<WireBatch>) => Array.from(batches, ({ name }) => name);

test("batches are shown by view: filter, queue, search, order", () => {
  const batches = [
    madeBatch(1, { name: "b 10", queue: "x", percent: 50, estimatedTimeRemaining: 60 }),
    madeBatch(2, { name: "b 9", status: "paused", percent: null, counts: { failed: 3, pending: 1 } }),
    madeBatch(3, { name: "a", percent: 100, endedAt: "2026-11-21T10:00:00.000Z", owner: "session:abcdef123" }),
  ];
  const known = new Map(batches.map((batch) => [batch.id, batch]));
  const list = (view: object) => {
    const selected = selectBatches(known, { ...OVERVIEW, ...view });
    expect(selectBatches(known, { ...OVERVIEW, ...view }, [...selected].reverse())).toEqual(selected);
    return names(selected);
  };
  expect(list({})).toEqual(["b 10", "b 9", "a"]);
  expect(list({ sort: "age" })).toEqual(["a", "b 9", "b 10"]);
  expect(list({ sort: "age", isReversed: true })).toEqual(["b 10", "b 9", "a"]);
  expect(list({ show: "active" })).toEqual(["b 10", "b 9"]);
  expect(list({ show: "ended" })).toEqual(["a"]);
  expect(list({ show: "failed" })).toEqual(["b 9"]);
  expect(list({ queue: "x" })).toEqual(["b 10"]);
  expect(list({ search: " B 1" })).toEqual(["b 10"]);
  expect(list({ search: "session abc" })).toEqual(["a"]);
  expect(list({ sort: "name" })).toEqual(["a", "b 9", "b 10"]);
  expect(list({ sort: "progress" })).toEqual(["a", "b 10", "b 9"]);
  expect(list({ sort: "left" })).toEqual(["b 10", "b 9", "a"]);
  expect(list({ sort: "failed" })).toEqual(["b 9", "a", "b 10"]);
});

/** A server with so many batches, and a stream that tests write into. */
class FakeServer {
  readonly #batches: WireBatch[];
  readonly #updates: OverviewUpdate[] = [];
  #wake: () => void = () => {};
  onState: StreamOptions["onState"];
  readonly asked: BatchesFilter[] = [];
  refusal: Error | null = null;
  readonly prioritised: { readonly id: string; readonly priority: number }[] = [];

  constructor(count: number) {
    this.#batches = Array.from({ length: count }, (_, index) => madeBatch(index, { name: String(index) })).reverse();
  }

  readonly batches = async (filter: BatchesFilter = {}) => {
    this.asked.push(filter);
    if (this.refusal !== null) throw this.refusal;
    const { cursor, limit = 100 } = filter;
    const from = cursor === undefined ? 0 : Number(cursor);
    const next = from + limit;
    const page = this.#batches.slice(from, next);
    const total = this.#batches.length;
    return { batches: page, nextCursor: next < total ? String(next) : null, ...(filter.count === true && { total }) };
  };

  readonly watchMany = (_ids: readonly string[] | "all", options: StreamOptions = {}) => {
    this.onState = options.onState;
    return this.#stream(options.signal);
  };

  async *#stream(signal: AbortSignal | undefined): AsyncGenerator<OverviewUpdate, void, undefined> {
    while (signal?.aborted !== true) {
      const update = this.#updates.shift();
      if (update !== undefined) yield update;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** Somebody submits one more. */
  add(batch: WireBatch): void {
    this.#batches.unshift(batch);
    this.tell({ batches: [batch] });
  }

  tell(update: Partial<OverviewUpdate>): void {
    this.#updates.push({ batches: [], removed: [], ...update });
    this.#wake();
  }
}

function storeOf(server: FakeServer) {
  let now = 0;
  const states: string[] = [];
  const store = new OverviewStore({
    client: server,
    schedule: (task) => task(),
    now: () => now,
    setPriority: async (id, priority) => {
      server.prioritised.push({ id, priority });
      return { ...(store.batches.get(id) ?? madeBatch(0)), priority };
    },
    isOperator: true,
    onConnection: (state) => void states.push(state),
  });
  return {
    store,
    states,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("the first page is short, the rest comes when it is needed, and no more than the page may hold", async () => {
  const server = new FakeServer(12_000);
  const { store } = storeOf(server);
  await store.reload();
  expect([store.batches.size, store.hasMore, store.isLoaded]).toEqual([100, true, true]);
  await Promise.all([store.loadMore(), store.loadMore()]);
  expect(store.batches.size).toBe(1_100);
  await store.loadAll();
  expect([store.batches.size, store.isFull]).toEqual([10_100, true]);
  expect(new Set(server.asked.map(({ limit }) => limit))).toEqual(new Set([100, 1_000]));
});

test("all there are is told, though not all are read: of those that come as well", async () => {
  const server = new FakeServer(150);
  const { store } = storeOf(server);
  store.start();
  await expect.poll(() => [store.batches.size, store.total]).toEqual([100, 150]);
  server.add(madeBatch(500));
  await expect.poll(() => [store.batches.size, store.total]).toEqual([101, 151]);
  await store.loadAll();
  store.drop([madeBatch(500).id]);
  expect([store.batches.size, store.total]).toEqual([150, 150]);
  store.stop();
});

test("what the stream tells later counts more than a page that was read before", async () => {
  const server = new FakeServer(2);
  const { store, pass } = storeOf(server);
  store.start();
  const newer = madeBatch(1, { name: "1", version: 9 });
  server.tell({ batches: [newer, madeBatch(7, { name: "new" })] });
  await expect.poll(() => store.batches.size).toBe(3);
  store.take(madeBatch(1, { name: "1", version: 3 }));
  expect(store.batches.get(newer.id)?.version).toBe(9);
  pass(2_000);
  server.tell({ batches: [{ ...newer, version: 10, processed: 20 }], removed: [madeBatch(0).id] });
  await expect.poll(() => store.batches.size).toBe(2);
  expect(store.rateOf(newer.id)).toBe(10);
  store.stop();
});

test("a batch is brought to the place of another, and its place is told", async () => {
  const server = new FakeServer(4);
  const { store } = storeOf(server);
  await store.reload();
  const [first, , , last] = lineOf(store.batches.values(), "main");
  if (first === undefined || last === undefined) throw new Error("there are four");
  expect(await store.bringTo(last, first)).toEqual({ place: 1, of: 4 });
  expect(server.prioritised).toEqual([{ id: last.id, priority: -1 }]);
  expect(names(lineOf(store.batches.values(), "main"))).toEqual(["3", "0", "1", "2"]);
});

test("after a break the newest batches are read again, since what ended meanwhile is not told", async () => {
  const server = new FakeServer(2);
  const { store, states } = storeOf(server);
  store.start();
  await expect.poll(() => server.asked.length).toBe(1);
  for (const state of ["connecting", "live", "waiting", "connecting", "live"] as const) server.onState?.(state);
  await expect.poll(() => server.asked.length).toBe(2);
  expect(states).toEqual(["connecting", "live", "waiting", "connecting", "live"]);
  store.stop();
});

test("a refusal is shown, and a later success takes it away", async () => {
  const server = new FakeServer(2);
  const { store } = storeOf(server);
  server.refusal = new ApiError({ type: "/problems/store", title: "No store", status: 503, detail: "it is gone" }, 5);
  await store.reload();
  expect(store.problem).toEqual({ title: "No store", detail: "it is gone; try again in 5 s" });
  server.refusal = null;
  await store.reload();
  expect([store.problem, store.batches.size]).toEqual([null, 2]);
});
