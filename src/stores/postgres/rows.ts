import type { BatchRow } from "../../core/batch.ts";
import { itemIdFrom, itemNumberFrom } from "../../core/ids.ts";
import type { ItemRow } from "../../core/item.ts";
import type { Json } from "../../core/json.ts";
import { type ItemProgress, NO_PROGRESS, type Stage } from "../../core/progress.ts";
import type { Policy } from "../../core/retry-policy.ts";
import { controlOf, stateOf, toError, toJson } from "../codes.ts";

/** The token of a fresh item's lease: its first. */
export const FIRST_TOKEN = 1;

/** A pending item that stands in the index of what can be claimed; the others that can be are fresh, and in no block. */
export const READY = "NOT fresh AND state = 0 AND worker = 0 AND NOT held AND run_at = 0";

/** The block that covers item `i`, if that is fresh and was claimed, in SQL, as a table of its worker alone. */
export const COVERING = `(SELECT k.worker FROM @blocks AS k WHERE i.fresh AND k.batch = i.batch
  AND k.first <= i.ordinal AND k.last >= i.ordinal ORDER BY k.first DESC LIMIT 1)`;

/** A batch that claims may take from, its queue aside. The index of them has these very words. */
export const CLAIMABLE = "has_pending AND control = 0 AND NOT is_cancelled AND NOT is_removing";

const BATCH_NAMES = `number, id, owner, name, queue, pipeline, options, policy, stages, priority, control,
  is_cancelled, is_sealed, epoch, version, resumable_from, total, pending, processing, completed, failed, cancelled,
  flight, percent_floor, created_at, start_at, started_at, ended_at, checkpoint_at, work`;

/** True, in SQL, of a session of table `workers` whose lease has not lapsed. `now` is the store's clock in SQL. */
export function liveAt(now: string): string {
  return `beat_at + lease_ms >= ${now}`;
}

/** The columns of a batch, in SQL over `@batches AS b`; the last one counts the handlers of live sessions that serve it. */
export function batchColumns(now: string): string {
  const names = BATCH_NAMES.replace(/\w+/g, "b.$&");
  return `${names}, (SELECT coalesce(sum(w.concurrency), 0)::int FROM @workers AS w WHERE w.${liveAt(now)} AND NOT w.is_draining
    AND (w.batch IS NULL OR w.batch = b.number) AND (w.pipelines IS NULL OR b.pipeline = ANY (w.pipelines))
    AND (cardinality(w.queues) = 0 OR b.queue = ANY (w.queues)))`;
}

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
  isCancelled: boolean,
  isSealed: boolean,
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
  concurrency: number,
];

export function toBatchRow(row: BatchTuple): BatchRow {
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
    isCancelled: row[11],
    isSealed: row[12],
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
    concurrency: row[30],
  };
}

/** Of an item, over `@items AS i`. */
export const ITEM_COLUMNS = `i.batch, i.ordinal, i.key, i.state, i.held, i.priority, i.version, i.token, i.attempts, i.crashes,
  i.run_at, i.size, i.input, i.output, i.saved, i.error, i.progress, i.fraction, i.started_at, i.ended_at, i.kind, i.failures`;

export type ItemTuple = readonly [
  batch: number,
  ordinal: number,
  key: string,
  state: number,
  held: boolean,
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
    number: itemNumberFrom(row[0], row[1]),
    id: itemIdFrom(batchId, row[1]),
    batchId,
    key: row[2],
    state: stateOf(row[3]),
    isHeld: row[4],
    priority: row[5],
    version: row[6],
    token: row[7],
    attempts: row[8],
    failures: row[21],
    crashes: row[9],
    readyAt: row[10] === 0 ? null : row[10],
    size: row[11],
    kind: row[20],
    input: toJson(row[12]),
    output: toJson(row[13]),
    saved: toJson(row[14]),
    error: toError(row[15]),
    progress: row[16] === null ? NO_PROGRESS : (JSON.parse(row[16]) as ItemProgress),
    fraction: row[17],
    startedAt: row[18],
    endedAt: row[19],
  };
}
