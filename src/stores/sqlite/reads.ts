import type { BatchRow } from "../../core/batch.ts";
import { chanceOf, itemIdFrom, ordinalOf, splitItemNumber } from "../../core/ids.ts";
import { type AttemptRow, type ItemRow, lastOutcomeOf } from "../../core/item.ts";
import { type QueueSnapshot, queueStateOf } from "../../core/queue.ts";
import type { BatchFilter, BatchQuery, BatchRef, Changes, ItemDetail, ItemRef, Removal } from "../../ports/store.ts";
import { type AttemptTuple, controlOf, toAttemptRow } from "../codes.ts";
import { prepareFreshFrom } from "./blocks.ts";
import type { Connection, Query } from "./connection.ts";
import {
  BATCH_COLUMNS,
  type BatchTuple,
  ITEM_COLUMNS,
  type ItemTuple,
  itemRangeOf,
  toBatchRow,
  toItemRow,
} from "./rows.ts";
import { concurrencyFor, prepareServers, type Served, type Server } from "./servers.ts";

/** `statusOf` of the core, in SQL, so that a page of batches can be chosen by it. */
export const STATUS_SQL = `CASE
  WHEN ended_at IS NULL THEN CASE WHEN control <> 0 THEN 'paused' WHEN started_at IS NULL THEN 'pending' ELSE 'processing' END
  WHEN is_cancelled = 1 OR (total > 0 AND cancelled = total) THEN 'cancelled'
  WHEN total > 0 AND failed = total THEN 'failed' ELSE 'completed' END`;

const VISIBLE = "is_removing = 0";

/** Batches of the owner that the second value names; of any, if it is null. */
const OF_OWNER = "(?2 IS NULL OR owner = ?2)";

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    byNumber: connection.query<BatchTuple>(`SELECT ${BATCH_COLUMNS} FROM batches WHERE number = ? AND ${VISIBLE}`),
    byId: connection.query<BatchTuple>(
      `SELECT ${BATCH_COLUMNS} FROM batches WHERE id = ?1 AND ${OF_OWNER} AND ${VISIBLE}`,
    ),
    byName: connection.query<BatchTuple>(
      `SELECT ${BATCH_COLUMNS} FROM batches WHERE owner = ? AND name = ? AND ${VISIBLE}`,
    ),
    byChance: connection.query<BatchTuple>(
      `SELECT ${BATCH_COLUMNS} FROM batches WHERE substr(id, 16) = ?1 AND ${OF_OWNER} AND ${VISIBLE}`,
    ),
    versionsOf: connection.query<[string, number]>(
      `SELECT id, version FROM batches WHERE id IN (SELECT value FROM json_each(?1)) AND ${OF_OWNER} AND ${VISIBLE}`,
    ),
    openVersions: connection.query<[string, number]>(
      `SELECT id, version FROM batches WHERE ended_at IS NULL AND (?1 IS NULL OR owner = ?1) AND ${VISIBLE}`,
    ),
    // Each count by itself walks over an index; together, over all of the rows.
    visible: connection.query<[number]>(
      `SELECT (SELECT count(*) FROM batches) - (SELECT count(*) FROM batches WHERE is_removing = 1)`,
    ),
    queueRows: connection.query<[string, number, number | null, number, number, number]>(`
    SELECT queues.name, queues.control, concurrency, count(number), coalesce(sum(pending), 0), coalesce(sum(processing), 0)
    FROM queues LEFT JOIN batches ON queue = queues.name AND ended_at IS NULL AND ${VISIBLE}
    GROUP BY queues.name ORDER BY queues.name`),
    item: connection.query<ItemTuple>(`SELECT ${ITEM_COLUMNS} FROM items WHERE id = ?`),
    itemByKey: connection.query<ItemTuple>(`SELECT ${ITEM_COLUMNS} FROM items WHERE batch = ? AND key = ?`),
    inQueue: connection.query<[number]>(`SELECT items.id FROM batches CROSS JOIN items
      ON items.batch = number AND items.key = ?1
      WHERE queue = ?2 AND (?3 IS NULL OR owner = ?3) AND ${VISIBLE} ORDER BY number DESC LIMIT 1`),
    holder: connection.query<[string]>(
      "SELECT workers.name FROM items JOIN workers ON number = worker WHERE items.id = ? AND worker <> 0",
    ),
    attempts: connection.query<AttemptTuple>(
      "SELECT token, worker, started_at, ended_at, outcome, error FROM attempts WHERE item = ? ORDER BY token",
    ),
    itemVersions: connection.query<[number]>(`SELECT version FROM items INDEXED BY items_feed
    WHERE batch = ? AND version > ? AND fresh = 0 ORDER BY version LIMIT ?`),
    removalVersions: connection.query<[number]>(`SELECT version FROM removals
    WHERE batch = ? AND version > ? ORDER BY version LIMIT ?`),
    freshVersions: connection.query<[number]>(`SELECT version FROM items
    WHERE id >= ? AND id < ? AND fresh = 1 ORDER BY id LIMIT ?`),
    added: connection.query<[number]>(`SELECT ordinal FROM additions
    WHERE batch = ? AND version > ? ORDER BY version LIMIT 1`),
    fresh: connection.query<ItemTuple>(`SELECT ${ITEM_COLUMNS} FROM items
    WHERE id >= ? AND id < ? AND fresh = 1 ORDER BY id`),
    changed: connection.query<ItemTuple>(`SELECT ${ITEM_COLUMNS} FROM items INDEXED BY items_feed
    WHERE batch = ? AND version > ? AND version <= ? AND fresh = 0 ORDER BY version, id`),
    removed: connection.query<[number, string, number]>(`SELECT ordinal, key, version FROM removals
    WHERE batch = ? AND version > ? AND version <= ? ORDER BY version, ordinal`),
  };
}

