import { expect, test } from "vitest";
import type { BatchUpdate, ItemsFilter, StreamOptions } from "../../src/client/client.ts";
import { ItemsStore } from "../../src/react/items-store.ts";
import type { WireChangedItem } from "../../src/wire/event.ts";
import type { WireItemsPage } from "../../src/wire/item.ts";
import { madeBatch, madeItem } from "../support/made-batch.ts";
import { ManualFrames } from "./support/manual-frames.ts";
import { ScriptedStream, turn } from "./support/scripted-stream.ts";

const ENDED = madeBatch({ status: "completed", endedAt: "2026-11-21T12:01:00.000Z" });

/** A batch of so many items and what follows it. */
function makeStore(count: number, filter?: WireChangedItem["state"]) {
  const items = new Map(Array.from({ length: count }, (_, ordinal) => [ordinal, madeItem(ordinal)]));
  const streams: ScriptedStream<BatchUpdate>[] = [];
  const asked: ItemsFilter[] = [];
  const frames = new ManualFrames();
  const trouble: { next: Error | null } = { next: null };
  const batch = {
    watch: (options: StreamOptions = {}) => {
      const stream = new ScriptedStream<BatchUpdate>(options);
      streams.push(stream);
      return stream.updates();
    },
    items: async (query: ItemsFilter = {}): Promise<WireItemsPage> => {
      asked.push(query);
      const { next } = trouble;
      trouble.next = null;
      if (next !== null) throw next;
      const { cursor = "-1", limit = 100, state } = query;
      const rest = [...items].filter(([at, item]) => at > Number(cursor) && (state ?? item.state) === item.state);
      const some = rest.slice(0, limit);
      return {
        items: some.map(([, item]) => ({ ...item, input: {}, output: null })),
        nextCursor: some.length < limit ? null : String(some.at(-1)?.[0]),
      };
    },
  };
  const store = new ItemsStore({ batch, state: filter, limit: 4, schedule: frames.schedule });
  const tell = async (changes: Partial<BatchUpdate>): Promise<void> => {
    for (const item of changes.items ?? []) items.set(Number.parseInt(item.id.slice(9, 13), 16), item);
    await streams.at(-1)?.tell({ batch: madeBatch(), items: [], removals: [], isFresh: false, ...changes });
    await turn();
    frames.next();
  };
  const shown = (): readonly string[] => store.view.items.map(({ key, state }) => `${key} ${state}`);
  return { store, streams, asked, frames, trouble, tell, shown };
}

test("the first items are shown, change live, and more are loaded", async () => {
  const { store, tell, shown } = makeStore(6);
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true });
  expect(store.view).toMatchObject({ state: "live", hasMore: true, isLoading: false, error: null });
  expect(shown()).toEqual(["item-0 pending", "item-1 pending", "item-2 pending", "item-3 pending"]);
  const [, unchanged] = store.view.items;
  await tell({
    items: [madeItem(0, { version: 6, state: "completed" }), madeItem(5, { version: 6, state: "failed" })],
  });
  expect(shown()[0]).toBe("item-0 completed");
  expect(store.view.items[1]).toBe(unchanged);
  await store.loadMore();
  await tell({});
  expect(shown().slice(4)).toEqual(["item-4 pending", "item-5 failed"]);
  expect(store.view.hasMore).toBe(false);
});

test("a list of what waits is refilled as its items begin, without a page for each", async () => {
  const { store, tell, shown, asked } = makeStore(10, "pending");
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true });
  expect(asked).toEqual([{ limit: 4, state: "pending" }]);
  const begun = (ordinal: number): WireChangedItem => madeItem(ordinal, { version: 6, state: "processing" });
  await tell({ items: [begun(0)] });
  await tell({ items: [begun(1)] });
  expect([asked.length, shown().length]).toEqual([1, 2]);
  await tell({ items: [begun(2)] });
  expect(asked.slice(1)).toEqual([{ limit: 4, state: "pending", cursor: "3" }]);
  expect(shown()).toEqual([3, 4, 5, 6, 7].map((ordinal) => `item-${ordinal} pending`));
});

