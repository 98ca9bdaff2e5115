import { ATTEMPT_OUTCOMES } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import { CONTROLS } from "../../core/queue.ts";
import { ITEM_STATES } from "../../core/transitions.ts";
import type { DumpedRow } from "../../ports/dump.ts";

export type DumpedKind = Exclude<DumpedRow["kind"], "head">;
type FieldOf<K extends DumpedKind> = Exclude<keyof Extract<DumpedRow, { kind: K }>, "kind"> & string;
type SqlType = "text" | "int" | "smallint" | "bigint" | "boolean" | "double precision";

/** A column: its name, its type, and words that are numbers in it. */
type Kept = readonly [column: string, type: SqlType, words?: readonly string[]];

/** The columns of each dumped kind, all of them: a field that is left out does not compile. */
function columns<const K extends DumpedKind>(
  fields: Readonly<Record<FieldOf<K>, Kept>>,
): Readonly<Record<string, Kept>> {
  return fields;
}

/** An item's number, which is its batch and its ordinal here. */
const PLACE: Kept = ["place", "bigint"];
const READ_PLACE = `batch::bigint * ${LIMITS.itemsPerBatch} + ordinal`;
const PLACE_COLUMNS = "batch, ordinal";
const WRITE_PLACE = `(r.place / ${LIMITS.itemsPerBatch})::int, (r.place % ${LIMITS.itemsPerBatch})::int`;

export const DUMP_COLUMNS = {
  queue: columns<"queue">({
    name: ["name", "text"],
    control: ["control", "smallint", CONTROLS],
    concurrency: ["concurrency", "int"],
  }),
  work: columns<"work">({ work: ["work", "text"], state: ["state", "text"] }),
  batch: columns<"batch">({
    number: ["number", "int"],
    id: ["id", "text"],
    owner: ["owner", "text"],
    name: ["name", "text"],
    queue: ["queue", "text"],
    pipeline: ["pipeline", "text"],
    options: ["options", "text"],
    policy: ["policy", "text"],
    stages: ["stages", "text"],
    priority: ["priority", "int"],
    control: ["control", "smallint", CONTROLS],
    isCancelled: ["is_cancelled", "boolean"],
    isSealed: ["is_sealed", "boolean"],
    epoch: ["epoch", "int"],
    version: ["version", "bigint"],
    resumableFrom: ["resumable_from", "bigint"],
    nextOrdinal: ["next_ordinal", "int"],
    total: ["total", "int"],
    pending: ["pending", "int"],
    completed: ["completed", "int"],
    failed: ["failed", "int"],
    cancelled: ["cancelled", "int"],
    percentFloor: ["percent_floor", "smallint"],
    work: ["work", "text"],
    createdAt: ["created_at", "bigint"],
    startAt: ["start_at", "bigint"],
    startedAt: ["started_at", "bigint"],
    endedAt: ["ended_at", "bigint"],
    checkpointAt: ["checkpoint_at", "bigint"],
    // In a table of its own.
    learned: ["learned", "text"],
  }),
  request: columns<"request">({
    owner: ["owner", "text"],
    key: ["key", "text"],
    batch: ["batch", "int"],
    fingerprint: ["fingerprint", "text"],
    submission: ["submission", "text"],
    isWhole: ["is_whole", "boolean"],
    added: ["added", "int"],
    known: ["known", "int"],
    duplicate: ["duplicate", "int"],
  }),
  item: columns<"item">({
    number: PLACE,
    key: ["key", "text"],
    state: ["state", "smallint", ITEM_STATES],
    priority: ["priority", "int"],
    version: ["version", "bigint"],
    token: ["token", "int"],
    attempts: ["attempts", "int"],
    failures: ["failures", "int"],
    crashes: ["crashes", "int"],
    runAt: ["run_at", "bigint"],
    isHeld: ["held", "boolean"],
    isSuspect: ["suspect", "boolean"],
    size: ["size", "double precision"],
    type: ["kind", "text"],
    startedAt: ["started_at", "bigint"],
    endedAt: ["ended_at", "bigint"],
    input: ["input", "text"],
    output: ["output", "text"],
    saved: ["saved", "text"],
    error: ["error", "text"],
  }),
  attempt: columns<"attempt">({
    item: PLACE,
    token: ["token", "int"],
    worker: ["worker", "text"],
    startedAt: ["started_at", "bigint"],
    endedAt: ["ended_at", "bigint"],
    outcome: ["outcome", "smallint", ATTEMPT_OUTCOMES],
    error: ["error", "text"],
  }),
  removal: columns<"removal">({
    batch: ["batch", "int"],
    version: ["version", "bigint"],
    ordinal: ["ordinal", "int"],
    key: ["key", "text"],
  }),
} as const satisfies { readonly [K in DumpedKind]: Readonly<Record<string, Kept>> };

/** The columns of a kind as they are selected, in order; `learned` from a table of its own. */
export function selected(kind: DumpedKind): string {
  return Object.values<Kept>(DUMP_COLUMNS[kind])
    .map(([column]) => {
      if (column === "place") return READ_PLACE;
      return column === "learned" ? "(SELECT state FROM @statistics AS s WHERE s.batch = number)" : column;
    })
    .join(", ");
}

/** The row that a tuple of a kind's columns stands for. */
export function toDumpedRow(kind: DumpedKind, tuple: readonly unknown[]): DumpedRow {
  const row: Record<string, unknown> = { kind };
  for (const [index, [field, [, , words]]] of Object.entries<Kept>(DUMP_COLUMNS[kind]).entries()) {
    const value = tuple[index];
    row[field] = words === undefined ? value : words[Number(value)];
  }
  return row as unknown as DumpedRow;
}

/** For each column of a kind the values that `rows` have there. */
export function toColumns(kind: DumpedKind, rows: readonly DumpedRow[]): readonly (readonly unknown[])[] {
  return Object.entries<Kept>(DUMP_COLUMNS[kind]).map(([field, [, , words]]) =>
    rows.map((row) => {
      const value = (row as unknown as Readonly<Record<string, unknown>>)[field];
      return words === undefined ? value : words.indexOf(String(value));
    }),
  );
}

/** Inserts rows of a kind that come as `toColumns` gives them; `more` are columns and what they get of row `r`. */
export function insertOf(kind: DumpedKind, table: string, more: Readonly<Record<string, string>> = {}): string {
  const kept = Object.values<Kept>(DUMP_COLUMNS[kind]);
  const written = kept.map(([column]) => column).filter((column) => column !== "learned");
  const targets = written.map((column) => (column === "place" ? PLACE_COLUMNS : column));
  const values = written.map((column) => (column === "place" ? WRITE_PLACE : `r.${column}`));
  return `INSERT INTO ${table} (${[...targets, ...Object.keys(more)].join(", ")})
    SELECT ${[...values, ...Object.values(more)].join(", ")}
    FROM unnest(${kept.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ")})
    AS r (${kept.map(([column]) => column).join(", ")})`;
}