/** The port's reads of queues, batches, single items and the change feed. */
export class Reads {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #freshFrom: (batch: number) => number;
  readonly #pages = new Map<string, Query<BatchTuple>>();
  readonly #counts = new Map<string, Query<[number]>>();
  readonly #servers: () => readonly Server[];

  constructor(connection: Connection) {
    this.#servers = prepareServers(connection);
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#freshFrom = prepareFreshFrom(connection);
  }

  #toRow(row: BatchTuple | undefined): BatchRow | null {
    return row === undefined ? null : toBatchRow(row, concurrencyFor(toServed(row), this.#servers()));
  }

  #find(ref: BatchRef): BatchRow | null {
    if ("number" in ref) return this.#toRow(this.#queries.byNumber.get(ref.number));
    if ("name" in ref) return this.#toRow(this.#queries.byName.get(ref.owner, ref.name));
    const owner = ref.owner ?? null;
    if ("id" in ref) return this.#toRow(this.#queries.byId.get(ref.id, owner));
    return ordinalOf(ref.itemId) === null ? null : this.#toRow(this.#queries.byChance.get(chanceOf(ref.itemId), owner));
  }

  /** One statement for each combination of conditions that is really asked for, prepared once. */
  #page(query: BatchQuery): readonly BatchTuple[] {
    const { where, values } = conditionsOf(query);
    let statement = this.#pages.get(where);
    if (statement === undefined) {
      statement = this.#connection.query(
        `SELECT ${BATCH_COLUMNS} FROM batches WHERE ${where} ORDER BY number DESC LIMIT ?`,
      );
      this.#pages.set(where, statement);
    }
    return statement.all(...values, query.limit);
  }

  #count(filter: BatchFilter): number {
    const { where, values } = conditionsOf(filter);
    if (values.length === 0 && where === VISIBLE) return this.#queries.visible.get()?.[0] ?? 0;
    let statement = this.#counts.get(where);
    if (statement === undefined) {
      statement = this.#connection.query(`SELECT count(*) FROM batches WHERE ${where}`);
      this.#counts.set(where, statement);
    }
    return statement.get(...values)?.[0] ?? 0;
  }

  #itemTuple(ref: ItemRef): ItemTuple | undefined {
    if ("number" in ref) return this.#queries.item.get(ref.number);
    if ("batch" in ref) return this.#queries.itemByKey.get(ref.batch, ref.key);
    const found = this.#queries.inQueue.get(ref.key, ref.queue, ref.owner ?? null)?.[0];
    return found === undefined ? undefined : this.#queries.item.get(found);
  }

  #detail(ref: ItemRef): ItemDetail | null {
    const row = this.#itemTuple(ref);
    const batch = row === undefined ? null : this.#find({ number: splitItemNumber(row[0]).batch });
    if (row === undefined || batch === null) return null;
    const found = toItemRow(row, batch.id);
    const past = this.#queries.attempts.all(row[0]).map(toAttemptRow);
    return { item: found, attempts: [...past, ...lastAttempt(found, this.#queries.holder.get(row[0])?.[0] ?? null)] };
  }

  /** Where the items begin that came into a batch after a version. */
  #addedAfter(batch: number, version: number): number {
    const [first, end] = itemRangeOf(batch);
    const ordinal = this.#queries.added.get(batch, version)?.[0];
    return ordinal === undefined ? end : first + ordinal;
  }

  #changesNow(batch: number, since: number, limit: number): Changes {
    const row = this.#queries.byNumber.get(batch);
    const version = row?.[14] ?? 0;
    if (row === undefined || since > version || since < row[15]) {
      return { isResumable: false, items: [], removals: [], version, hasMore: false };
    }
    const { itemVersions, freshVersions, removalVersions, changed, fresh, removed } = this.#queries;
    // Fresh items have the version of their addition, which rises with their numbers: no index needs to hold them.
    const from = Math.max(this.#addedAfter(batch, since), this.#freshFrom(batch));
    const added = freshVersions.all(from, itemRangeOf(batch)[1], limit + 1);
    const upTo = Math.min(
      edgeOf([...itemVersions.all(batch, since, limit + 1), ...added], { limit, end: version }),
      edgeOf(removalVersions.all(batch, since, limit + 1), { limit, end: version }),
    );
    const rows = changed.all(batch, since, upTo);
    const untouched = added.length === 0 ? [] : fresh.all(from, this.#addedAfter(batch, upTo));
    const items = untouched.length === 0 ? rows : [...rows, ...untouched].sort((a, b) => a[5] - b[5] || a[0] - b[0]);
    return {
      isResumable: true,
      items: items.map((entry) => toItemRow(entry, row[1])),
      removals: removed
        .all(batch, since, upTo)
        .map(([ordinal, key, at]): Removal => ({ id: itemIdFrom(row[1], ordinal), key, version: at })),
      version: upTo,
      hasMore: upTo < version,
    };
  }

  /** Reads inside the transaction that the caller is in. */
  batchNow(number: number): BatchRow | null {
    return this.#find({ number });
  }

  /** Reads inside the transaction that the caller is in. */
  itemNow(ref: ItemRef): ItemRow | null {
    const row = this.#itemTuple(ref);
    const batch = row === undefined ? null : this.#find({ number: splitItemNumber(row[0]).batch });
    return row === undefined || batch === null ? null : toItemRow(row, batch.id);
  }

  async queues(): Promise<readonly QueueSnapshot[]> {
    const rows = await this.#connection.readOne(() => this.#queries.queueRows.all());
    return rows.map(([name, control, concurrency, batches, pending, processing]) => {
      return { name, state: queueStateOf(controlOf(control), processing), concurrency, batches, pending, processing };
    });
  }

  async batches(query: BatchQuery): Promise<readonly BatchRow[]> {
    return this.#connection.read(() => {
      const servers = this.#servers();
      return this.#page(query).map((row) => toBatchRow(row, concurrencyFor(toServed(row), servers)));
    });
  }

  async countBatches(filter: BatchFilter): Promise<number> {
    return this.#connection.readOne(() => this.#count(filter));
  }

  async batch(ref: BatchRef): Promise<BatchRow | null> {
    return this.#connection.readOne(() => this.#find(ref));
  }

  async versions(ids: readonly string[] | null, owner: string | null = null): Promise<ReadonlyMap<string, number>> {
    const { versionsOf, openVersions } = this.#queries;
    return new Map(
      await this.#connection.readOne(() =>
        ids === null ? openVersions.all(owner) : versionsOf.all(JSON.stringify(ids), owner),
      ),
    );
  }

  async item(ref: ItemRef): Promise<ItemDetail | null> {
    return this.#connection.read(() => this.#detail(ref));
  }

  async changes(batch: number, since: number, limit: number): Promise<Changes> {
    return this.#connection.read(() => this.#changesNow(batch, since, limit));
  }
}

