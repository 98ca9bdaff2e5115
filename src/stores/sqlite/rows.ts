import type { BatchRow } from "../../core/batch.ts";
import { itemIdFrom, itemNumberFrom, splitItemNumber } from "../../core/ids.ts";
import type { ItemRow } from "../../core/item.ts";
import type { Json } from "../../core/json.ts";
import { type ItemProgress, NO_PROGRESS, type Stage } from "../../core/progress.ts";
import type { Policy } from "../../core/retry-policy.ts";
import { controlOf, stateOf, toError, toJson } from "../codes.ts";

export const BATCH_COLUMNS = `number, id, owner, name, queue, pipeline, options, policy, stages, priority, control,
  is_cancelled, is_sealed, epoch, version, resumable_from, total, pending, processing, completed, failed, cancelled,
  flight, percent_floor, created_at, start_at, started_at, ended_at, checkpoint_at, work`;

/** A pending item that stands in the index of what can be claimed; the others that can be are fresh (blocks.ts). */
export const READY = "fresh = 0 AND state = 0 AND worker = 0 AND held = 0 AND run_at = 0";

export type BatchTuple = readonly [
  number: number,
  id: string,
  owner: string,
  name: string | null,
  queue: string,
  pipeline: string,
  options: string,
  policy: string,
  stages: string,
  priority: number,
  control: number,
  isCancelled: number,
  isSealed: number,
  epoch: number,
  version: number,
  resumableFrom: number,
  total: number,
  pending: number,
  processing: number,
  completed: number,
  failed: number,
  cancelled: number,
  flight: number,
  percentFloor: number,
  createdAt: number,
  startAt: number | null,
  startedAt: number | null,
  endedAt: number | null,
  checkpointAt: number | null,
  work: string,
];

/** @param concurrency handlers of all live sessions that serve the batch */
export function toBatchRow(row: BatchTuple, concurrency: number): BatchRow {
  return {
    number: row[0],
    id: row[1],
    owner: row[2],
    name: row[3],
    queue: row[4],
    pipeline: row[5],
    options: JSON.parse(row[6]) as Json,
    policy: JSON.parse(row[7]) as Policy,
    stages: JSON.parse(row[8]) as readonly Stage[],
    priority: row[9],
    control: controlOf(row[10]),
    isCancelled: row[11] === 1,
    isSealed: row[12] === 1,
    epoch: row[13],
    version: row[14],
    resumableFrom: row[15],
    counts: {
      total: row[16],
      pending: row[17],
      processing: row[18],
      completed: row[19],
      failed: row[20],
      cancelled: row[21],
    },
    flight: row[22],
    percentFloor: row[23],
    createdAt: row[24],
    startAt: row[25],
    startedAt: row[26],
    endedAt: row[27],
    checkpointAt: row[28],
    work: row[29],
    concurrency,
  };
}

export const ITEM_COLUMNS = `id, key, state, held, priority, version, token, attempts, crashes, run_at, size, input, output,
  saved, error, progress, fraction, started_at, ended_at, kind, failures`;

export type ItemTuple = readonly [
  number: number,
  key: string,
  state: number,
  held: number,
  priority: number,
  version: number,
  token: number,
  attempts: number,
  crashes: number,
  runAt: number,
  size: number | null,
  input: string | null,
  output: string | null,
  saved: string | null,
  error: string | null,
  progress: string | null,
  fraction: number,
  startedAt: number | null,
  endedAt: number | null,
  kind: string | null,
  failures: number,
];

export function toItemRow(row: ItemTuple, batchId: string): ItemRow {
  return {
    number: row[0],
    id: itemIdFrom(batchId, splitItemNumber(row[0]).ordinal),
    batchId,
    key: row[1],
    state: stateOf(row[2]),
    isHeld: row[3] === 1,
    priority: row[4],
    version: row[5],
    token: row[6],
    attempts: row[7],
    failures: row[20],
    crashes: row[8],
    readyAt: row[9] === 0 ? null : row[9],
    size: row[10],
    kind: row[19],
    input: toJson(row[11]),
    output: toJson(row[12]),
    saved: toJson(row[13]),
    error: toError(row[14]),
    progress: row[15] === null ? NO_PROGRESS : (JSON.parse(row[15]) as ItemProgress),
    fraction: row[16],
    startedAt: row[17],
    endedAt: row[18],
  };
}

/** The numbers of a batch's items: from the first up to, not including, the second. */
export function itemRangeOf(batch: number): readonly [number, number] {
  return [itemNumberFrom(batch, 0), itemNumberFrom(batch + 1, 0)];
}
