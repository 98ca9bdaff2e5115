import assert from "node:assert/strict";
import type { BatchRow } from "../core/batch.ts";
import { toBatchSnapshot } from "../core/batch.ts";
import { type Counts, NO_COUNTS } from "../core/counts.ts";
import type { ItemRow } from "../core/item.ts";
import { isTerminal } from "../core/transitions.ts";
import type { Store } from "../ports/store.ts";

/** All that a reader can see of one batch. */
export interface BatchDump {
  readonly batch: BatchRow;
  readonly items: ReadonlyMap<number, ItemRow>;
}

/** Batches larger than this are audited by their counters' sum alone, so that large cases stay quick. */
const ITEMS_MAX = 400;
const PAGE = 500;

/**
 * Watches a store through its reads and checks after each call what must hold whatever was called: counters equal a recount;
 * a version rises by one with each change and the changed rows bear it; the feed tells exactly them; only lawful
 * transitions; a batch is ended exactly when it must be, once per epoch; the percent goes back only for new or retried items.
 */
export class StoreAuditor {
  #store: Store;
  #before = new Map<number, BatchDump>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Goes on with the same batches in another store object: what a reopened file must still hold. */
  watch(store: Store): void {
    this.#store = store;
  }

  /** Everything that can be seen of every batch, by batch number. */
  async dump(): Promise<Map<number, BatchDump>> {
    const dumps = new Map<number, BatchDump>();
    for (const batch of await this.#store.batches({ limit: 1_000 })) {
      dumps.set(batch.number, { batch, items: await this.#items(batch) });
    }
    return dumps;
  }

  /** Takes what is there now as it is: after calls that ran together and cannot be judged one by one. */
  async accept(): Promise<void> {
    this.#before = await this.dump();
  }

  /** Compares what is there now with what was there at the last check. */
  async check(what: string): Promise<void> {
    const after = await this.dump();
    for (const [number, dump] of after) {
      const before = this.#before.get(number);
      checkStanding(what, dump);
      if (before !== undefined) {
        checkVersion(what, before, dump);
        checkTransitions(what, before, dump);
        checkEpoch(what, before, dump);
        checkPercent(what, before, dump);
        if (isWhole(dump) && isWhole(before)) await this.#checkFeed(what, before, dump);
      }
    }
    this.#before = after;
  }

  async #items(batch: BatchRow): Promise<Map<number, ItemRow>> {
    const items = new Map<number, ItemRow>();
    if (batch.counts.total > ITEMS_MAX) return items;
    for (let after = 0; ; ) {
      const page = await this.#store.items({ batch: batch.number, after, limit: PAGE });
      for (const item of page) items.set(item.number, item);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return items;
      after = last.number;
    }
  }

  async #checkFeed(what: string, before: BatchDump, after: BatchDump): Promise<void> {
    const changes = await this.#store.changes(after.batch.number, before.batch.version, ITEMS_MAX * 4);
    assert.equal(changes.isResumable, true, `${what}: the feed resumes from the version before`);
    assert.equal(changes.hasMore, false, `${what}: one page of changes`);
    assert.equal(changes.version, after.batch.version, `${what}: the feed reaches the batch's version`);
    const told = new Map(changes.items.map((item) => [item.number, item]));
    assert.equal(told.size, changes.items.length, `${what}: the feed tells each item once`);
    for (const [number, item] of after.items) {
      const isNewer = item.version > before.batch.version;
      assert.equal(told.has(number), isNewer, `${what}: the feed tells item ${item.key} exactly if it changed`);
      if (isNewer) assert.deepEqual(told.get(number), item, `${what}: the feed tells item ${item.key} as it is`);
    }
    const gone = new Set(changes.removals.map((removal) => removal.id));
    for (const [number, item] of before.items) {
      assert.equal(
        gone.has(item.id),
        !after.items.has(number),
        `${what}: the feed tells whether ${item.key} is removed`,
      );
    }
  }
}

function isWhole(dump: BatchDump): boolean {
  return dump.batch.counts.total <= ITEMS_MAX;
}

