import { itemIdFrom, splitItemNumber } from "../../core/ids.ts";
import type { ItemRow } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Stage } from "../../core/progress.ts";
import type { ItemState } from "../../core/transitions.ts";
import type { Breakdown, ItemQuery } from "../../ports/store.ts";
import { PENDING, toStateCode } from "../codes.ts";
import { prepareFreshFrom } from "./blocks.ts";
import type { Connection, Query } from "./connection.ts";
import { ITEM_COLUMNS, type ItemTuple, itemRangeOf, READY, toItemRow } from "./rows.ts";

/** With more priorities than this among a batch's ready items, a scan is the cheaper way to a page of them. */
const PRIORITIES_MAX = 32;

/** Prepares a page of a batch's pending items, found without a walk over what has ended. */
function preparePendingPage(
  connection: Connection,
): (batch: number, after: number, limit: number) => readonly ItemTuple[] {
  const select = `SELECT ${ITEM_COLUMNS} FROM items`;
  const range = "id > ? AND id < ?";
  const order = "ORDER BY id LIMIT ?";
  const scan = connection.query<ItemTuple>(`${select} WHERE ${range} AND state = ? ${order}`);
  // Fresh items are found by their place, the others lie in several indexes, each in its own order: the first few of each
  // make the page, and no index more has to be written for every item.
  const ready = `INDEXED BY items_ready WHERE batch = ?1 AND ${READY}`;
  const nextPriority = connection.query<[number]>(
    `SELECT priority FROM items ${ready} AND priority > ?2 ORDER BY priority LIMIT 1`,
  );
  const readyIds = connection.query<[number]>(`SELECT id FROM items ${ready} AND priority = ?2 AND id > ?3
    ORDER BY id LIMIT ?4`);
  const idleIds = connection.query<[number]>(`SELECT id FROM items INDEXED BY items_idle WHERE batch = ?1 AND state = 0
    AND (run_at > 0 OR held = 1) AND id > ?2 ORDER BY id LIMIT ?3`);
  const claimedIds = connection.query<[number]>(`SELECT id FROM items INDEXED BY items_held
    WHERE worker <> 0 AND state = 0 AND ${range} ${order}`);
  const freshFrom = prepareFreshFrom(connection);
  const freshIds = connection.query<[number]>(`SELECT id FROM items WHERE ${range} AND fresh = 1 ${order}`);
  const rowsOf = connection.query<ItemTuple>(`${select} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`);
  return (batch, after, limit) => {
    const [first, end] = itemRangeOf(batch);
    const priorities: number[] = [];
    for (let last = Number.MIN_SAFE_INTEGER; ; ) {
      const found = nextPriority.get(batch, last)?.[0];
      if (found === undefined) break;
      if (priorities.length === PRIORITIES_MAX) return scan.all(after, end, PENDING, limit);
      priorities.push(found);
      last = found;
    }
    const pages = priorities.map((priority) => readyIds.all(batch, priority, after, limit));
    pages.push(idleIds.all(batch, after, limit), claimedIds.all(Math.max(first - 1, after), end, limit));
    pages.push(freshIds.all(Math.max(freshFrom(batch) - 1, after), end, limit));
    const ids = pages.flat().map(([id]) => id);
    ids.sort((a, b) => a - b);
    return rowsOf.all(JSON.stringify(ids.slice(0, limit)));
  };
}

