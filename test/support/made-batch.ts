import { BatchStatus } from "../../src/core/batch.ts";
import { itemIdFrom } from "../../src/core/ids.ts";
import type { WireBatch } from "../../src/wire/batch.ts";
import type { WireChangedItem } from "../../src/wire/event.ts";

/** The id of the batch with that number. */
export function madeBatchId(number: number): string {
  return `019a0000-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

/** A batch of ten items as a server tells it. */
export function madeBatch(changes: Partial<WireBatch> = {}): WireBatch {
  return {
    id: madeBatchId(1),
    name: "holiday",
    owner: "",
    queue: "images",
    pipeline: "images",
    options: {},
    status: BatchStatus.PROCESSING,
    outcome: null,
    isSealed: true,
    epoch: 1,
    version: 5,
    priority: 0,
    counts: { total: 10, pending: 6, processing: 1, completed: 2, failed: 1, cancelled: 0 },
    processed: 3,
    percent: 30,
    estimatedTimeRemaining: null,
    estimate: null,
    noEstimate: null,
    createdAt: "2026-11-21T12:00:00.000Z",
    startAt: null,
    startedAt: "2026-11-21T12:00:01.000Z",
    endedAt: null,
    ...changes,
  };
}

/** The item that was submitted as that one of `madeBatch`, from 0, as events show it. */
export function madeItem(ordinal: number, changes: Partial<WireChangedItem> = {}): WireChangedItem {
  return {
    id: itemIdFrom(madeBatchId(1), ordinal),
    batchId: madeBatchId(1),
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
    error: null,
    progress: { stage: null, done: null, total: null, unit: null, message: null },
    fraction: 0,
    startedAt: null,
    endedAt: null,
    ...changes,
  };
}