/** What a page of batches is chosen by. */
function conditionsOf(query: BatchFilter & Pick<BatchQuery, "before">): {
  readonly where: string;
  readonly values: readonly (string | number)[];
} {
  const conditions = [VISIBLE];
  const values: (string | number)[] = [];
  const add = (sql: string, value: string | number): void => {
    conditions.push(sql);
    values.push(value);
  };
  if (query.owner !== undefined) add("owner = ?", query.owner);
  if (query.queue !== undefined) add("queue = ?", query.queue);
  if (query.before !== undefined) add("number < ?", query.before);
  if (query.endedSince !== undefined) add("ended_at >= ?", query.endedSince);
  if (query.isEnded !== undefined) conditions.push(query.isEnded ? "ended_at IS NOT NULL" : "ended_at IS NULL");
  if (query.statuses !== undefined) {
    add(`${STATUS_SQL} IN (SELECT value FROM json_each(?))`, JSON.stringify(query.statuses));
  }
  return { where: conditions.join(" AND "), values };
}

function toServed(row: BatchTuple): Served {
  return { number: row[0], queue: row[4], pipeline: row[5] };
}

/** The version up to which a page of at most `limit` rows with these versions goes: always to the end of a version. */
function edgeOf(
  versions: readonly (readonly [number])[],
  page: { readonly limit: number; readonly end: number },
): number {
  const sorted = versions.map(([version]) => version).sort((a, b) => a - b);
  const beyond = sorted[page.limit];
  if (beyond === undefined) return page.end;
  const first = sorted[0] ?? beyond;
  return first < beyond ? beyond - 1 : beyond;
}

/** The attempt that the item's own row tells of: the running one, or the one that ended the item. */
export function lastAttempt(item: ItemRow, worker: string | null): readonly AttemptRow[] {
  if (item.startedAt === null) return [];
  const { token, startedAt, endedAt, error } = item;
  return [{ token, worker, startedAt, endedAt, outcome: lastOutcomeOf(item), error }];
}