/** Prepares the port's pages of items and what is grouped over them. */
export function prepareItemReads(connection: Connection) {
  const batchOf = connection.query<[string, string]>(
    "SELECT id, stages FROM batches WHERE number = ? AND is_removing = 0",
  );
  const select = `SELECT ${ITEM_COLUMNS} FROM items`;
  const range = "id > ? AND id < ?";
  const order = "ORDER BY id LIMIT ?";
  const pageOfAll = connection.query<ItemTuple>(`${select} WHERE ${range} ${order}`);
  const pageOfState = connection.query<ItemTuple>(`${select} WHERE ${range} AND state = ? ${order}`);
  const pendingPage = preparePendingPage(connection);
  const pageOfEnded = connection.query<ItemTuple>(
    `${select} INDEXED BY items_failed WHERE batch = ? AND state = ? AND state IN (3, 4) AND ${range} ${order}`,
  );
  const pageOfMessage = connection.query<ItemTuple>(`${select} INDEXED BY items_failed
    WHERE batch = ? AND state = 3 AND state IN (3, 4) AND ${range} AND error ->> '$.message' = ? ${order}`);
  const pageOfRunning = connection.query<ItemTuple>(
    `${select} INDEXED BY items_held WHERE worker <> 0 AND state = 1 AND ${range} ${order}`,
  );
  const pageOfStage = connection.query<ItemTuple>(
    `${select} INDEXED BY items_held WHERE worker <> 0 AND state = 1 AND ${range} AND stage = ? ${order}`,
  );
  const pageFromNewest = connection.query<ItemTuple>(`${select} WHERE id >= ?1 AND id < ?2
    AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR stage = ?4)
    AND (?5 IS NULL OR (state = 3 AND error ->> '$.message' = ?5)) ORDER BY id DESC LIMIT ?6`);
  // A walk over all that lie between two numbers: whoever asks bounds it.
  const pageOfNames = connection.query<ItemTuple>(`${select} WHERE id > ?1 AND id < ?2 AND (?3 IS NULL OR state = ?3)
    AND (?4 IS NULL OR (state = 1 AND stage = ?4)) AND (?5 IS NULL OR (state = 3 AND error ->> '$.message' = ?5))
    AND (?6 IS NULL OR instr(lower(key), lower(?6)) > 0 OR (json_type(input, '$.filename') = 'text'
      AND instr(lower(input ->> '$.filename'), lower(?6)) > 0)) ORDER BY id LIMIT ?7`);
  const failures = connection.query<
    [string, string | null, number, number, string]
  >(`SELECT error ->> '$.message' AS message,
    error ->> '$.code', count(*) AS items, min(id), key FROM items INDEXED BY items_failed
    WHERE batch = ? AND state = 3 AND state IN (3, 4) GROUP BY message ORDER BY items DESC, message LIMIT ${LIMITS.failureGroups}`);
  const stages = connection.query<[string, number]>(`SELECT stage, count(*) FROM items INDEXED BY items_held
    WHERE worker <> 0 AND state = 1 AND id >= ? AND id < ? AND stage IS NOT NULL GROUP BY stage ORDER BY stage`);

  function page(query: ItemQuery): readonly ItemTuple[] {
    const { batch, state, stage, errorMessage, search, limit } = query;
    const [first, last] = itemRangeOf(batch);
    const end = Math.min(last, (query.until ?? last) + 1);
    if (query.isNewestFirst === true) {
      const before = Math.min(end, query.after ?? end);
      return pageFromNewest.all(first, before, codeOf(state), stage ?? null, errorMessage ?? null, limit);
    }
    const after = Math.max(first - 1, query.after ?? 0);
    const isImpossible =
      (errorMessage !== undefined && (stage !== undefined || (state ?? "failed") !== "failed")) ||
      (stage !== undefined && (state ?? "processing") !== "processing");
    if (isImpossible) return [];
    if (search !== undefined || query.until !== undefined) {
      return pageOfNames.all(after, end, codeOf(state), stage ?? null, errorMessage ?? null, search ?? null, limit);
    }
    if (errorMessage !== undefined) return pageOfMessage.all(batch, after, end, errorMessage, limit);
    if (stage !== undefined) return pageOfStage.all(after, end, stage, limit);
    if (state === undefined) return pageOfAll.all(after, end, limit);
    if (state === "processing") return pageOfRunning.all(after, end, limit);
    if (state === "pending") return pendingPage(batch, after, limit);
    const code = toStateCode(state);
    const indexed: Query<ItemTuple> | null = state === "failed" || state === "cancelled" ? pageOfEnded : null;
    return indexed === null ? pageOfState.all(after, end, code, limit) : indexed.all(batch, code, after, end, limit);
  }

  return {
    async items(query: ItemQuery): Promise<readonly ItemRow[]> {
      return connection.read(() => {
        const id = batchOf.get(query.batch)?.[0];
        return id === undefined ? [] : page(query).map((row) => toItemRow(row, id));
      });
    },

    async breakdown(batch: number): Promise<Breakdown> {
      return connection.read(() => {
        const found = batchOf.get(batch);
        if (found === undefined) return { failures: [], stages: [] };
        const [id, declared] = found;
        const names = (JSON.parse(declared) as readonly Stage[]).map((stage) => stage.name);
        const [from, to] = itemRangeOf(batch);
        const funnel = stages.all(from, to).map(([stage, items]) => ({ stage, items }));
        return {
          failures: failures.all(batch).map(([message, code, items, example, key]) => {
            return { message, code, items, example: { id: itemIdFrom(id, splitItemNumber(example).ordinal), key } };
          }),
          stages: funnel.sort((a, b) => names.indexOf(a.stage) - names.indexOf(b.stage)),
        };
      });
    },
  };
}

function codeOf(state: ItemState | undefined): number | null {
  return state === undefined ? null : toStateCode(state);
}
