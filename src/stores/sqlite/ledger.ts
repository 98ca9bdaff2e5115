import { mustEnd } from "../../core/batch.ts";
import { type Counts, CountsDelta, processedOf } from "../../core/counts.ts";
import { rawPercent } from "../../core/progress.ts";
import type { Control } from "../../core/queue.ts";
import { isFailureBudgetSpent, type Policy } from "../../core/retry-policy.ts";
import { controlOf, toControlCode } from "../codes.ts";
import type { Connection, Query } from "./connection.ts";

/** A batch inside one transaction: what it was, and what the transaction does to it. */
export interface LedgerEntry {
  readonly number: number;
  readonly queue: string;
  /** The version that this transaction gives to the batch and to each item it touches. */
  readonly version: number;
  readonly counts: Counts;
  readonly flight: number;
  readonly percentFloor: number;
  readonly policyText: string;
  readonly delta: CountsDelta;
  /** What `settingsOf` gave when it was read. */
  readonly settingsRead: readonly (number | null)[];
  control: Control;
  isCancelled: boolean;
  isSealed: boolean;
  epoch: number;
  startedAt: number | null;
  endedAt: number | null;
  checkpointAt: number | null;
  priority: number;
  nextOrdinal: number;
  /** True where the percent may go back: items were added or retried. */
  resetsPercent: boolean;
  /** False as long as the transaction changed nothing that a viewer can see. */
  isChanged: boolean;
}

/**
 * The batches of one transaction. Items are changed one by one; what their batches show of it is gathered here and
 * written by `settle`, once for each batch: counters by what really changed, version, percent, end, spent failure budget.
 */
export class Ledger {
  readonly #queries: LedgerQueries;
  /** Wall time of the transaction. */
  readonly now: number;
  readonly #entries = new Map<number, LedgerEntry | null>();
  #last: LedgerEntry | null = null;
  /** True once workers must be told: raises the revision of orders. */
  hasOrders = false;
  /** True once `settle` has ended a batch. */
  hasEnded = false;

  constructor(queries: LedgerQueries, now: number) {
    this.#queries = queries;
    this.now = now;
  }

  /** The batch, or null if there is none of this number. */
  find(number: number): LedgerEntry | null {
    if (this.#last !== null && this.#last.number === number) return this.#last;
    let entry = this.#entries.get(number);
    if (entry === undefined) {
      entry = this.#read(number);
      this.#entries.set(number, entry);
    }
    if (entry !== null) this.#last = entry;
    return entry;
  }

  /** Opens a sealed batch again as a new epoch. */
  reopen(entry: LedgerEntry): void {
    entry.epoch += 1;
    entry.endedAt = null;
    entry.isCancelled = false;
    entry.isChanged = true;
  }

  settle(): void {
    for (const entry of this.#entries.values()) {
      if (entry?.isChanged === true) this.#write(entry);
    }
    if (this.hasOrders) this.#queries.raise.run();
  }

  #write(entry: LedgerEntry): void {
    const { delta } = entry;
    const counts = delta.applyTo(entry.counts);
    const flight = entry.flight + delta.flight;
    const percent = rawPercent(processedOf(counts), flight, counts.total);
    const percentFloor = entry.resetsPercent ? percent : Math.max(entry.percentFloor, percent);
    if (mustEnd({ isSealed: entry.isSealed, endedAt: entry.endedAt, counts })) {
      entry.endedAt = this.now;
      this.hasEnded = true;
    } else if (delta.states.failed > 0) this.#checkFailureBudget(entry, counts);
    const counted = [
      delta.total,
      delta.states.pending,
      delta.states.processing,
      delta.states.completed,
      delta.states.failed,
      delta.states.cancelled,
      delta.flight,
      percentFloor,
    ];
    const settings = settingsOf(entry);
    if (settings.every((value, index) => value === entry.settingsRead[index]))
      this.#queries.writeCounted.run(...counted, entry.number);
    else this.#queries.write.run(...counted, ...settings, entry.number);
  }

  #checkFailureBudget(entry: LedgerEntry, counts: Counts): void {
    if (entry.control === "stop") return;
    const policy = JSON.parse(entry.policyText) as Policy;
    if (entry.control === policy.onFailureBudget || !isFailureBudgetSpent(policy, counts)) return;
    entry.control = policy.onFailureBudget;
    this.hasOrders = true;
  }

  #read(number: number): LedgerEntry | null {
    const row = this.#queries.read.get(number);
    if (row === undefined) return null;
    const [, , , , , , , , , , , ...settingsRead] = row;
    return {
      number,
      queue: row[0],
      version: row[1] + 1,
      counts: {
        total: row[2],
        pending: row[3],
        processing: row[4],
        completed: row[5],
        failed: row[6],
        cancelled: row[7],
      },
      flight: row[8],
      percentFloor: row[9],
      policyText: row[10],
      delta: new CountsDelta(),
      settingsRead,
      control: controlOf(row[11]),
      isCancelled: row[12] === 1,
      isSealed: row[13] === 1,
      epoch: row[14],
      startedAt: row[15],
      endedAt: row[16],
      checkpointAt: row[17],
      priority: row[18],
      nextOrdinal: row[19],
      resetsPercent: false,
      isChanged: false,
    };
  }
}

/** What changes seldom, in the order of its columns; some of them stand in indexes. */
function settingsOf(entry: LedgerEntry): readonly (number | null)[] {
  return [
    toControlCode(entry.control),
    entry.isCancelled ? 1 : 0,
    entry.isSealed ? 1 : 0,
    entry.epoch,
    entry.startedAt,
    entry.endedAt,
    entry.checkpointAt,
    entry.priority,
    entry.nextOrdinal,
  ];
}

type EntryTuple = readonly [
  string,
  ...number: readonly [number, number, number, number, number, number, number, number, number],
  string,
  ...number: readonly [number, number, number, number],
  number | null,
  number | null,
  number | null,
  ...number: readonly [number, number],
];

export interface LedgerQueries {
  readonly read: Query<EntryTuple>;
  /** Counters and version alone: an index costs SQLite as much for a value that stays as for a new one. */
  readonly writeCounted: Query;
  readonly write: Query;
  readonly raise: Query;
}

const COUNTED = `UPDATE batches SET version = version + 1, total = total + ?, pending = pending + ?,
  processing = processing + ?, completed = completed + ?, failed = failed + ?, cancelled = cancelled + ?,
  flight = flight + ?, percent_floor = ?`;

export function prepareLedger(connection: Connection): LedgerQueries {
  return {
    read: connection.query<EntryTuple>(`SELECT queue, version, total, pending, processing, completed, failed, cancelled,
      flight, percent_floor, policy, control, is_cancelled, is_sealed, epoch, started_at, ended_at, checkpoint_at,
      priority, next_ordinal FROM batches WHERE number = ? AND is_removing = 0`),
    writeCounted: connection.query(`${COUNTED} WHERE number = ?`),
    write: connection.query(`${COUNTED}, control = ?, is_cancelled = ?, is_sealed = ?, epoch = ?, started_at = ?,
      ended_at = ?, checkpoint_at = ?, priority = ?, next_ordinal = ? WHERE number = ?`),
    raise: connection.query("UPDATE meta SET revision = revision + 1"),
  };
}
