import { itemIdFrom, splitItemNumber } from "../../core/ids.ts";
import type { ItemRow } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Stage } from "../../core/progress.ts";
import type { Breakdown, ItemQuery } from "../../ports/store.ts";
import { toStateCode } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import { ITEM_COLUMNS, type ItemTuple, READY, toItemRow } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

/** With more priorities than this among a batch's ready items, a scan is the cheaper way to a page of them. */
const PRIORITIES_MAX = 32;
const LAST_ORDINAL = LIMITS.itemsPerBatch;
const SELECT = `SELECT ${ITEM_COLUMNS} FROM @items AS i WHERE i.batch = $1`;
const PAGE = "AND i.ordinal > $2 ORDER BY i.ordinal LIMIT $3";

/** The name of an item, in SQL; null where its input has none. */
const FILENAME = `CASE WHEN json_typeof(i.input::json -> 'filename') = 'string' THEN i.input::json ->> 'filename' END`;

/** Whether a text has another one in it, in SQL; the case of ASCII letters makes no difference. */
function has(text: string, part: string): string {
  return `strpos(lower((${text}) COLLATE "C"), lower(${part}::text COLLATE "C")) > 0`;
}

interface Queries {
  readonly batchOf: Statement<readonly [string, string]>;
  readonly all: Statement<ItemTuple>;
  readonly ofState: Statement<ItemTuple>;
  readonly ofEnded: Statement<ItemTuple>;
  readonly ofMessage: Statement<ItemTuple>;
  readonly running: Statement<ItemTuple>;
  readonly ofStage: Statement<ItemTuple>;
  readonly priorities: Statement<readonly [number | null]>;
  readonly pending: Statement<ItemTuple>;
  readonly fromNewest: Statement<ItemTuple>;
  readonly ofNames: Statement<ItemTuple>;
  readonly failures: Statement<readonly [string, string | null, number, number, string]>;
  readonly stages: Statement<readonly [string, number]>;
}

function prepareQueries(connection: Connection): Queries {
  const rest = "AND ordinal > $2 ORDER BY ordinal LIMIT $3";
  return {
    batchOf: connection.query("SELECT id, stages FROM @batches WHERE number = $1 AND NOT is_removing"),
    all: connection.query(`${SELECT} ${PAGE}`),
    ofState: connection.query(`${SELECT} AND i.state = $4 ${PAGE}`),
    ofEnded: connection.query(`${SELECT} AND i.state = $4 AND i.state IN (3, 4) ${PAGE}`),
    ofMessage: connection.query(
      `${SELECT} AND i.state = 3 AND i.state IN (3, 4) AND i.error::json ->> 'message' = $4 ${PAGE}`,
    ),
    running: connection.query(`${SELECT} AND i.worker <> 0 AND i.state = 1 ${PAGE}`),
    ofStage: connection.query(`${SELECT} AND i.worker <> 0 AND i.state = 1 AND i.stage = $4 ${PAGE}`),
    // The distinct ones, each found by one look into the index.
    priorities: connection.query(`WITH RECURSIVE found (priority) AS (
      (SELECT priority FROM @items WHERE batch = $1 AND ${READY} ORDER BY priority LIMIT 1)
      UNION ALL SELECT (SELECT i.priority FROM @items AS i WHERE i.batch = $1 AND i.priority > found.priority
      AND ${READY} ORDER BY i.priority LIMIT 1) FROM found WHERE found.priority IS NOT NULL
      ) SELECT priority FROM found WHERE priority IS NOT NULL LIMIT ${PRIORITIES_MAX + 1}`),
    // Those that wait lie in several indexes, each in its own order: the first few of each make the page.
    pending: connection.query(`${SELECT} AND i.ordinal IN (
      SELECT r.ordinal FROM unnest($4::int[]) AS p (priority) CROSS JOIN LATERAL (SELECT ordinal FROM @items
      WHERE batch = $1 AND priority = p.priority AND ${READY} ${rest}) AS r
      UNION ALL (SELECT ordinal FROM @items WHERE batch = $1 AND fresh ${rest})
      UNION ALL (SELECT ordinal FROM @items WHERE batch = $1 AND state = 0 AND (run_at > 0 OR held) ${rest})
      UNION ALL (SELECT ordinal FROM @items WHERE batch = $1 AND state = 0 AND worker <> 0 ${rest})) ${PAGE}`),
    fromNewest: connection.query(`${SELECT} AND i.ordinal < $2 AND ($4::smallint IS NULL OR i.state = $4)
      AND ($5::text IS NULL OR i.stage = $5)
      AND ($6::text IS NULL OR (i.state = 3 AND i.error::json ->> 'message' = $6)) ORDER BY i.ordinal DESC LIMIT $3`),
    // A walk over all that lie between two numbers: whoever asks bounds it.
    ofNames: connection.query(`${SELECT} AND i.ordinal <= $4 AND ($5::smallint IS NULL OR i.state = $5)
      AND ($6::text IS NULL OR (i.state = 1 AND i.stage = $6))
      AND ($7::text IS NULL OR (i.state = 3 AND i.error::json ->> 'message' = $7))
      AND ($8::text IS NULL OR ${has("i.key", "$8")} OR ${has(FILENAME, "$8")}) ${PAGE}`),
    failures:
      connection.query(`SELECT message, (array_agg(code ORDER BY ordinal))[1], count(*)::int AS items, min(ordinal),
      (array_agg(key ORDER BY ordinal))[1] FROM (SELECT (error::json ->> 'message') COLLATE "C" AS message,
      error::json ->> 'code' AS code, ordinal, key FROM @items WHERE batch = $1 AND state = 3 AND state IN (3, 4)) AS failed
      GROUP BY message ORDER BY items DESC, message LIMIT ${LIMITS.failureGroups}`),
    stages: connection.query(`SELECT stage, count(*)::int FROM @items WHERE batch = $1 AND worker <> 0 AND state = 1
      AND stage IS NOT NULL GROUP BY stage ORDER BY stage`),
  };
}

