import type { BatchRow } from "../../core/batch.ts";
import { chanceOf, itemIdFrom, itemNumberFrom, ordinalOf, splitItemNumber } from "../../core/ids.ts";
import { type AttemptRow, type ItemRow, lastOutcomeOf } from "../../core/item.ts";
import { type QueueSnapshot, queueStateOf } from "../../core/queue.ts";
import type { BatchFilter, BatchQuery, BatchRef, Changes, ItemDetail, ItemRef } from "../../ports/store.ts";
import { type AttemptTuple, controlOf, toAttemptRow } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import { keyPlace } from "./names.ts";
import { type BatchTuple, batchColumns, ITEM_COLUMNS, type ItemTuple, toBatchRow, toItemRow } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

/** `statusOf` of the core, in SQL, so that a page of batches can be chosen by it. */
const STATUS_SQL = `CASE
  WHEN b.ended_at IS NULL THEN CASE WHEN b.control <> 0 THEN 'paused' WHEN b.started_at IS NULL THEN 'pending' ELSE 'processing' END
  WHEN b.is_cancelled OR (b.total > 0 AND b.cancelled = b.total) THEN 'cancelled'
  WHEN b.total > 0 AND b.failed = b.total THEN 'failed' ELSE 'completed' END`;

/** The last column is the batch's id, or the name of the holder. */
type TaggedItem = readonly [...ItemTuple, string];

interface Queries {
  readonly byNumber: Statement<BatchTuple>;
  readonly byId: Statement<BatchTuple>;
  readonly byName: Statement<BatchTuple>;
  readonly byChance: Statement<BatchTuple>;
  readonly versionsOf: Statement<readonly [string, number]>;
  readonly openVersions: Statement<readonly [string, number]>;
  readonly queueRows: Statement<readonly [string, number, number | null, number, number, number]>;
  readonly item: Statement<TaggedItem>;
  readonly byKey: Statement<readonly [number, number]>;
  readonly inQueue: Statement<readonly [number, number]>;
  readonly holder: Statement<readonly [string]>;
  readonly attempts: Statement<AttemptTuple>;
  readonly feedOf: Statement<readonly [string, number, number]>;
  readonly versions: Statement<readonly [number]>;
  readonly inOrder: Statement;
  readonly removalVersions: Statement<readonly [number]>;
  readonly changed: Statement<ItemTuple>;
  readonly removed: Statement<readonly [number, string, number]>;
}

function prepareQueries(connection: Connection): Queries {
  const batch = `SELECT ${batchColumns(":now")} FROM @batches AS b WHERE NOT b.is_removing`;
  // Of the owner that the value names; of any, if it is null.
  const ofOwner = (value: string): string => `(${value}::text IS NULL OR owner = ${value})`;
  return {
    byNumber: connection.query(`${batch} AND b.number = $1`),
    byId: connection.query(`${batch} AND b.id = $1 AND ${ofOwner("$2")}`),
    byName: connection.query(`${batch} AND b.owner = $1 AND b.name = $2`),
    byChance: connection.query(`${batch} AND substr(b.id, 16) = $1 AND ${ofOwner("$2")}`),
    versionsOf: connection.query(
      `SELECT id, version FROM @batches WHERE id = ANY ($1::text[]) AND ${ofOwner("$2")} AND NOT is_removing`,
    ),
    openVersions: connection.query(
      `SELECT id, version FROM @batches WHERE ended_at IS NULL AND ${ofOwner("$1")} AND NOT is_removing`,
    ),
    queueRows: connection.query(`SELECT q.name, q.control, q.concurrency, count(b.number)::int,
      coalesce(sum(b.pending), 0)::int, coalesce(sum(b.processing), 0)::int FROM @queues AS q LEFT JOIN @batches AS b
      ON b.queue = q.name AND b.ended_at IS NULL AND NOT b.is_removing GROUP BY q.name ORDER BY q.name`),
    item: connection.query(`SELECT ${ITEM_COLUMNS}, b.id FROM @items AS i JOIN @batches AS b ON b.number = i.batch
      WHERE i.batch = $1 AND i.ordinal = $2 AND NOT b.is_removing`),
    byKey: connection.query(`SELECT batch, ordinal FROM @items WHERE batch = $1
      AND ${keyPlace("key")} = ${keyPlace("$2::text")} AND key = $2`),
    inQueue: connection.query(`SELECT i.batch, i.ordinal FROM @batches AS b JOIN @items AS i ON i.batch = b.number
      AND ${keyPlace("i.key")} = ${keyPlace("$1::text")} AND i.key = $1
      WHERE b.queue = $2 AND ($3::text IS NULL OR b.owner = $3) AND NOT b.is_removing ORDER BY b.number DESC LIMIT 1`),
    holder: connection.query(`SELECT w.name FROM @items AS i JOIN @workers AS w ON w.number = i.worker
      WHERE i.batch = $1 AND i.ordinal = $2 AND i.worker <> 0`),
    attempts: connection.query(`SELECT token, worker, started_at, ended_at, outcome, error FROM @attempts
      WHERE batch = $1 AND ordinal = $2 ORDER BY token`),
    feedOf: connection.query("SELECT id, version, resumable_from FROM @batches WHERE number = $1 AND NOT is_removing"),
    // Where the planner knows too little of the table, it would rather find the places of all that changed than the first of them.
    inOrder: connection.query("SET LOCAL enable_bitmapscan TO off"),
    versions: connection.query(
      "SELECT version FROM @items WHERE batch = $1 AND version > $2 ORDER BY version LIMIT $3",
    ),
    removalVersions: connection.query(
      "SELECT version FROM @removals WHERE batch = $1 AND version > $2 ORDER BY version LIMIT $3",
    ),
    changed: connection.query(`SELECT ${ITEM_COLUMNS} FROM @items AS i WHERE i.batch = $1 AND i.version > $2
      AND i.version <= $3 ORDER BY i.version, i.ordinal`),
    removed: connection.query(`SELECT ordinal, key, version FROM @removals WHERE batch = $1 AND version > $2
      AND version <= $3 ORDER BY version, ordinal`),
  };
}

