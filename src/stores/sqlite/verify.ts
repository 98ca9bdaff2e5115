import { type Counts, NO_COUNTS, processedOf } from "../../core/counts.ts";
import { itemIdFrom, splitItemNumber } from "../../core/ids.ts";
import { rawPercent } from "../../core/progress.ts";
import type { Finding } from "../../ports/store.ts";
import { stateOf } from "../codes.ts";
import type { Blocks } from "./blocks.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges } from "./item-changes.ts";
import { Ledger, type LedgerQueries } from "./ledger.ts";

/** Above this many pages (1 GiB) the file itself gets the quick check, which leaves out comparing indexes with tables. */
const FULL_CHECK_PAGES = 262_144;

interface Recount {
  counts: Counts;
  flight: number;
  lastOrdinal: number;
  lastVersion: number;
}

type Report = (batchId: string | null, what: string, facts: readonly [expected: unknown, found: unknown]) => void;

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    recount: connection.query<[number, number, number, number, number, number]>(
      "SELECT batch, state, count(*), sum(fraction), max(id), max(version) FROM items GROUP BY batch, state",
    ),
    batches: connection.query<
      [number, string, number, number, number, number, number, number, number, number, number, number | null, number]
    >(`SELECT number, id, total, pending, processing, completed, failed, cancelled, flight, next_ordinal, version, ended_at,
    is_sealed FROM batches WHERE is_removing = 0`),
    blocks: connection.query<[number, string | null, number, number]>(`SELECT first, batches.id, items,
    (SELECT count(*) FROM items WHERE items.id BETWEEN first AND last AND fresh = 1)
    FROM blocks LEFT JOIN batches ON number = first >> 30`),
    setBlock: connection.query("UPDATE blocks SET items = ? WHERE first = ?"),
    dropBlock: connection.query("DELETE FROM blocks WHERE first = ?"),
    strayBlocks: connection.query<[number, string | null, number]>(`SELECT first, batches.id, worker
    FROM blocks LEFT JOIN batches ON number = first >> 30 WHERE worker NOT IN (SELECT number FROM workers)`),
    unfound: connection.query<
      [number, string]
    >(`SELECT items.id, batches.id FROM items CROSS JOIN batches ON number = batch
    WHERE fresh = 1 AND items.id < (number << 30) + frontier AND NOT EXISTS
    (SELECT 1 FROM blocks WHERE items.id BETWEEN first AND last)`),
    strays: connection.query<[number, string | null]>(`SELECT items.id, batches.id
    FROM items INDEXED BY items_held LEFT JOIN batches ON number = items.batch
    WHERE worker <> 0 AND worker NOT IN (SELECT number FROM workers)`),
    orphans: connection.query<[number]>("SELECT count(*) FROM items WHERE batch NOT IN (SELECT number FROM batches)"),
    misplaced: connection.query<[number]>("SELECT count(*) FROM items WHERE batch <> id >> 30"),
    lostAttempts: connection.query<[number]>("SELECT count(*) FROM attempts WHERE item NOT IN (SELECT id FROM items)"),
    lostRequests: connection.query<[number]>(
      "SELECT count(*) FROM requests WHERE batch NOT IN (SELECT number FROM batches)",
    ),
    dropRequests: connection.query("DELETE FROM requests WHERE batch NOT IN (SELECT number FROM batches)"),
    dropOrphans: connection.query("DELETE FROM items WHERE batch NOT IN (SELECT number FROM batches)"),
    dropAttempts: connection.query("DELETE FROM attempts WHERE item NOT IN (SELECT id FROM items)"),
    mend: connection.query(`UPDATE batches SET total = ?, pending = ?, processing = ?, completed = ?, failed = ?,
    cancelled = ?, flight = ?, next_ordinal = max(next_ordinal, ?), version = max(version, ?) + 1, percent_floor = ?,
    ended_at = ? WHERE number = ?`),
    pages: connection.query<[number]>("PRAGMA page_count"),
    fullCheck: connection.query<[string]>("PRAGMA integrity_check(20)"),
    quickCheck: connection.query<[string]>("PRAGMA quick_check(20)"),
  };
}

/** `verify` of the port. */
export class Verifier {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #ledgerQueries: LedgerQueries;
  readonly #changes: ItemChanges;
  readonly #blocks: Blocks;

