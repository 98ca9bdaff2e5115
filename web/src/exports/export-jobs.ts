import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireItem } from "../../../src/wire/item.ts";
import { lastPartOf } from "../batch/item-row.ts";
import { type PriorityChange, reorder } from "./reorder.ts";

/** One export: an item with the batch that it is of. */
export interface ExportJob {
  readonly batch: WireBatch;
  readonly item: WireItem;
  /** The project's, without its folders. */
  readonly name: string;
}

export interface ExportJobs {
  readonly running: readonly ExportJob[];
  /** In the order in which they will start. */
  readonly waiting: readonly ExportJob[];
  /** The latest first. */
  readonly ended: readonly ExportJob[];
}

/** What must be done to move an export: to items of one batch, or to whole batches. */
export interface Move {
  readonly kind: "items" | "batches";
  readonly changes: readonly PriorityChange[];
  /** Of items: their batch. */
  readonly batchId: string;
}

/** Exports as they stand in their queue. `items` are in the order of their submission. */
export function exportJobs(
  batches: readonly WireBatch[],
  itemsOf: (batchId: string) => readonly WireItem[],
): ExportJobs {
  const jobs = batches.toSorted(byTurn).flatMap((batch) => {
    const own = itemsOf(batch.id).map((item): ExportJob => ({ batch, item, name: lastPartOf(item.name) }));
    return own.sort((one, two) => one.item.priority - two.item.priority);
  });
  const ended = jobs.filter(({ item }) => item.endedAt !== null);
  return {
    running: jobs.filter(({ item }) => item.state === "processing"),
    waiting: jobs.filter(({ item }) => item.state === "pending"),
    ended: ended.sort((one, two) => Date.parse(two.item.endedAt ?? "") - Date.parse(one.item.endedAt ?? "")),
  };
}

/** Lower priorities first, then the older. */
function byTurn(one: WireBatch, two: WireBatch): number {
  return one.priority - two.priority || byAge(one, two);
}

function byAge(one: WireBatch, two: WireBatch): number {
  return Date.parse(one.createdAt) - Date.parse(two.createdAt) || (one.id < two.id ? -1 : 1);
}

/**
 * How to bring a waiting export to the place of another: within its batch by the priorities of items; beyond it the whole
 * batch goes, by the priorities of batches.
 */
export function moveTo(
  waiting: readonly ExportJob[],
  itemsOf: (batchId: string) => readonly WireItem[],
  { from, to }: { readonly from: number; readonly to: number },
): Move | null {
  const moved = waiting[from];
  const target = waiting[to];
  if (moved === undefined || target === undefined || from === to) return null;
  const batchId = moved.batch.id;
  if (target.batch.id === batchId) {
    const submitted = itemsOf(batchId).map(({ id }) => id);
    const own = waiting.filter(({ batch }) => batch.id === batchId).map(({ item }) => item);
    const line = own.map(({ id, priority }) => ({ id, priority, age: submitted.indexOf(id) }));
    const placeOf = (job: ExportJob): number => own.findIndex(({ id }) => id === job.item.id);
    return { kind: "items", batchId, changes: reorder(line, placeOf(moved), placeOf(target)) };
  }
  const batches = [...new Map(waiting.map(({ batch }) => [batch.id, batch])).values()];
  const ages = batches.toSorted(byAge).map(({ id }) => id);
  const line = batches.map(({ id, priority }) => ({ id, priority, age: ages.indexOf(id) }));
  const placeOf = (job: ExportJob): number => batches.findIndex(({ id }) => id === job.batch.id);
  return { kind: "batches", batchId, changes: reorder(line, placeOf(moved), placeOf(target)) };
}
