import { type Counts, NO_COUNTS, processedOf } from "../../core/counts.ts";
import { itemIdFrom, itemNumberFrom } from "../../core/ids.ts";
import { rawPercent } from "../../core/progress.ts";
import type { Finding } from "../../ports/store.ts";
import { stateOf } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import { ItemChanges, type ItemQueries } from "./item-changes.ts";
import { Ledger, type LedgerQueries } from "./ledger.ts";
import { COVERING } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

interface Recount {
  counts: Counts;
  flight: number;
  lastOrdinal: number;
  lastVersion: number;
}

type Report = (batchId: string | null, what: string, facts: readonly [expected: unknown, found: unknown]) => void;

type KeptTuple = readonly [
  number: number,
  id: string,
  total: number,
  pending: number,
  processing: number,
  completed: number,
  failed: number,
  cancelled: number,
  flight: number,
  nextOrdinal: number,
  version: number,
  endedAt: number | null,
  isSealed: boolean,
];

interface Queries {
  readonly recount: Statement<readonly [number, number, number, number, number, number]>;
  readonly batches: Statement<KeptTuple>;
  readonly strays: Statement<readonly [number, number, string]>;
  readonly unfound: Statement<readonly [number, number, string]>;
  readonly lost: readonly (readonly [what: string, count: Statement<readonly [number]>, drop: Statement])[];
  readonly mend: Statement;
}

/** Rows that belong to what is gone. */
const LOST = [
  ["items without a batch", "@items AS t", "NOT EXISTS (SELECT 1 FROM @batches WHERE number = t.batch)"],
  [
    "attempts without an item",
    "@attempts AS t",
    "NOT EXISTS (SELECT 1 FROM @items AS i WHERE i.batch = t.batch AND i.ordinal = t.ordinal)",
  ],
  ["blocks without a batch", "@blocks AS t", "NOT EXISTS (SELECT 1 FROM @batches WHERE number = t.batch)"],
  ["requests without a batch", "@requests AS t", "NOT EXISTS (SELECT 1 FROM @batches WHERE number = t.batch)"],
] as const;

function prepareQueries(connection: Connection): Queries {
  return {
    recount: connection.query(`SELECT batch, state, count(*)::int, sum(fraction), max(ordinal), max(version)
      FROM @items GROUP BY batch, state`),
    batches: connection.query(`SELECT number, id, total, pending, processing, completed, failed, cancelled, flight,
      next_ordinal, version, ended_at, is_sealed FROM @batches WHERE NOT is_removing ORDER BY number`),
    strays: connection.query(`SELECT i.batch, i.ordinal, b.id FROM @items AS i JOIN @batches AS b ON b.number = i.batch
      WHERE i.worker <> 0 AND NOT b.is_removing AND NOT EXISTS (SELECT 1 FROM @workers WHERE number = i.worker)
      UNION ALL SELECT i.batch, i.ordinal, b.id FROM @blocks AS k JOIN @items AS i ON i.batch = k.batch
      AND i.ordinal BETWEEN k.first AND k.last AND i.fresh JOIN @batches AS b ON b.number = i.batch
      WHERE NOT b.is_removing AND NOT EXISTS (SELECT 1 FROM @workers WHERE number = k.worker)`),
    unfound: connection.query(`SELECT i.batch, i.ordinal, b.id FROM @items AS i JOIN @batches AS b ON b.number = i.batch
      LEFT JOIN @frontiers AS f ON f.batch = i.batch WHERE i.fresh AND NOT b.is_removing
      AND (f.ordinal IS NULL OR i.ordinal < f.ordinal) AND ${COVERING} IS NULL`),
    lost: LOST.map(([what, table, isLost]) => [
      what,
      connection.query<readonly [number]>(`SELECT count(*)::int FROM ${table} WHERE ${isLost}`),
      connection.query(`DELETE FROM ${table} WHERE ${isLost}`),
    ]),
    mend: connection.query(`UPDATE @batches SET total = $1, pending = $2, processing = $3, completed = $4, failed = $5,
      cancelled = $6, flight = $7, next_ordinal = greatest(next_ordinal, $8), version = greatest(version, $9) + 1,
      percent_floor = $10, ended_at = $11 WHERE number = $12`),
  };
}

/** `verify` of the port. */
export class Verifier {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #ledgerQueries: LedgerQueries;
  readonly #items: ItemQueries;

