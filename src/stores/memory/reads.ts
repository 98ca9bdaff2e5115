import { type BatchRow, statusOf } from "../../core/batch.ts";
import { chanceOf, ordinalOf } from "../../core/ids.ts";
import type { ItemRow } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import { type QueueSnapshot, queueStateOf } from "../../core/queue.ts";
import type {
  BatchFilter,
  BatchQuery,
  BatchRef,
  Breakdown,
  Changes,
  FailureGroup,
  ItemDetail,
  ItemQuery,
  ItemRef,
} from "../../ports/store.ts";
import { itemNumbered, type MemoryBatch, type MemoryItem, type MemoryState, nameKey } from "./memory-state.ts";
import { toAttemptRows, toBatchRow, toItemRow } from "./rows.ts";

export function queues(state: MemoryState): readonly QueueSnapshot[] {
  const snapshots = Array.from(state.queues.values(), (queue) => {
    const open = [...queue.batches].filter((batch) => batch.endedAt === null);
    const pending = open.reduce((sum, batch) => sum + batch.counts.pending, 0);
    const processing = open.reduce((sum, batch) => sum + batch.counts.processing, 0);
    return {
      name: queue.name,
      state: queueStateOf(queue.control, processing),
      concurrency: queue.concurrency,
      batches: open.length,
      pending,
      processing,
    };
  });
  return snapshots.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function batches(state: MemoryState, query: BatchQuery): readonly BatchRow[] {
  const rows: BatchRow[] = [];
  for (const batch of [...state.batches.values()].reverse()) {
    if (rows.length >= query.limit) break;
    if (matches(batch, query)) rows.push(toBatchRow(state, batch));
  }
  return rows;
}

export function countBatches(state: MemoryState, filter: BatchFilter): number {
  if (Object.keys(filter).length === 0) return state.batches.size;
  return state.batches.values().reduce((count, batch) => count + Number(matches(batch, filter)), 0);
}

function matches(batch: MemoryBatch, query: BatchFilter & Pick<BatchQuery, "before">): boolean {
  if (query.before !== undefined && batch.number >= query.before) return false;
  if (query.owner !== undefined && batch.owner !== query.owner) return false;
  if (query.queue !== undefined && batch.queue.name !== query.queue) return false;
  if (query.isEnded !== undefined && (batch.endedAt !== null) !== query.isEnded) return false;
  if (query.endedSince !== undefined && (batch.endedAt ?? -1) < query.endedSince) return false;
  return query.statuses === undefined || query.statuses.includes(statusOf(batch));
}

export function batch(state: MemoryState, ref: BatchRef): BatchRow | null {
  const found = findBatch(state, ref);
  return found === undefined ? null : toBatchRow(state, found);
}

function findBatch(state: MemoryState, ref: BatchRef): MemoryBatch | undefined {
  if ("number" in ref) return state.batches.get(ref.number);
  if ("name" in ref) return state.byName.get(nameKey(ref.owner, ref.name));
  if ("id" in ref) return ofOwner(state.byId.get(ref.id), ref.owner);
  return ordinalOf(ref.itemId) === null ? undefined : ofOwner(state.byChance.get(chanceOf(ref.itemId)), ref.owner);
}

function ofOwner(found: MemoryBatch | undefined, owner: string | undefined): MemoryBatch | undefined {
  return owner === undefined || found?.owner === owner ? found : undefined;
}

export function versions(
  state: MemoryState,
  ids: readonly string[] | null,
  owner: string | undefined,
): ReadonlyMap<string, number> {
  const found =
    ids === null
      ? [...state.batches.values()].filter((row) => row.endedAt === null)
      : ids.map((id) => state.byId.get(id));
  const own = found.map((row) => ofOwner(row, owner)).filter((row) => row !== undefined);
  return new Map(own.map((row) => [row.id, row.version]));
}

export function items(state: MemoryState, query: ItemQuery): readonly ItemRow[] {
  const found = state.batches.get(query.batch);
  if (found === undefined) return [];
  const rows: ItemRow[] = [];
  const isWanted = wantedBy(query);
  if (query.isNewestFirst === true) {
    const last = query.after === undefined ? found.items.length : query.after - found.number * LIMITS.itemsPerBatch;
    for (let ordinal = Math.min(found.items.length, last) - 1; ordinal >= 0 && rows.length < query.limit; ordinal--) {
      const item = found.items[ordinal];
      if (item !== undefined && isWanted(item)) rows.push(toItemRow(item));
    }
    return rows;
  }
  const first = query.after === undefined ? 0 : query.after - found.number * LIMITS.itemsPerBatch + 1;
  const end = Math.min(found.items.length, (query.until ?? Infinity) - found.number * LIMITS.itemsPerBatch + 1);
  for (let ordinal = Math.max(0, first); ordinal < end && rows.length < query.limit; ordinal++) {
    const item = found.items[ordinal];
    if (item !== undefined && isWanted(item)) rows.push(toItemRow(item));
  }
  return rows;
}

function wantedBy(query: ItemQuery): (item: MemoryItem) => boolean {
  const { state, stage, errorMessage, until = Infinity } = query;
  const search = query.search === undefined ? null : toLowerAscii(query.search);
  return (item) => {
    if (item.number > until) return false;
    if (state !== undefined && item.state !== state) return false;
    if (stage !== undefined && item.progress?.stage !== stage) return false;
    if (errorMessage !== undefined && !(item.state === "failed" && item.error?.message === errorMessage)) return false;
    return search === null || namesOf(item).some((name) => toLowerAscii(name).includes(search));
  };
}

/** What people may call an item: its key and, of a file that was sent in, the name of that. */
function namesOf({ key, input }: MemoryItem): readonly string[] {
  const parsed: unknown = input === null ? null : JSON.parse(input);
  if (typeof parsed !== "object" || parsed === null || !("filename" in parsed)) return [key];
  return typeof parsed.filename === "string" ? [key, parsed.filename] : [key];
}

function toLowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function findItem(state: MemoryState, ref: ItemRef): MemoryItem | undefined {
  if ("number" in ref) return itemNumbered(state, ref.number);
  if ("batch" in ref) return state.batches.get(ref.batch)?.byKey.get(ref.key);
  const { queue, key, owner } = ref;
  return [...(state.queues.get(queue)?.batches ?? [])]
    .filter((candidate) => owner === undefined || candidate.owner === owner)
    .findLast((candidate) => candidate.byKey.has(key))
    ?.byKey.get(key);
}

export function item(state: MemoryState, ref: ItemRef): ItemDetail | null {
  const found = findItem(state, ref);
  return found === undefined ? null : { item: toItemRow(found), attempts: toAttemptRows(state, found) };
}

/** One page of changes, by version, then by age. It ends where a version ends, so it may hold more than `limit`: by one commit's items at most. */
export function changes(state: MemoryState, number: number, since: number, limit: number): Changes {
  const found = state.batches.get(number);
  if (found === undefined || since < 0 || since > found.version) {
    return { isResumable: false, items: [], removals: [], version: found?.version ?? 0, hasMore: false };
  }
  const rows: ItemRow[] = [];
  const inOrder = () => rows.sort((a, b) => a.version - b.version || a.number - b.number);
  let index = firstAfter(found.feed, since);
  let gone = firstAfter(found.removals, since);
  const removalsFrom = gone;
  let version = since;
  for (let taken = 0; ; ) {
    const next = Math.min(found.feed[index]?.version ?? Infinity, found.removals[gone]?.version ?? Infinity);
    if (next === Infinity) break;
    if (taken >= Math.max(1, limit) && next > version) {
      return {
        isResumable: true,
        items: inOrder(),
        removals: found.removals.slice(removalsFrom, gone),
        version,
        hasMore: true,
      };
    }
    const entry = found.feed[index];
    if (entry?.version === next) {
      index += 1;
      if (entry.item.version !== next) continue;
      rows.push(toItemRow(entry.item));
    } else gone += 1;
    version = next;
    taken += 1;
  }
  const removals = found.removals.slice(removalsFrom, gone);
  return { isResumable: true, items: inOrder(), removals, version: found.version, hasMore: false };
}

/** Index of the first entry with a version above `since`. */
function firstAfter(entries: readonly { readonly version: number }[], since: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.version ?? 0) > since) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function breakdown(state: MemoryState, number: number): Breakdown {
  const groups = new Map<string, FailureGroup>();
  const stages = new Map<string, number>();
  for (const item of state.batches.get(number)?.items ?? []) {
    if (item?.state === "processing" && typeof item.progress?.stage === "string") {
      stages.set(item.progress.stage, (stages.get(item.progress.stage) ?? 0) + 1);
    }
    if (item?.state !== "failed" || item.error === null) continue;
    const { message, code } = item.error;
    const group = groups.get(message) ?? { message, code, items: 0, example: { id: item.id, key: item.key } };
    groups.set(message, { ...group, items: group.items + 1 });
  }
  const failures = [...groups.values()].sort((a, b) => b.items - a.items || (a.message < b.message ? -1 : 1));
  const order = state.batches.get(number)?.stages.map((stage) => stage.name) ?? [];
  const funnel = Array.from(stages, ([stage, count]) => ({ stage, items: count }));
  return {
    failures: failures.slice(0, LIMITS.failureGroups),
    stages: funnel.sort((a, b) => order.indexOf(a.stage) - order.indexOf(b.stage) || (a.stage < b.stage ? -1 : 1)),
  };
}