/** Prepares the port's pages of items and what is grouped over them. */
export function prepareItemReads(connection: Connection) {
  const queries = prepareQueries(connection);

  async function pendingPage(tx: Transaction, batch: number, page: readonly [number, number]) {
    const priorities = (await tx.all(queries.priorities, batch)).map(([priority]) => priority);
    if (priorities.length > PRIORITIES_MAX) return tx.all(queries.ofState, batch, ...page, toStateCode("pending"));
    return tx.all(queries.pending, batch, ...page, priorities);
  }

  async function page(tx: Transaction, query: ItemQuery): Promise<readonly ItemTuple[]> {
    const { batch, state, stage, errorMessage, search, limit } = query;
    const code = state === undefined ? null : toStateCode(state);
    const after = query.after === undefined ? null : ordinalIn(batch, query.after);
    const last = query.until === undefined ? LAST_ORDINAL : ordinalIn(batch, query.until);
    if (query.isNewestFirst === true) {
      const before = Math.min(after ?? LAST_ORDINAL, last + 1);
      return tx.all(queries.fromNewest, batch, before, limit, code, stage ?? null, errorMessage ?? null);
    }
    const isImpossible =
      (errorMessage !== undefined && (stage !== undefined || (state ?? "failed") !== "failed")) ||
      (stage !== undefined && (state ?? "processing") !== "processing");
    if (isImpossible) return [];
    const from = [after ?? -1, limit] as const;
    if (search !== undefined || query.until !== undefined)
      return tx.all(queries.ofNames, batch, ...from, last, code, stage ?? null, errorMessage ?? null, search ?? null);
    if (errorMessage !== undefined) return tx.all(queries.ofMessage, batch, ...from, errorMessage);
    if (stage !== undefined) return tx.all(queries.ofStage, batch, ...from, stage);
    if (state === undefined) return tx.all(queries.all, batch, ...from);
    if (state === "processing") return tx.all(queries.running, batch, ...from);
    if (state === "pending") return pendingPage(tx, batch, from);
    const isIndexed = state === "failed" || state === "cancelled";
    return tx.all(isIndexed ? queries.ofEnded : queries.ofState, batch, ...from, toStateCode(state));
  }

  return {
    async items(query: ItemQuery): Promise<readonly ItemRow[]> {
      return connection.read(async (tx) => {
        const [found, rows] = await Promise.all([tx.get(queries.batchOf, query.batch), page(tx, query)]);
        return found === undefined ? [] : rows.map((row) => toItemRow(row, found[0]));
      });
    },

    async breakdown(batch: number): Promise<Breakdown> {
      return connection.read(async (tx) => {
        const [found, groups, funnel] = await Promise.all([
          tx.get(queries.batchOf, batch),
          tx.all(queries.failures, batch),
          tx.all(queries.stages, batch),
        ]);
        if (found === undefined) return { failures: [], stages: [] };
        const [id, declared] = found;
        const names = (JSON.parse(declared) as readonly Stage[]).map((stage) => stage.name);
        return {
          failures: groups.map(([message, code, items, example, key]) => {
            return { message, code, items, example: { id: itemIdFrom(id, example), key } };
          }),
          stages: funnel
            .map(([stage, items]) => ({ stage, items }))
            .sort((a, b) => names.indexOf(a.stage) - names.indexOf(b.stage)),
        };
      });
    },
  };
}

/** The place of an item's number in a batch, before or behind all of the batch where the number is another one's. */
function ordinalIn(batch: number, item: number): number {
  const place = splitItemNumber(item);
  if (place.batch === batch) return place.ordinal;
  return place.batch < batch ? -1 : LAST_ORDINAL;
}