/** The port's reads of queues, batches, single items and the change feed. */
export class Reads {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #pages = new Map<string, Statement<BatchTuple>>();
  readonly #counts = new Map<string, Statement<readonly [number]>>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
  }

  async queues(): Promise<readonly QueueSnapshot[]> {
    const rows = await this.#connection.all(this.#queries.queueRows);
    return rows.map(([name, control, concurrency, batches, pending, processing]) => {
      return { name, state: queueStateOf(controlOf(control), processing), concurrency, batches, pending, processing };
    });
  }

  /** One statement for each combination of conditions that is really asked for. */
  async batches(query: BatchQuery): Promise<readonly BatchRow[]> {
    const { where, values } = conditionsOf(query);
    let statement = this.#pages.get(where);
    if (statement === undefined) {
      statement = this.#connection.query<BatchTuple>(`SELECT ${batchColumns(":now")} FROM @batches AS b WHERE ${where}
        ORDER BY b.number DESC LIMIT $${values.length + 1}`);
      this.#pages.set(where, statement);
    }
    return (await this.#connection.all(statement, ...values, query.limit)).map(toBatchRow);
  }

  async countBatches(filter: BatchFilter): Promise<number> {
    const { where, values } = conditionsOf(filter);
    let statement = this.#counts.get(where);
    if (statement === undefined) {
      statement = this.#connection.query<readonly [number]>(`SELECT count(*)::int FROM @batches AS b WHERE ${where}`);
      this.#counts.set(where, statement);
    }
    return (await this.#connection.all(statement, ...values))[0]?.[0] ?? 0;
  }

  async batch(ref: BatchRef): Promise<BatchRow | null> {
    const row = await this.#find(ref);
    return row === undefined ? null : toBatchRow(row);
  }

  async versions(ids: readonly string[] | null, owner: string | null = null): Promise<ReadonlyMap<string, number>> {
    const { versionsOf, openVersions } = this.#queries;
    return new Map(
      await (ids === null ? this.#connection.all(openVersions, owner) : this.#connection.all(versionsOf, ids, owner)),
    );
  }

  async item(ref: ItemRef): Promise<ItemDetail | null> {
    return this.#connection.read(async (tx) => {
      const number = await this.numberNow(tx, ref);
      if (number === null) return null;
      const { batch, ordinal } = splitItemNumber(number);
      const [item, past, holder] = await Promise.all([
        this.itemNow(tx, number),
        tx.all(this.#queries.attempts, batch, ordinal),
        tx.get(this.#queries.holder, batch, ordinal),
      ]);
      if (item === null) return null;
      return { item, attempts: [...past.map(toAttemptRow), ...lastAttempt(item, holder?.[0] ?? null)] };
    });
  }

  async changes(batch: number, since: number, limit: number): Promise<Changes> {
    return this.#connection.read((tx) => this.#changesNow(tx, batch, { since, limit }));
  }

  /** Reads inside a transaction. */
  async batchNow(tx: Transaction, number: number): Promise<BatchRow | null> {
    const row = await tx.get(this.#queries.byNumber, number);
    return row === undefined ? null : toBatchRow(row);
  }

  /** Reads inside a transaction. */
  async itemNow(tx: Transaction, number: number): Promise<ItemRow | null> {
    const { batch, ordinal } = splitItemNumber(number);
    const row = await tx.get(this.#queries.item, batch, ordinal);
    return row === undefined ? null : toItemRow(row as unknown as ItemTuple, row[22]);
  }

  /** Which item is meant; null: none that is there. */
  async numberNow(tx: Transaction, ref: ItemRef): Promise<number | null> {
    if ("number" in ref) return ref.number;
    const row =
      "batch" in ref
        ? await tx.get(this.#queries.byKey, ref.batch, ref.key)
        : await tx.get(this.#queries.inQueue, ref.key, ref.queue, ref.owner ?? null);
    return row === undefined ? null : itemNumberFrom(...row);
  }

  async #find(ref: BatchRef): Promise<BatchTuple | undefined> {
    const { byNumber, byId, byName, byChance } = this.#queries;
    if ("number" in ref) return this.#connection.get(byNumber, ref.number);
    if ("name" in ref) return this.#connection.get(byName, ref.owner, ref.name);
    const owner = ref.owner ?? null;
    if ("id" in ref) return this.#connection.get(byId, ref.id, owner);
    return ordinalOf(ref.itemId) === null ? undefined : this.#connection.get(byChance, chanceOf(ref.itemId), owner);
  }

  async #changesNow(
    tx: Transaction,
    batch: number,
    { since, limit }: { readonly since: number; readonly limit: number },
  ): Promise<Changes> {
    const { inOrder, feedOf, versions, removalVersions, changed, removed } = this.#queries;
    tx.send(inOrder);
    const [row, items, removals] = await Promise.all([
      tx.get(feedOf, batch),
      tx.all(versions, batch, since, limit + 1),
      tx.all(removalVersions, batch, since, limit + 1),
    ]);
    const [id, version, resumableFrom] = row ?? ["", 0, 0];
    if (row === undefined || since > version || since < resumableFrom) {
      return { isResumable: false, items: [], removals: [], version, hasMore: false };
    }
    const upTo = Math.min(edgeOf(items, { limit, end: version }), edgeOf(removals, { limit, end: version }));
    const [rows, gone] = await Promise.all([tx.all(changed, batch, since, upTo), tx.all(removed, batch, since, upTo)]);
    return {
      isResumable: true,
      items: rows.map((entry) => toItemRow(entry, id)),
      removals: gone.map(([ordinal, key, at]) => ({ id: itemIdFrom(id, ordinal), key, version: at })),
      version: upTo,
      hasMore: upTo < version,
    };
  }
}

/** The version up to which a page of at most `limit` rows with these versions goes: always to the end of a version. */
function edgeOf(
  versions: readonly (readonly [number])[],
  page: { readonly limit: number; readonly end: number },
): number {
  const beyond = versions[page.limit]?.[0];
  if (beyond === undefined) return page.end;
  const first = versions[0]?.[0] ?? beyond;
  return first < beyond ? beyond - 1 : beyond;
}

/** The attempt that the item's own row tells of: the running one, or the one that ended the item. */
function lastAttempt(item: ItemRow, worker: string | null): readonly AttemptRow[] {
  if (item.startedAt === null) return [];
  const { token, startedAt, endedAt, error } = item;
  return [{ token, worker, startedAt, endedAt, outcome: lastOutcomeOf(item), error }];
}

/** What a page of batches is chosen by. */
function conditionsOf(query: BatchFilter & Pick<BatchQuery, "before">): {
  readonly where: string;
  readonly values: readonly unknown[];
} {
  const conditions = ["NOT b.is_removing"];
  const values: unknown[] = [];
  const add = (sql: (value: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(sql(`$${values.length}`));
  };
  add((value) => `b.owner = ${value}`, query.owner);
  add((value) => `b.queue = ${value}`, query.queue);
  add((value) => `b.number < ${value}`, query.before);
  add((value) => `b.ended_at >= ${value}`, query.endedSince);
  add((value) => `${STATUS_SQL} = ANY (${value}::text[])`, query.statuses);
  if (query.isEnded !== undefined) conditions.push(query.isEnded ? "b.ended_at IS NOT NULL" : "b.ended_at IS NULL");
  return { where: conditions.join(" AND "), values };
}
