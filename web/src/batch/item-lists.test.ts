import { expect, test } from "vitest";
import { itemIdFrom } from "../../../src/core/ids.ts";
import type { WireItem, WireItemsPage } from "../../../src/wire/item.ts";
import { FOUND_MAX, FoundList } from "./found-list.ts";
import type { ReadItems } from "./item-list.ts";
import { matches, toItemRow, unitsOf } from "./item-row.ts";
import { PAGE_ROWS, WholeList } from "./whole-list.ts";

const BATCH = "01a1ff95-87cd-754a-ba35-6ab137e8259c";
const NO_FILTER = { state: null, stage: null, error: null, search: "" };

function madeItem(ordinal: number, given: Partial<WireItem> = {}): WireItem {
  return {
    id: itemIdFrom(BATCH, ordinal),
    batchId: BATCH,
    key: `item-${ordinal}`,
    name: `item-${ordinal}`,
    state: "pending",
    isHeld: false,
    priority: 0,
    version: 1,
    attempts: 0,
    crashes: 0,
    readyAt: null,
    size: null,
    kind: null,
    input: null,
    output: null,
    error: null,
    progress: { stage: null, done: null, total: null, unit: null, message: null },
    fraction: 0,
    startedAt: null,
    endedAt: null,
    ...given,
  };
}

/** A server whose answers wait until they are let go. */
class FakeItems {
  readonly items: WireItem[];
  readonly asked: Parameters<ReadItems>[0][] = [];
  #held: (() => void)[] | null = null;

  constructor(count: number, make: (ordinal: number) => WireItem = madeItem) {
    this.items = Array.from({ length: count }, (_, ordinal) => make(ordinal));
  }

  hold(): void {
    this.#held = [];
  }

