import { mustEnd } from "../../core/batch.ts";
import { type Counts, CountsDelta, processedOf } from "../../core/counts.ts";
import { rawPercent } from "../../core/progress.ts";
import type { Control } from "../../core/queue.ts";
import { isFailureBudgetSpent, type Policy } from "../../core/retry-policy.ts";
import { controlOf, toControlCode } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import type { Transaction } from "./transaction.ts";

/** A batch inside one transaction, its row locked: what it was, and what the transaction does to it. */
export interface LedgerEntry {
  readonly number: number;
  readonly id: string;
  readonly owner: string;
  readonly queue: string;
  /** The version that this transaction gives to the batch and to each item it touches. */
  readonly version: number;
  readonly counts: Counts;
  readonly flight: number;
  readonly percentFloor: number;
  readonly policyText: string;
  readonly delta: CountsDelta;
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
 * The batches of one transaction. Items are changed one by one; what their batches show of it is gathered here and sent by
 * `settle`, one statement for all of them: counters by what really changed, version, percent, end, spent failure budget.
 *
 * A batch's row stays locked from `lock` to the commit: its versions are given in the order of the commits, so that who sees a
 * version sees all that bears it or a lower one. Items are locked before, and batches by number: nobody waits in a circle.
 */
export class Ledger {
  readonly #queries: LedgerQueries;
  readonly #tx: Transaction;
  /** Wall time of the transaction. */
  readonly now: number;
  readonly #entries = new Map<number, LedgerEntry | null>();
  /** True once workers must be told: raises the revision of orders. */
  hasOrders = false;
  /** True once `settle` has ended a batch. */
  hasEnded = false;

  constructor(queries: LedgerQueries, tx: Transaction, now: number) {
    this.#queries = queries;
    this.#tx = tx;
    this.now = now;
  }

  /** Locks and reads batches. To be called once, with all of them. */
  async lock(numbers: Iterable<number>): Promise<void> {
    const wanted = [...new Set(numbers)];
    for (const number of wanted) this.#entries.set(number, null);
    const rows = wanted.length === 0 ? [] : await this.#tx.all(this.#queries.lock, wanted);
    for (const row of rows) this.#entries.set(row[0], toEntry(row));
  }

