import { toDate } from "./batch.ts";
import type { ItemError } from "./errors.ts";
import type { Json } from "./json.ts";
import { FRACTION_ONE, type ItemProgress } from "./progress.ts";
import type { ItemState } from "./transitions.ts";

/** How an attempt ended. `crashed`: its worker died or lost its lease; `released`: given back by a stop or a shutdown. */
export const ATTEMPT_OUTCOMES = ["completed", "failed", "crashed", "released", "cancelled"] as const;
/** See `ATTEMPT_OUTCOMES`: how an attempt ended. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** How the current or last attempt of an item ended, read from the item itself; null while it runs. */
export function lastOutcomeOf(item: {
  readonly state: ItemState;
  readonly error: ItemError | null;
}): AttemptOutcome | null {
  if (item.state === "pending" || item.state === "processing") return null;
  return item.state === "failed" && item.error?.code === "POISON" ? "crashed" : item.state;
}

/** One run of an item by one worker, under one fencing token. */
export interface AttemptRow {
  readonly token: number;
  /** Who ran it, for people: `host:pid`. Null once it is unknown. */
  readonly worker: string | null;
  readonly startedAt: number;
  /** Null while it runs. */
  readonly endedAt: number | null;
  readonly outcome: AttemptOutcome | null;
  readonly error: ItemError | null;
}

/** An item as a store keeps it. Times in milliseconds since 1970. */
export interface ItemRow {
  readonly number: number;
  readonly id: string;
  readonly batchId: string;
  readonly key: string;
  readonly state: ItemState;
  readonly isHeld: boolean;
  readonly priority: number;
  readonly version: number;
  /** Of its last lease; a lease that came to nothing, or has not started yet, may be left out. */
  readonly token: number;
  /** Attempts started in the item's life, this one included. */
  readonly attempts: number;
  /** Failed attempts since submission or the last explicit retry. */
  readonly failures: number;
  readonly crashes: number;
  /** Not before this time will it be tried again; null when it is ready. */
  readonly readyAt: number | null;
  readonly size: number | null;
  readonly kind: string | null;
  readonly input: Json;
  readonly output: Json;
  readonly saved: Json;
  readonly error: ItemError | null;
  readonly progress: ItemProgress;
  /** Millionths. */
  readonly fraction: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

/** One run of an item by one worker. */
export interface Attempt {
  /** Its fencing token: what is reported under another is refused. */
  readonly token: number;
  /** Who ran it, for people: `host:pid`. Null once it is unknown. */
  readonly worker: string | null;
  /** Null while it runs. */
  readonly outcome: AttemptOutcome | null;
  readonly error: ItemError | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

/** An item at one moment, as of a commit. It never changes: ask again for a later one. */
export interface ItemSnapshot {
  /** A UUID. */
  readonly id: string;
  readonly batchId: string;
  /** Unique inside the batch. */
  readonly key: string;
  /** What people call it: the `filename` that its input names, else its key. */
  readonly name: string;
  readonly state: ItemState;
  /** Kept pending until it is told otherwise. */
  readonly isHeld: boolean;
  /** Among the items of its batch; lower runs sooner. */
  readonly priority: number;
  /** The version of its batch that changed it last. */
  readonly version: number;
  /** Those that were started in its life. */
  readonly attempts: number;
  /** Attempts whose worker died. */
  readonly crashes: number;
  /** Until then it waits to be tried again; null: it does not. */
  readonly readyAt: Date | null;
  /** As declared at submission (bytes, pages, frames); null if it was not. */
  readonly size: number | null;
  /** As declared at submission: what it has in common with items that take as long. */
  readonly kind: string | null;
  readonly input: Json;
  /** What its handler returned; null until it is completed. */
  readonly output: Json;
  /** What its attempts saved; only where it was asked for. */
  readonly saved?: Json;
  readonly error: ItemError | null;
  readonly progress: ItemProgress;
  /** 0 to 1; 1 exactly when completed. */
  readonly fraction: number;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/** What people call an item: the `filename` that its input names, where its key is a hash or an id; else its key. */
export function nameOf({ key, input }: Pick<ItemRow, "key" | "input">): string {
  const named = typeof input === "object" && input !== null && "filename" in input ? input.filename : null;
  return typeof named === "string" && named !== "" ? named : key;
}

export function toItemSnapshot(
  row: ItemRow,
  { withSaved = false }: { readonly withSaved?: boolean } = {},
): ItemSnapshot {
  const { number: _number, token: _token, saved, failures: _failures, ...rest } = row;
  return {
    ...rest,
    name: nameOf(row),
    ...(withSaved && { saved }),
    fraction: row.state === "completed" ? 1 : row.fraction / FRACTION_ONE,
    readyAt: toDate(row.readyAt),
    startedAt: toDate(row.startedAt),
    endedAt: toDate(row.endedAt),
  };
}

export function toAttempt(row: AttemptRow): Attempt {
  return { ...row, startedAt: new Date(row.startedAt), endedAt: toDate(row.endedAt) };
}
