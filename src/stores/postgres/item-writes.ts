import type { AttemptOutcome } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import { toOutcomeCode, toStateCode } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import type { ItemFacts } from "./item-changes.ts";
import type { Transaction } from "./transaction.ts";

/** Undefined: stays as it is. */
export type ItemText = string | null | undefined;

/** The texts of an item that a transaction sets. Those that it leaves alone are neither read nor written: they may be large. */
export class ItemTexts {
  output: ItemText = undefined;
  saved: ItemText = undefined;
  error: ItemText = undefined;
  progress: ItemText = undefined;
  stage: ItemText = undefined;

  get isEmpty(): boolean {
    return TEXTS.every((name) => this[name] === undefined);
  }
}

const TEXTS = ["output", "saved", "error", "progress", "stage"] as const;

/** Columns that are written whenever an item is, with their types and where the values come from. */
const COLUMNS: readonly (readonly [name: string, type: string, of: (item: ItemFacts) => unknown])[] = [
  ["batch", "int", (item) => item.batch],
  ["ordinal", "int", (item) => item.ordinal],
  ["state", "smallint", (item) => toStateCode(item.state)],
  ["token", "int", (item) => item.token],
  ["worker", "bigint", (item) => item.worker],
  ["attempts", "int", (item) => item.attempts],
  ["failures", "int", (item) => item.failures],
  ["crashes", "int", (item) => item.crashes],
  ["fraction", "int", (item) => item.fraction],
  ["started_at", "bigint", (item) => item.startedAt],
  ["ended_at", "bigint", (item) => item.endedAt],
  ["run_at", "bigint", (item) => item.runAt],
  ["held", "boolean", (item) => item.isHeld],
  ["suspect", "boolean", (item) => item.isSuspect],
  ["priority", "int", (item) => item.priority],
  ["version", "bigint", (item) => item.version],
];
const SET_COLUMNS = COLUMNS.slice(2).map(([name]) => `${name} = n.${name}`);

/** An attempt that did not end its item. */
export interface PastAttempt {
  readonly batch: number;
  readonly ordinal: number;
  readonly token: number;
  readonly worker: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: AttemptOutcome;
  readonly error: string | null;
}

/** What a transaction has to write of its items. */
export interface ItemBook {
  /** Only the changed ones of them are written: one statement for those whose texts stay, one for the others. */
  readonly items: readonly ItemFacts[];
  /** Attempts to keep. */
  readonly past: readonly PastAttempt[];
  /** Items whose last attempt is to be kept as their rows tell it, before they are changed. */
  readonly retried: readonly ItemFacts[];
}

/** Prepares what sends all of a book. */
export function prepareItemWrites(connection: Connection): (tx: Transaction, book: ItemBook) => void {
  const plain = connection.query(updateOf([]));
  const withTexts = connection.query(updateOf(TEXTS));
  const add =
    connection.query(`INSERT INTO @attempts (batch, ordinal, token, worker, started_at, ended_at, outcome, error)
    SELECT n.batch, n.ordinal, n.token, (SELECT name FROM @workers WHERE number = n.worker), n.started_at, n.ended_at,
    n.outcome, n.error FROM unnest($1::int[], $2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[],
    $8::text[]) AS n (batch, ordinal, token, worker, started_at, ended_at, outcome, error)`);
  const keepLast =
    connection.query(`INSERT INTO @attempts (batch, ordinal, token, worker, started_at, ended_at, outcome, error)
    SELECT i.batch, i.ordinal, i.token, NULL, i.started_at, i.ended_at, CASE WHEN i.state = 4
    THEN ${toOutcomeCode("cancelled")} WHEN i.error::json ->> 'code' = 'POISON' THEN ${toOutcomeCode("crashed")}
    ELSE ${toOutcomeCode("failed")} END, i.error FROM unnest($1::int[], $2::int[]) AS n (batch, ordinal)
    JOIN @items AS i ON i.batch = n.batch AND i.ordinal = n.ordinal`);
  const trim = connection.query(`DELETE FROM @attempts AS a USING unnest($1::int[], $2::int[]) AS n (batch, ordinal)
    WHERE a.batch = n.batch AND a.ordinal = n.ordinal AND a.token <= (SELECT token FROM @attempts WHERE batch = n.batch
    AND ordinal = n.ordinal ORDER BY token DESC LIMIT 1 OFFSET ${LIMITS.attemptsPerItem})`);

  function sendHistory(tx: Transaction, { items, past, retried }: ItemBook): void {
    if (retried.length > 0) tx.send(keepLast, ...placesOf(retried));
    if (past.length > 0) {
      tx.send(
        add,
        ...placesOf(past),
        past.map((attempt) => attempt.token),
        past.map((attempt) => attempt.worker),
        past.map((attempt) => attempt.startedAt),
        past.map((attempt) => attempt.endedAt),
        past.map((attempt) => toOutcomeCode(attempt.outcome)),
        past.map((attempt) => attempt.error),
      );
    }
    if (retried.length + past.length === 0) return;
    const full = items.filter((item) => item.isChanged && item.attempts > LIMITS.attemptsPerItem);
    if (full.length > 0) tx.send(trim, ...placesOf(full));
  }

  function write(tx: Transaction, statement: Statement, items: readonly ItemFacts[], texts: readonly unknown[]): void {
    if (items.length > 0) tx.send(statement, ...COLUMNS.map(([, , of]) => items.map(of)), ...texts);
  }

  return (tx, book) => {
    sendHistory(tx, book);
    const changed = book.items.filter((item) => item.isChanged);
    write(
      tx,
      plain,
      changed.filter((item) => item.texts.isEmpty),
      [],
    );
    const full = changed.filter((item) => !item.texts.isEmpty);
    const texts = TEXTS.flatMap((name) => [
      full.map((item) => item.texts[name] !== undefined),
      full.map((item) => item.texts[name] ?? null),
    ]);
    write(tx, withTexts, full, texts);
  };
}

function placesOf(items: readonly { readonly batch: number; readonly ordinal: number }[]) {
  return [items.map((item) => item.batch), items.map((item) => item.ordinal)];
}

/** Writes many items in one statement, from one array for each column. Of a text, the first array says whether it is set. */
function updateOf(texts: readonly string[]): string {
  const set = texts.map((name) => `${name} = CASE WHEN n.sets_${name} THEN n.${name} ELSE i.${name} END`);
  const typed = [
    ...COLUMNS.map(([name, type]) => [name, type] as const),
    ...texts.flatMap((name) => [[`sets_${name}`, "boolean"] as const, [name, "text"] as const]),
  ];
  return `UPDATE @items AS i SET fresh = false, ${[...SET_COLUMNS, ...set].join(", ")}
    FROM unnest(${typed.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ")})
    AS n (${typed.map(([name]) => name).join(", ")}) WHERE i.batch = n.batch AND i.ordinal = n.ordinal`;
}