function checkStanding(what: string, dump: BatchDump): void {
  const { counts } = dump.batch;
  const { total, ...states } = counts;
  assert.equal(
    Object.values(states).reduce((sum, count) => sum + count, 0),
    total,
    `${what}: counts add up to the total`,
  );
  for (const [name, count] of Object.entries(counts)) assert.ok(count >= 0, `${what}: ${name} is not negative`);
  const isOver = dump.batch.isSealed && counts.pending + counts.processing === 0;
  assert.equal(dump.batch.endedAt !== null, isOver, `${what}: ended exactly if sealed and every item terminal`);
  if (!isWhole(dump)) return;
  const recount: Record<keyof Counts, number> = { ...NO_COUNTS };
  let flight = 0;
  for (const item of dump.items.values()) {
    recount[item.state] += 1;
    recount.total += 1;
    flight += item.fraction;
    assert.ok(item.version <= dump.batch.version, `${what}: no item is newer than its batch`);
    assert.equal(item.fraction > 0 && item.state !== "processing", false, `${what}: only running items are in flight`);
  }
  assert.deepEqual(counts, recount, `${what}: counts equal a recount`);
  assert.equal(dump.batch.flight, flight, `${what}: the sum of fractions equals a recount`);
}

/** What a viewer cares for in an item. A claim raises its token, and the passing of its time makes it ready: neither is a change. */
function visibleItem(item: ItemRow): object {
  const { token: _token, readyAt: _readyAt, version: _version, ...visible } = item;
  return visible;
}

function visibleBatch(batch: BatchRow): object {
  const { concurrency: _concurrency, resumableFrom: _resumableFrom, version: _version, ...visible } = batch;
  return visible;
}

function checkVersion(what: string, before: BatchDump, after: BatchDump): void {
  const rise = after.batch.version - before.batch.version;
  assert.ok(rise === 0 || rise === 1, `${what}: a version rises by at most one a commit, found ${rise}`);
  const isSame = isEqual(visibleBatch(before.batch), visibleBatch(after.batch));
  let hasChangedItems = false;
  if (isWhole(before) && isWhole(after)) {
    for (const [number, item] of after.items) {
      const known = before.items.get(number);
      const isChanged = known === undefined || !isEqual(visibleItem(known), visibleItem(item));
      if (isChanged)
        assert.equal(item.version, after.batch.version, `${what}: changed item ${item.key} bears the version`);
      else if (rise === 0)
        assert.equal(item.version, known.version, `${what}: unchanged item ${item.key} keeps its version`);
      hasChangedItems ||= isChanged;
      assert.ok(item.token >= (known?.token ?? 0), `${what}: the token of ${item.key} never goes back`);
      assert.ok(item.attempts >= (known?.attempts ?? 0), `${what}: attempts of ${item.key} never go back`);
    }
    for (const number of before.items.keys()) hasChangedItems ||= !after.items.has(number);
  }
  if (!isSame || hasChangedItems) assert.equal(rise, 1, `${what}: a change raises the version`);
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function checkTransitions(what: string, before: BatchDump, after: BatchDump): void {
  for (const [number, item] of after.items) {
    const from = before.items.get(number)?.state;
    if (from === undefined || from === item.state || !isTerminal(from)) continue;
    const isRetry = (from === "failed" || from === "cancelled") && item.state === "pending" && what.includes("retry");
    assert.ok(isRetry, `${what}: ${item.key} went from ${from} to ${item.state}`);
  }
}

function checkEpoch(what: string, before: BatchDump, after: BatchDump): void {
  // What a submission adds after the cancel of its batch is cancelled at once and opens nothing.
  const hasNew = [...after.items].some(([number, item]) => !before.items.has(number) && item.state !== "cancelled");
  const isReopened = before.batch.endedAt !== null && after.batch.endedAt === null;
  const mustRise = isReopened || (before.batch.isSealed && hasNew);
  const rise = after.batch.epoch - before.batch.epoch;
  if (isWhole(after))
    assert.equal(rise, mustRise ? 1 : 0, `${what}: the epoch rises exactly when a sealed batch opens again`);
  if (before.batch.endedAt !== null && rise === 0) {
    assert.equal(after.batch.endedAt, before.batch.endedAt, `${what}: a batch ends once per epoch`);
  }
}

function checkPercent(what: string, before: BatchDump, after: BatchDump): void {
  const was = toBatchSnapshot(before.batch, null).percent;
  const is = toBatchSnapshot(after.batch, null).percent;
  if (is !== null)
    assert.ok(is >= 0 && (is < 100 || after.batch.endedAt !== null), `${what}: percent ${is} is in bounds`);
  if (was === null || is === null || is >= was) return;
  const isAllowed = what.includes("submit") || what.includes("retry");
  assert.ok(isAllowed, `${what}: percent went back from ${was} to ${is}`);
}
