import { ATTEMPT_OUTCOMES } from "../../core/item.ts";
import { CONTROLS } from "../../core/queue.ts";
import { ITEM_STATES } from "../../core/transitions.ts";
import type { DumpedRow } from "../../ports/dump.ts";

type Kind = Exclude<DumpedRow["kind"], "head">;
type FieldOf<K extends Kind> = Exclude<keyof Extract<DumpedRow, { kind: K }>, "kind"> & string;
/** Words that are numbers in SQL, and truths. */
type Codec = readonly string[] | "truth" | null;

/** A dumped field, the column that keeps it, and how. */
export type DumpColumn<K extends Kind = Kind> = readonly [field: FieldOf<K>, column: string, codec: Codec];

/** The columns of each dumped kind, all of them: a field that is left out does not compile. */
function columns<const K extends Kind>(
  fields: Readonly<Record<FieldOf<K>, string | readonly [column: string, codec: Codec]>>,
): readonly DumpColumn<K>[] {
  return Object.entries<string | readonly [string, Codec]>(fields).map(([field, kept]) => {
    const [column, codec] = typeof kept === "string" ? [kept, null] : kept;
    return [field as FieldOf<K>, column, codec];
  });
}

export const DUMP_COLUMNS = {
  queue: columns<"queue">({ name: "name", control: ["control", CONTROLS], concurrency: "concurrency" }),
  work: columns<"work">({ work: "work", state: "state" }),
  batch: columns<"batch">({
    number: "number",
    id: "id",
    owner: "owner",
    name: "name",
    queue: "queue",
    pipeline: "pipeline",
    options: "options",
    policy: "policy",
    stages: "stages",
    priority: "priority",
    control: ["control", CONTROLS],
    isCancelled: ["is_cancelled", "truth"],
    isSealed: ["is_sealed", "truth"],
    epoch: "epoch",
    version: "version",
    resumableFrom: "resumable_from",
    nextOrdinal: "next_ordinal",
    total: "total",
    pending: "pending",
    completed: "completed",
    failed: "failed",
    cancelled: "cancelled",
    percentFloor: "percent_floor",
    work: "work",
    createdAt: "created_at",
    startAt: "start_at",
    startedAt: "started_at",
    endedAt: "ended_at",
    checkpointAt: "checkpoint_at",
    learned: "learned",
  }),
  request: columns<"request">({
    owner: "owner",
    key: "key",
    batch: "batch",
    fingerprint: "fingerprint",
    submission: "submission",
    isWhole: ["is_whole", "truth"],
    added: "added",
    known: "known",
    duplicate: "duplicate",
  }),
  item: columns<"item">({
    number: "id",
    key: "key",
    state: ["state", ITEM_STATES],
    priority: "priority",
    version: "version",
    token: "token",
    attempts: "attempts",
    failures: "failures",
    crashes: "crashes",
    runAt: "run_at",
    isHeld: ["held", "truth"],
    isSuspect: ["suspect", "truth"],
    size: "size",
    type: "kind",
    startedAt: "started_at",
    endedAt: "ended_at",
    input: "input",
    output: "output",
    saved: "saved",
    error: "error",
  }),
  attempt: columns<"attempt">({
    item: "item",
    token: "token",
    worker: "worker",
    startedAt: "started_at",
    endedAt: "ended_at",
    outcome: ["outcome", ATTEMPT_OUTCOMES],
    error: "error",
  }),
  removal: columns<"removal">({ batch: "batch", version: "version", ordinal: "ordinal", key: "key" }),
} as const satisfies { readonly [K in Kind]: readonly DumpColumn<K>[] };

export type SqlValue = string | number | null;

/** The row that a tuple of a kind's columns stands for. */
export function toDumpedRow(kind: Kind, tuple: readonly unknown[]): DumpedRow {
  const row: Record<string, unknown> = { kind };
  for (const [index, [field, , codec]] of DUMP_COLUMNS[kind].entries()) {
    const value = tuple[index];
    row[field] = codec === "truth" ? value === 1 : codec === null ? value : codec[Number(value)];
  }
  return row as unknown as DumpedRow;
}

/** The values of a row, in the order of its kind's columns. */
export function toTuple(row: Exclude<DumpedRow, { kind: "head" }>): readonly SqlValue[] {
  const fields: Readonly<Record<string, unknown>> = { ...row };
  return DUMP_COLUMNS[row.kind].map(([field, , codec]) => {
    const value = fields[field];
    if (codec === "truth") return value === true ? 1 : 0;
    return codec === null ? (value as SqlValue) : codec.indexOf(String(value));
  });
}

export function columnNames(kind: Kind): readonly string[] {
  return DUMP_COLUMNS[kind].map(([, column]) => column);
}