  async release(): Promise<void> {
    for (const go of this.#held?.splice(0) ?? []) go();
    await settled();
  }

  readonly read: ReadItems = async (place) => {
    this.asked.push(place);
    const from = place.from ?? Number(place.cursor ?? 0);
    const items = this.items.slice(from, from + place.limit);
    const next = from + place.limit;
    const page: WireItemsPage = {
      items,
      nextCursor: next < this.items.length ? String(next) : null,
      span: this.items.length,
    };
    if (this.#held !== null) await new Promise<void>((resolve) => this.#held?.push(resolve));
    return page;
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

const news = (items: readonly WireItem[]) => ({ items, removals: [], isFresh: false });
const now = (task: () => void): void => task();

test("any place of a million rows is read at once, and what was scrolled past is not", async () => {
  const server = new FakeItems(0);
  const read: ReadItems = async (place) => {
    server.asked.push(place);
    const items = Array.from({ length: PAGE_ROWS }, (_, index) => madeItem((place.from ?? 0) + index));
    return { items, nextCursor: null, span: 1_000_000 };
  };
  const list = new WholeList({ read, schedule: now, total: 1_000_000 });
  expect([list.count, list.rowAt(999_999)]).toEqual([1_000_000, null]);
  for (const place of [0, 5_000, 90_000, 400_000, 700_100]) list.need(place, place + 30);
  await settled();
  expect(list.rowAt(700_110)?.name).toBe("item-700110");
  expect(server.asked.map(({ from }) => from)).toEqual([0, 5_000, 700_000]);
  for (let place = 0; place < 100 * PAGE_ROWS; place += PAGE_ROWS) {
    list.need(place, place + 1);
    await settled();
  }
  expect(list.rowAt(0)).toBeNull();
  expect(list.rowAt(99 * PAGE_ROWS)?.ordinal).toBe(99 * PAGE_ROWS);
});

test("a change that comes before the page that was read before it is not lost", async () => {
  const server = new FakeItems(10);
  const list = new WholeList({ read: server.read, schedule: now, total: 10 });
  server.hold();
  list.need(0, 9);
  list.apply(news([madeItem(3, { state: "completed", version: 7 })]));
  await server.release();
  expect(list.rowAt(3)?.state).toBe("completed");
  list.apply(news([madeItem(3, { state: "processing", version: 5 })]));
  expect(list.rowAt(3)?.state).toBe("completed");
  list.apply(news([madeItem(10, { version: 8 })]));
  expect(list.count).toBe(11);
  list.apply({ items: [], removals: [{ id: itemIdFrom(BATCH, 3) }], isFresh: false });
  expect(list.rowAt(3)).toBeUndefined();
});

test("a filtered list takes in what begins to match and lets go what no longer does", async () => {
  const server = new FakeItems(500, (ordinal) => madeItem(ordinal * 2, { state: "failed" }));
  const filter = { ...NO_FILTER, state: "failed" } as const;
  const list = new FoundList({ read: server.read, schedule: now, filter });
  list.need(0, 30);
  await settled();
  expect([list.count, list.hasMore]).toEqual([200, true]);
  const changed = [
    madeItem(4, { state: "pending", version: 2 }),
    madeItem(5, { state: "failed", version: 2 }),
    madeItem(999, { state: "failed", version: 2 }),
  ];
  list.apply(news(changed));
  expect([list.rowAt(1)?.ordinal, list.rowAt(2)?.ordinal, list.count]).toEqual([2, 5, 200]);
  list.need(190, 199);
  await settled();
  list.need(390, 399);
  await settled();
  expect([list.count, list.hasMore]).toEqual([500, false]);
  list.apply(news([madeItem(2_000, { state: "failed" })]));
  expect(list.rowAt(500)?.ordinal).toBe(2_000);
  list.apply({ items: [], removals: [], isFresh: true });
  await settled();
  expect(list.count).toBeGreaterThanOrEqual(200);
});

test("a search goes on through pages without any row, and a list holds no more than it may", async () => {
  let pages = 0;
  const sparse: ReadItems = async () => {
    pages += 1;
    return pages < 5 ? { items: [], nextCursor: "more" } : { items: [madeItem(9)], nextCursor: null };
  };
  const found = new FoundList({ read: sparse, schedule: now, filter: { ...NO_FILTER, search: "9" } });
  found.need(0, 10);
  await settled();
  expect([found.count, found.hasMore, pages]).toEqual([1, false, 5]);

  const huge = new FakeItems(FOUND_MAX + 1_000);
  const list = new FoundList({ read: huge.read, schedule: now, filter: { ...NO_FILTER, state: "pending" } });
  list.need(0, FOUND_MAX * 2);
  await expect.poll(() => list.isFull).toBe(true);
  expect(list.count).toBe(FOUND_MAX);
});

test("what cannot be read is told, and read again when it is needed again", async () => {
  let isAway = true;
  const read: ReadItems = async () => {
    if (isAway) throw new TypeError("fetch failed");
    return { items: [madeItem(0)], nextCursor: null, span: 1 };
  };
  const list = new WholeList({ read, schedule: now, total: 1 });
  list.need(0, 0);
  await settled();
  expect(list.problem?.title).toBe("The server does not answer");
  isAway = false;
  list.need(0, 0);
  await settled();
  expect([list.problem, list.rowAt(0)?.ordinal]).toEqual([null, 0]);
});

test("a row says what an item is doing, and matches by the rules of the server", () => {
  const running = madeItem(1, {
    key: "a/Photo.PNG",
    name: "a/Photo.PNG",
    state: "processing",
    progress: { stage: "read", done: 13, total: 20, unit: "page", message: null },
  });
  const row = toItemRow(running);
  expect([row.units, row.stage, row.ordinal]).toEqual(["page 13 of 20", "read", 1]);
  expect(unitsOf({ ...running.progress, unit: null, total: null })).toBe("13");
  expect(unitsOf({ stage: null, done: null, total: null, unit: null, message: "warm-up" })).toBe("warm-up");
  expect(matches(row, { ...NO_FILTER, search: "photo.png" })).toBe(true);
  expect(matches(row, { ...NO_FILTER, stage: "read" })).toBe(true);
  expect(matches(row, { ...NO_FILTER, stage: "write" })).toBe(false);
  const failed = toItemRow(madeItem(2, { state: "failed", error: { name: "E", message: "no", code: null } }));
  expect(matches(failed, { ...NO_FILTER, error: "no" })).toBe(true);
  expect(matches(failed, { ...NO_FILTER, state: "failed", search: "Item-2" })).toBe(true);
  expect(matches(failed, { ...NO_FILTER, error: "other" })).toBe(false);
});
