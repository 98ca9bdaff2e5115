import { splitItemNumber } from "../../core/ids.ts";
import { DUMP_PAGE_ROWS, type DumpedBatch, type DumpedHead, type DumpedRow } from "../../ports/dump.ts";
import type { Connection } from "./connection.ts";
import { type DumpedKind, selected, toDumpedRow } from "./dump-tables.ts";

/** Prepares `dump` of the port. Each page is a statement of its own: a long snapshot would keep dead rows from being removed. */
export function prepareDump(connection: Connection): () => AsyncGenerator<readonly DumpedRow[]> {
  const queries = prepareQueries(connection);

  /** All rows of a query in pages. `next` gives from a page's last tuple where the next one begins. */
  async function* pages(
    kind: DumpedKind,
    first: readonly unknown[],
    next: (last: readonly unknown[]) => readonly unknown[],
  ): AsyncGenerator<readonly DumpedRow[]> {
    for (let from = first; ; ) {
      const tuples = await connection.all(queries[kind], ...from);
      if (tuples.length > 0) yield tuples.map((tuple) => toDumpedRow(kind, tuple));
      const last = tuples.at(-1);
      if (last === undefined || tuples.length < DUMP_PAGE_ROWS) return;
      from = next(last);
    }
  }

  async function* ofBatch({ number }: DumpedBatch): AsyncGenerator<readonly DumpedRow[]> {
    yield* pages("request", [number, ""], (last) => [number, last[1]]);
    yield* pages("item", [number, -1], (last) => [number, ordinalOf(last[0])]);
    yield* pages("attempt", [number, -1, -1], (last) => [number, ordinalOf(last[0]), last[1]]);
    yield* pages("removal", [number, -1, -1], (last) => [number, last[1], last[2]]);
  }

  return async function* dump() {
    const [revision, nextBatch, nextWorker] = (await connection.get(queries.head)) ?? [0, 1, 1];
    yield [{ kind: "head", nextBatch, nextWorker, revision } satisfies DumpedHead];
    yield* pages("queue", [""], (last) => [last[0]]);
    yield* pages("work", [0], (last) => [last[2]]);
    for await (const page of pages("batch", [0], (last) => [last[0]])) {
      for (const batch of page as readonly DumpedBatch[]) {
        yield [batch];
        yield* ofBatch(batch);
      }
    }
  };
}

function ordinalOf(number: unknown): number {
  return splitItemNumber(Number(number)).ordinal;
}

function prepareQueries(connection: Connection) {
  const select = (kind: DumpedKind, rest: string, more = "") =>
    connection.query(`SELECT ${selected(kind)}${more} ${rest} LIMIT ${DUMP_PAGE_ROWS}`);
  const next = (table: string): string =>
    `(SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM @${table}_number_seq)`;
  return {
    head: connection.query<readonly [revision: number, nextBatch: number, nextWorker: number]>(
      `SELECT revision, ${next("batches")}, ${next("workers")} FROM @meta`,
    ),
    queue: select("queue", "FROM @queues WHERE name > $1 ORDER BY name"),
    work: select("work", "FROM @history WHERE changed > $1 ORDER BY changed", ", changed"),
    batch: select("batch", "FROM @batches WHERE number > $1 AND NOT is_removing ORDER BY number"),
    request: select("request", "FROM @requests WHERE batch = $1 AND key > $2 ORDER BY key"),
    item: select("item", "FROM @items WHERE batch = $1 AND ordinal > $2 ORDER BY ordinal"),
    attempt: select(
      "attempt",
      "FROM @attempts WHERE batch = $1 AND (ordinal, token) > ($2, $3) ORDER BY ordinal, token",
    ),
    removal: select(
      "removal",
      "FROM @removals WHERE batch = $1 AND (version, ordinal) > ($2, $3) ORDER BY version, ordinal",
    ),
  };
}