  /** A batch that was locked, or null if there is none of this number. */
  find(number: number): LedgerEntry | null {
    const entry = this.#entries.get(number);
    if (entry === undefined) throw new Error(`broken invariant: batch ${number} was not locked`);
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
    const changed = [...this.#entries.values()].filter((entry) => entry?.isChanged === true);
    const rows = changed.flatMap((entry) => (entry === null ? [] : [this.#toRow(entry)]));
    if (rows.length > 0) {
      const columns = rows[0]?.map((_, column) => rows.map((row) => row[column])) ?? [];
      this.#tx.send(this.#queries.write, ...columns);
    }
    if (this.hasOrders) this.#tx.send(this.#queries.raise);
    // Nobody sees a commit that waits for the disk before it is there: who acts on an end acts on one that stays.
    if (this.hasEnded) this.#tx.send(this.#queries.wait);
  }

  #toRow(entry: LedgerEntry): readonly (number | boolean | null)[] {
    const counts = entry.delta.applyTo(entry.counts);
    const flight = entry.flight + entry.delta.flight;
    const percent = rawPercent(processedOf(counts), flight, counts.total);
    const percentFloor = entry.resetsPercent ? percent : Math.max(entry.percentFloor, percent);
    if (mustEnd({ isSealed: entry.isSealed, endedAt: entry.endedAt, counts })) {
      entry.endedAt = this.now;
      this.hasEnded = true;
    } else if (entry.delta.states.failed > 0) this.#checkFailureBudget(entry, counts);
    const { total, pending, processing, completed, failed, cancelled } = counts;
    return [
      entry.number,
      entry.version,
      total,
      pending,
      processing,
      completed,
      failed,
      cancelled,
      flight,
      percentFloor,
      toControlCode(entry.control),
      entry.isCancelled,
      entry.isSealed,
      entry.epoch,
      entry.startedAt,
      entry.endedAt,
      entry.checkpointAt,
      entry.priority,
      entry.nextOrdinal,
    ];
  }

  #checkFailureBudget(entry: LedgerEntry, counts: Counts): void {
    if (entry.control === "stop") return;
    const policy = JSON.parse(entry.policyText) as Policy;
    if (entry.control === policy.onFailureBudget || !isFailureBudgetSpent(policy, counts)) return;
    entry.control = policy.onFailureBudget;
    this.hasOrders = true;
  }
}

function toEntry(row: EntryTuple): LedgerEntry {
  return {
    number: row[0],
    id: row[1],
    owner: row[2],
    queue: row[3],
    version: row[4] + 1,
    counts: {
      total: row[5],
      pending: row[6],
      processing: row[7],
      completed: row[8],
      failed: row[9],
      cancelled: row[10],
    },
    flight: row[11],
    percentFloor: row[12],
    policyText: row[13],
    delta: new CountsDelta(),
    control: controlOf(row[14]),
    isCancelled: row[15],
    isSealed: row[16],
    epoch: row[17],
    startedAt: row[18],
    endedAt: row[19],
    checkpointAt: row[20],
    priority: row[21],
    nextOrdinal: row[22],
    resetsPercent: false,
    isChanged: false,
  };
}

type EntryTuple = readonly [
  number: number,
  id: string,
  owner: string,
  queue: string,
  version: number,
  total: number,
  pending: number,
  processing: number,
  completed: number,
  failed: number,
  cancelled: number,
  flight: number,
  percentFloor: number,
  policy: string,
  control: number,
  isCancelled: boolean,
  isSealed: boolean,
  epoch: number,
  startedAt: number | null,
  endedAt: number | null,
  checkpointAt: number | null,
  priority: number,
  nextOrdinal: number,
];

export interface LedgerQueries {
  readonly lock: Statement<EntryTuple>;
  readonly write: Statement;
  readonly raise: Statement;
  readonly wait: Statement;
}

export function prepareLedger(connection: Connection): LedgerQueries {
  return {
    lock: connection.query<EntryTuple>(`SELECT number, id, owner, queue, version, total, pending, processing, completed,
      failed, cancelled, flight, percent_floor, policy, control, is_cancelled, is_sealed, epoch, started_at, ended_at,
      checkpoint_at, priority, next_ordinal FROM @batches WHERE number = ANY ($1::int[]) AND NOT is_removing
      ORDER BY number FOR UPDATE`),
    write: connection.query(`UPDATE @batches AS b SET version = n.version, total = n.total, pending = n.pending,
      processing = n.processing, completed = n.completed, failed = n.failed, cancelled = n.cancelled, flight = n.flight,
      percent_floor = n.percent_floor, control = n.control, is_cancelled = n.is_cancelled, is_sealed = n.is_sealed,
      epoch = n.epoch, started_at = n.started_at, ended_at = n.ended_at, checkpoint_at = n.checkpoint_at,
      priority = n.priority, next_ordinal = n.next_ordinal
      FROM unnest($1::int[], $2::bigint[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::bigint[],
      $10::smallint[], $11::smallint[], $12::boolean[], $13::boolean[], $14::int[], $15::bigint[], $16::bigint[],
      $17::bigint[], $18::int[], $19::int[]) AS n (number, version, total, pending, processing, completed, failed,
      cancelled, flight, percent_floor, control, is_cancelled, is_sealed, epoch, started_at, ended_at, checkpoint_at,
      priority, next_ordinal) WHERE b.number = n.number`),
    raise: connection.query("UPDATE @meta SET revision = revision + 1"),
    wait: connection.query(`SET LOCAL synchronous_commit TO ${connection.durableCommit}`),
  };
}