test("more than twice as many as were asked for are not kept", async () => {
  const { store, tell, shown } = makeStore(40, "failed");
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true });
  expect(store.view).toMatchObject({ items: [], hasMore: false });
  const failed = Array.from({ length: 20 }, (_, ordinal) => madeItem(ordinal, { version: 6, state: "failed" }));
  await tell({ items: failed });
  expect([shown().length, store.view.hasMore]).toEqual([8, true]);
  await store.loadMore();
  await tell({});
  expect(shown()).toHaveLength(12);
});

test("a page that cannot be read is told, not asked for at each change, and read after a reconnection", async () => {
  const { store, tell, shown, asked, trouble, streams } = makeStore(3);
  trouble.next = new Error("too much at once");
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true });
  await tell({ items: [madeItem(0, { version: 6, state: "completed" })] });
  expect(store.view).toMatchObject({ state: "live", isLoading: false, error: { message: "too much at once" } });
  expect(asked).toHaveLength(1);
  streams[0]?.connection("waiting");
  streams[0]?.connection("live");
  await tell({});
  expect([shown().length, store.view.error]).toEqual([3, null]);
});

test("where there is no way on everything is read again, and shown is what was until then", async () => {
  const { store, tell, frames, streams, asked } = makeStore(3);
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true });
  const before = store.view.items;
  void streams[0]?.tell({ batch: madeBatch(), items: [], removals: [], isFresh: true });
  await Promise.resolve();
  frames.next();
  expect(store.view.items).toBe(before);
  await turn();
  frames.next();
  expect([store.view.items.length, asked.length]).toEqual([3, 2]);
});

test("the end, a removal and a refusal are told; what ended can be followed anew", async () => {
  const { store, tell, frames, streams } = makeStore(3);
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true, batch: ENDED });
  await streams[0]?.end();
  frames.next();
  expect(store.view).toMatchObject({ state: "ended", items: [{}, {}, {}] });
  store.restart();
  await turn();
  await tell({ isFresh: true });
  await streams[1]?.end();
  frames.next();
  expect(store.view.state).toBe("not-found");
  store.restart();
  await turn();
  await streams[2]?.fail(new Error("sign in"));
  frames.next();
  expect(store.view).toMatchObject({ state: "failed", error: { message: "sign in" } });
});

test("a page that is on its way when everything begins anew is of no use", async () => {
  const { store, streams, frames, tell, shown, trouble, asked } = makeStore(9);
  store.follow(() => {});
  await turn();
  await tell({ isFresh: true, batch: ENDED });
  await store.loadMore();
  await streams[0]?.end();
  trouble.next = new Error("too late");
  const late = store.loadMore();
  store.restart();
  await late;
  await turn();
  frames.next();
  expect(store.view).toMatchObject({ state: "connecting", isLoading: false, error: null });
  expect(shown()).toHaveLength(4);
  await tell({ isFresh: true });
  expect(asked.at(-1)).toEqual({ limit: 12 });
  expect([shown().length, store.view.isLoading, store.view.hasMore]).toEqual([9, false, false]);
});

test("what leaves and comes back in one turn opens one stream; the last that leaves closes it", async () => {
  const { store, streams, frames, tell } = makeStore(3);
  store.follow(() => {})();
  const leave = store.follow(() => {});
  const leaveToo = store.follow(() => {});
  await turn();
  await tell({ isFresh: true });
  leave();
  await turn();
  expect(streams.map(({ isOpen }) => isOpen)).toEqual([true]);
  leaveToo();
  await turn();
  expect([streams[0]?.isOpen, frames.waiting]).toEqual([false, 0]);
  await store.loadMore();
  expect(store.view.items).toHaveLength(3);
});