  constructor(connection: Connection, ledgerQueries: LedgerQueries, items: ItemQueries) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#ledgerQueries = ledgerQueries;
    this.#items = items;
  }

  async verify({ repair }: { readonly repair: boolean }): Promise<readonly Finding[]> {
    const check = async (tx: Transaction): Promise<readonly Finding[]> => {
      const findings: Finding[] = [];
      const report: Report = (batchId, what, [expected, found]) => {
        findings.push({ batchId, what, expected: String(expected), found: String(found), isRepaired: repair });
      };
      await this.#checkRows(tx, report, repair);
      // Counters first: what is mended after them moves counters that are right again.
      await this.#checkBatches(tx, report, repair);
      await this.#checkHolders(tx, report, repair);
      return findings;
    };
    if (!repair) return this.#connection.read(check, { isLong: true });
    return this.#connection.write(check, { gate: "alone", isLong: true });
  }

  async #recountAll(tx: Transaction): Promise<Map<number, Recount>> {
    const found = new Map<number, Recount>();
    for (const [batch, state, items, fractions, lastOrdinal, lastVersion] of await tx.all(this.#queries.recount)) {
      const sum = found.get(batch) ?? { counts: NO_COUNTS, flight: 0, lastOrdinal: -1, lastVersion: 0 };
      sum.counts = { ...sum.counts, total: sum.counts.total + items, [stateOf(state)]: items };
      sum.flight += fractions;
      sum.lastOrdinal = Math.max(sum.lastOrdinal, lastOrdinal);
      sum.lastVersion = Math.max(sum.lastVersion, lastVersion);
      found.set(batch, sum);
    }
    return found;
  }

  async #checkBatches(tx: Transaction, report: Report, repair: boolean): Promise<void> {
    const recounted = await this.#recountAll(tx);
    for (const row of await tx.all(this.#queries.batches)) {
      const real = recounted.get(row[0]) ?? { counts: NO_COUNTS, flight: 0, lastOrdinal: -1, lastVersion: 0 };
      const isOver = row[12] && processedOf(real.counts) === real.counts.total;
      if (!compareBatch(row, real, { report, isOver }) && repair) this.#mend(tx, row, real, isOver);
    }
  }

  #mend(tx: Transaction, row: KeptTuple, real: Recount, isOver: boolean): void {
    const { counts, flight, lastOrdinal, lastVersion } = real;
    tx.send(
      this.#queries.mend,
      counts.total,
      counts.pending,
      counts.processing,
      counts.completed,
      counts.failed,
      counts.cancelled,
      flight,
      lastOrdinal + 1,
      lastVersion,
      rawPercent(processedOf(counts), flight, counts.total),
      isOver ? (row[11] ?? this.#connection.clock.now()) : null,
      row[0],
    );
  }

  async #checkHolders(tx: Transaction, report: Report, repair: boolean): Promise<void> {
    const held = await tx.all(this.#queries.strays);
    for (const [, ordinal, batchId] of held) {
      const id = itemIdFrom(batchId, ordinal);
      report(batchId, `holder of item ${id}`, ["a session that exists", "one that does not"]);
    }
    const unfound = await tx.all(this.#queries.unfound);
    for (const [, ordinal, batchId] of unfound) {
      const id = itemIdFrom(batchId, ordinal);
      report(batchId, `item ${id}`, ["one that a claim can find", "one that none can"]);
    }
    // Given back, either of them is one that a claim finds.
    const strays = [...held, ...unfound];
    if (!repair || strays.length === 0) return;
    const now = this.#connection.clock.now();
    const ledger = new Ledger(this.#ledgerQueries, tx, now);
    const changes = new ItemChanges(this.#items, tx);
    const items = await changes.lock(strays.map(([batch, ordinal]) => itemNumberFrom(batch, ordinal)));
    await ledger.lock(items.map((item) => item.batch));
    for (const item of items) changes.takeFromSession(item, ledger, { isCrash: true, now });
    changes.settle();
    ledger.settle();
  }

  async #checkRows(tx: Transaction, report: Report, repair: boolean): Promise<void> {
    for (const [what, count, drop] of this.#queries.lost) {
      const lost = (await tx.get(count))?.[0] ?? 0;
      if (lost > 0) report(null, what, [0, lost]);
      if (lost > 0 && repair) tx.send(drop);
    }
  }
}

/** Compares what is kept of a batch with a recount; true if all is right. */
function compareBatch(
  row: KeptTuple,
  real: Recount,
  { report, isOver }: { readonly report: Report; readonly isOver: boolean },
): boolean {
  const [, id, total, pending, processing, completed, failed, cancelled, flight, nextOrdinal, version, endedAt] = row;
  const kept: Counts = { total, pending, processing, completed, failed, cancelled };
  let isRight = true;
  const compare = (what: string, expected: unknown, found: unknown): void => {
    if (expected === found) return;
    isRight = false;
    report(id, what, [expected, found]);
  };
  for (const name of Object.keys(kept) as (keyof Counts)[]) compare(`count of ${name}`, real.counts[name], kept[name]);
  compare("sum of fractions in flight", real.flight, flight);
  compare("next ordinal above all items", true, nextOrdinal > real.lastOrdinal);
  compare("version not below its items'", true, version >= real.lastVersion);
  compare("ended", isOver, endedAt !== null);
  return isRight;
}