  constructor(
    connection: Connection,
    ledgerQueries: LedgerQueries,
    parts: { readonly changes: ItemChanges; readonly blocks: Blocks },
  ) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#ledgerQueries = ledgerQueries;
    this.#changes = parts.changes;
    this.#blocks = parts.blocks;
  }

  #recountAll(): Map<number, Recount> {
    const found = new Map<number, Recount>();
    for (const [batch, state, items, fractions, lastId, lastVersion] of this.#queries.recount.all()) {
      const sum = found.get(batch) ?? { counts: NO_COUNTS, flight: 0, lastOrdinal: -1, lastVersion: 0 };
      const name = stateOf(state);
      sum.counts = { ...sum.counts, total: sum.counts.total + items, [name]: items };
      sum.flight += fractions;
      sum.lastOrdinal = Math.max(sum.lastOrdinal, splitItemNumber(lastId).ordinal);
      sum.lastVersion = Math.max(sum.lastVersion, lastVersion);
      found.set(batch, sum);
    }
    return found;
  }

  #checkBatches(report: Report, repair: boolean): void {
    const recounted = this.#recountAll();
    for (const row of this.#queries.batches.all()) {
      const [number, id, total, pending, processing, completed, failed, cancelled] = row;
      const [flight, nextOrdinal, version, endedAt, isSealed] = [row[8], row[9], row[10], row[11], row[12]];
      const kept: Counts = { total, pending, processing, completed, failed, cancelled };
      const real = recounted.get(number) ?? { counts: NO_COUNTS, flight: 0, lastOrdinal: -1, lastVersion: 0 };
      let isWrong = false;
      const compare = (what: string, expected: unknown, found: unknown): void => {
        if (expected === found) return;
        isWrong = true;
        report(id, what, [expected, found]);
      };
      for (const name of Object.keys(kept) as (keyof Counts)[]) {
        compare(`count of ${name}`, real.counts[name], kept[name]);
      }
      compare("sum of fractions in flight", real.flight, flight);
      compare("next ordinal above all items", true, nextOrdinal > real.lastOrdinal);
      compare("version not below its items'", true, version >= real.lastVersion);
      const isOver = isSealed === 1 && processedOf(real.counts) === real.counts.total;
      compare("ended", isOver, endedAt !== null);
      if (!isWrong || !repair) continue;
      const percent = rawPercent(processedOf(real.counts), real.flight, real.counts.total);
      const { counts, lastOrdinal, lastVersion } = real;
      this.#queries.mend.run(
        counts.total,
        counts.pending,
        counts.processing,
        counts.completed,
        counts.failed,
        counts.cancelled,
        real.flight,
        lastOrdinal + 1,
        lastVersion,
        percent,
        isOver ? (endedAt ?? this.#connection.clock.now()) : null,
        number,
      );
    }
  }

  #checkBlocks(report: Report, repair: boolean): void {
    for (const [first, batchId, items, found] of this.#queries.blocks.all()) {
      if (items === found) continue;
      report(batchId, `items of the block at ordinal ${splitItemNumber(first).ordinal}`, [found, items]);
      if (repair && found > 0) this.#queries.setBlock.run(found, first);
      else if (repair) this.#queries.dropBlock.run(first);
    }
    for (const [number, batchId] of this.#queries.unfound.all()) {
      const id = itemIdFrom(batchId, splitItemNumber(number).ordinal);
      report(batchId, `item ${id}`, ["one that a claim can find", "one that none can"]);
      if (repair) this.#blocks.detach(number);
    }
  }

  #checkHolders(report: Report, repair: boolean): void {
    const now = this.#connection.clock.now();
    const ledger = new Ledger(this.#ledgerQueries, now);
    for (const [first, batchId, worker] of this.#queries.strayBlocks.all()) {
      const { ordinal } = splitItemNumber(first);
      report(batchId, `holder of the block at ordinal ${ordinal}`, ["a session that exists", "one that does not"]);
      const held = repair ? this.#changes.heldBy(worker) : [];
      for (const item of held) this.#changes.takeFromSession(item, ledger, { isCrash: true, now });
    }
    for (const [number, batchId] of this.#queries.strays.all()) {
      const id = batchId === null ? String(number) : itemIdFrom(batchId, splitItemNumber(number).ordinal);
      report(batchId, `holder of item ${id}`, ["a session that exists", "one that does not"]);
      const item = repair ? this.#changes.find(number) : null;
      if (item !== null) this.#changes.takeFromSession(item, ledger, { isCrash: true, now });
    }
    ledger.settle();
  }

  #checkRows(report: Report, repair: boolean): void {
    const lostItems = this.#queries.orphans.get()?.[0] ?? 0;
    if (lostItems > 0) report(null, "items without a batch", [0, lostItems]);
    if (lostItems > 0 && repair) this.#queries.dropOrphans.run();
    const lost = this.#queries.lostAttempts.get()?.[0] ?? 0;
    if (lost > 0) report(null, "attempts without an item", [0, lost]);
    if (lost > 0 && repair) this.#queries.dropAttempts.run();
    const requests = this.#queries.lostRequests.get()?.[0] ?? 0;
    if (requests > 0) report(null, "requests without a batch", [0, requests]);
    if (requests > 0 && repair) this.#queries.dropRequests.run();
  }

  #checkFile(findings: Finding[]): void {
    const check =
      (this.#queries.pages.get()?.[0] ?? 0) > FULL_CHECK_PAGES ? this.#queries.quickCheck : this.#queries.fullCheck;
    for (const [found] of check.all()) {
      if (found === "ok") continue;
      findings.push({ batchId: null, what: "the file", expected: "ok", found, isRepaired: false });
    }
    const astray = this.#queries.misplaced.get()?.[0] ?? 0;
    if (astray === 0) return;
    const what = "items whose number belongs to another batch";
    findings.push({ batchId: null, what, expected: "0", found: String(astray), isRepaired: false });
  }

  async verify(options: { readonly repair: boolean }): Promise<readonly Finding[]> {
    const check = (): readonly Finding[] => {
      const findings: Finding[] = [];
      const { repair } = options;
      const report: Report = (batchId, what, [expected, found]) => {
        findings.push({ batchId, what, expected: String(expected), found: String(found), isRepaired: repair });
      };
      this.#checkFile(findings);
      this.#checkRows(report, repair);
      // Counters first: what is mended after them moves counters that are right again.
      this.#checkBatches(report, repair);
      this.#checkBlocks(report, repair);
      this.#checkHolders(report, repair);
      return findings;
    };
    return options.repair ? this.#connection.write(check) : this.#connection.read(check);
  }
}
