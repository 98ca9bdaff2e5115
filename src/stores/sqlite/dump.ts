import { DUMP_PAGE_ROWS, type DumpedBatch, type DumpedHead, type DumpedRow } from "../../ports/dump.ts";
import type { Connection, Query } from "./connection.ts";
import { columnNames, type SqlValue, toDumpedRow } from "./dump-tables.ts";
import { itemRangeOf } from "./rows.ts";

type Paged = "queue" | "work" | "batch" | "request" | "item" | "attempt" | "removal";

/** Prepares `dump` of the port. Each page is a read of its own: a long one would keep the log from going into the file. */
export function prepareDump(connection: Connection): () => AsyncGenerator<readonly DumpedRow[]> {
  const queries = prepareQueries(connection);

  /** All rows of a query in pages. `next` gives from a page's last tuple where the next one begins. */
  async function* pages(
    kind: Paged,
    first: readonly SqlValue[],
    next: (last: readonly unknown[]) => readonly SqlValue[],
  ): AsyncGenerator<readonly DumpedRow[]> {
    for (let from = first; ; ) {
      const tuples = await connection.readOne(() => queries[kind].all(...from, DUMP_PAGE_ROWS));
      if (tuples.length > 0) yield tuples.map((tuple) => toDumpedRow(kind, tuple));
      const last = tuples.at(-1);
      if (last === undefined || tuples.length < DUMP_PAGE_ROWS) return;
      from = next(last);
    }
  }

  async function* ofBatch({ number }: DumpedBatch): AsyncGenerator<readonly DumpedRow[]> {
    const [first, end] = itemRangeOf(number);
    yield* pages("request", [number, ""], (last) => [number, last[1] as string]);
    yield* pages("item", [first - 1, end], (last) => [last[0] as number, end]);
    yield* pages("attempt", [first, -1, end], (last) => [last[0] as number, last[1] as number, end]);
    yield* pages("removal", [number, -1, -1], (last) => [number, last[1] as number, last[2] as number]);
  }

  return async function* dump() {
    yield [await connection.read(() => headNow(queries))];
    yield* pages("queue", [""], (last) => [last[0] as string]);
    yield* pages("work", [0], (last) => [last[2] as number]);
    for await (const page of pages("batch", [0], (last) => [last[0] as number])) {
      for (const batch of page as readonly DumpedBatch[]) {
        yield [batch];
        yield* ofBatch(batch);
      }
    }
  };
}

function headNow(queries: ReturnType<typeof prepareQueries>): DumpedHead {
  const [revision, batch, worker] = queries.head.get() ?? [0, 0, 0];
  return { kind: "head", nextBatch: batch + 1, nextWorker: worker + 1, revision };
}

function prepareQueries(connection: Connection) {
  const select = (kind: Paged, rest: string, more = ""): Query =>
    connection.query(`SELECT ${columnNames(kind).join(", ")}${more} ${rest} LIMIT ?`);
  const batchColumns = columnNames("batch").map((column) =>
    column === "learned" ? "(SELECT state FROM statistics WHERE batch = number)" : column,
  );
  return {
    head: connection.query<[revision: number, batch: number, worker: number]>(`SELECT revision,
      coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'batches'), 0),
      coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'workers'), 0) FROM meta`),
    queue: select("queue", "FROM queues WHERE name > ? ORDER BY name"),
    work: select("work", "FROM history WHERE changed > ? ORDER BY changed", ", changed"),
    batch: connection.query(`SELECT ${batchColumns.join(", ")} FROM batches
      WHERE number > ? AND is_removing = 0 ORDER BY number LIMIT ?`),
    request: select("request", "FROM requests INDEXED BY requests_batch WHERE batch = ? AND key > ? ORDER BY key"),
    item: select("item", "FROM items WHERE id > ? AND id < ? ORDER BY id"),
    attempt: select("attempt", "FROM attempts WHERE (item, token) > (?, ?) AND item < ? ORDER BY item, token"),
    removal: select(
      "removal",
      "FROM removals WHERE batch = ? AND (version, ordinal) > (?, ?) ORDER BY version, ordinal",
    ),
  };
}
