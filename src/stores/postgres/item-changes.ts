import type { ItemError } from "../../core/errors.ts";
import { itemNumberFrom, splitItemNumber } from "../../core/ids.ts";
import type { AttemptOutcome } from "../../core/item.ts";
import type { Policy } from "../../core/retry-policy.ts";
import type { ItemState } from "../../core/transitions.ts";
import { stateOf } from "../codes.ts";
import type { ItemEnd } from "../item-end.ts";
import type { Connection, Statement } from "./connection.ts";
import { type ItemBook, type ItemText, ItemTexts, type PastAttempt, prepareItemWrites } from "./item-writes.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import { COVERING, FIRST_TOKEN, READY } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

/** An item inside a transaction, its row locked, as far as decisions need it. Kept true by the functions here. */
export interface ItemFacts {
  readonly number: number;
  readonly batch: number;
  readonly ordinal: number;
  state: ItemState;
  token: number;
  worker: number;
  attempts: number;
  failures: number;
  crashes: number;
  fraction: number;
  startedAt: number | null;
  endedAt: number | null;
  runAt: number;
  isHeld: boolean;
  isSuspect: boolean;
  priority: number;
  version: number;
  /** Texts that the transaction sets; those that are not here stay. */
  readonly texts: ItemTexts;
  isChanged: boolean;
}

type FactsTuple = readonly [
  batch: number,
  ordinal: number,
  state: number,
  token: number,
  worker: number,
  attempts: number,
  failures: number,
  crashes: number,
  fraction: number,
  startedAt: number | null,
  endedAt: number | null,
  runAt: number,
  isHeld: boolean,
  isSuspect: boolean,
  priority: number,
  version: number,
];

const FACTS = `i.batch, i.ordinal, i.state, CASE WHEN i.fresh AND c.worker IS NOT NULL
  THEN ${FIRST_TOKEN} ELSE i.token END, CASE WHEN i.fresh THEN coalesce(c.worker, 0) ELSE i.worker END, i.attempts, i.failures, i.crashes, i.fraction, i.started_at,
  i.ended_at, i.run_at, i.held, i.suspect, i.priority, i.version`;

/** Items are locked in this order, by everybody. */
const LOCKED = "ORDER BY i.batch, i.ordinal FOR UPDATE OF i";

export interface ItemQueries {
  readonly send: (tx: Transaction, book: ItemBook) => void;
  readonly lockFrontiers: Statement;
  readonly lock: Statement<FactsTuple>;
  readonly lockHeldBy: Statement<FactsTuple>;
  readonly lockHeldIn: Statement<FactsTuple>;
  readonly lockWaiting: Statement<FactsTuple>;
  readonly lockEnded: Statement<FactsTuple>;
}

export function prepareItemChanges(connection: Connection): ItemQueries {
  const select = `SELECT ${FACTS} FROM`;
  const covering = `LEFT JOIN LATERAL ${COVERING} AS c ON true`;
  // What blocks hold, beside what the items' own rows say.
  const inBlocks = `(SELECT i.batch, i.ordinal FROM @blocks AS k JOIN @items AS i ON i.batch = k.batch
    AND i.ordinal BETWEEN k.first AND k.last AND i.fresh`;
  const locked = (places: string): string => `${select} ${places} AS n JOIN @items AS i ON i.batch = n.batch
    AND i.ordinal = n.ordinal ${covering} ${LOCKED}`;
  return {
    send: prepareItemWrites(connection),
    lockFrontiers: connection.query("SELECT 1 FROM @frontiers WHERE batch = ANY ($1::int[]) ORDER BY batch FOR UPDATE"),
    lock: connection.query<FactsTuple>(`${select} unnest($1::int[], $2::int[]) AS n (batch, ordinal)
      JOIN @items AS i ON i.batch = n.batch AND i.ordinal = n.ordinal ${covering} ${LOCKED}`),
    lockHeldBy: connection.query<FactsTuple>(
      locked(`(SELECT i.batch, i.ordinal FROM @batches AS b JOIN @items AS i ON i.batch = b.number
      WHERE b.ended_at IS NULL AND i.worker <> 0 AND i.worker = ANY ($1::bigint[])
      UNION ALL ${inBlocks} WHERE k.worker = ANY ($1)))`),
    ),
    lockHeldIn: connection.query<FactsTuple>(
      locked(`(SELECT i.batch, i.ordinal FROM @items AS i WHERE i.batch = ANY ($1::int[]) AND i.worker <> 0
      UNION ALL ${inBlocks} WHERE k.batch = ANY ($1)))`),
    ),
    lockWaiting: connection.query<FactsTuple>(
      locked(`((SELECT batch, ordinal FROM @items WHERE batch = $1 AND ${READY} ORDER BY priority, ordinal LIMIT $2)
      UNION ALL (SELECT i.batch, i.ordinal FROM @items AS i WHERE i.batch = $1 AND i.fresh AND ${COVERING} IS NULL
      AND i.ordinal >= (SELECT ordinal FROM @frontiers WHERE batch = $1) ORDER BY i.ordinal LIMIT $2)
      UNION ALL (SELECT batch, ordinal FROM @items WHERE batch = $1 AND state = 0 AND worker = 0 AND (run_at > 0 OR held)
      ORDER BY ordinal LIMIT $2) LIMIT $2)`),
    ),
    lockEnded:
      connection.query<FactsTuple>(`${select} @items AS i ${covering} WHERE i.batch = $1 AND i.state = ANY ($2::smallint[])
      AND i.state IN (3, 4)
      AND ($4::text IS NULL OR i.error::json ->> 'message' = $4) ORDER BY i.state, i.ordinal LIMIT $3 FOR UPDATE OF i`),
  };
}

/**
 * The items of one transaction: locked and read together, changed in memory one by one, written together by `settle`. Every
 * change that reports, the reaper and commands share is here.
 */
export class ItemChanges {
  readonly #queries: ItemQueries;
  readonly #tx: Transaction;
  readonly #items = new Map<number, ItemFacts>();
  readonly #past: PastAttempt[] = [];
  readonly #retried: ItemFacts[] = [];

  constructor(queries: ItemQueries, tx: Transaction) {
    this.#queries = queries;
    this.#tx = tx;
  }

  /** Keeps claims from the fresh items of some batches: for who is about to look whether anyone holds them. */
  keepFromClaims(batches: readonly number[]): void {
    if (batches.length > 0) this.#tx.send(this.#queries.lockFrontiers, batches);
  }

  /** Locks items by their numbers. */
  async lock(numbers: Iterable<number>): Promise<readonly ItemFacts[]> {
    const batches: number[] = [];
    const ordinals: number[] = [];
    for (const number of new Set(numbers)) {
      const { batch, ordinal } = splitItemNumber(number);
      batches.push(batch);
      ordinals.push(ordinal);
    }
    return this.#take(await this.#tx.all(this.#queries.lock, batches, ordinals));
  }

  /** Locks what sessions hold. */
  async lockHeldBy(workers: readonly number[]): Promise<readonly ItemFacts[]> {
    return this.#take(await this.#tx.all(this.#queries.lockHeldBy, workers));
  }

  /** Locks what anyone holds of some batches. */
  async lockHeldIn(batches: readonly number[]): Promise<readonly ItemFacts[]> {
    return this.#take(await this.#tx.all(this.#queries.lockHeldIn, batches));
  }

  /** Locks pending items of a batch that nobody holds. */
  async lockWaiting(batch: number, limit: number): Promise<readonly ItemFacts[]> {
    return this.#take(await this.#tx.all(this.#queries.lockWaiting, batch, limit));
  }

  /** Locks ended items of a batch that can be retried, failed ones first. */
  async lockEnded(
    batch: number,
    which: { readonly states: readonly number[]; readonly errorMessage: string | null; readonly limit: number },
  ): Promise<readonly ItemFacts[]> {
    const { states, errorMessage, limit } = which;
    return this.#take(await this.#tx.all(this.#queries.lockEnded, batch, states, limit, errorMessage));
  }

  /** One that was locked, or null. */
  find(number: number): ItemFacts | null {
    return this.#items.get(number) ?? null;
  }

  /** Sends what was changed. */
  settle(): void {
    this.#queries.send(this.#tx, { items: [...this.#items.values()], past: this.#past, retried: this.#retried });
  }

  /** Makes a pending item a running one of its holder. */
  start(item: ItemFacts, entry: LedgerEntry, startedAt: number): void {
    move(item, entry, "processing");
    this.startLate(item, entry, startedAt);
  }

  /** Makes up, in the books only, for a start that was never recorded: what comes next says the rest. */
  startLate(item: ItemFacts, entry: LedgerEntry, startedAt: number): void {
    item.attempts += 1;
    item.startedAt = startedAt;
    entry.startedAt ??= startedAt;
  }

  setProgress(
    item: ItemFacts,
    entry: LedgerEntry,
    given: {
      readonly text: string;
      readonly stage: string | null;
      readonly fraction: number;
      readonly saved: ItemText;
    },
  ): void {
    touch(item, entry);
    entry.delta.flight += given.fraction - item.fraction;
    item.fraction = given.fraction;
    item.texts.progress = given.text;
    item.texts.stage = given.stage;
    if (given.saved !== undefined) item.texts.saved = given.saved;
  }

  /** Ends an item; what only a running one has is dropped. */
  end(item: ItemFacts, entry: LedgerEntry, end: ItemEnd): void {
    move(item, entry, end.to);
    dropRunning(item, entry);
    item.token = end.token ?? item.token;
    item.worker = 0;
    item.endedAt = end.now;
    item.runAt = 0;
    item.isHeld = false;
    item.isSuspect = false;
    if (end.isFailure === true) item.failures += 1;
    item.texts.output = end.output ?? null;
    item.texts.error = end.error === undefined ? null : JSON.stringify(end.error);
    if (end.to === "completed") item.texts.saved = null;
    else if (end.saved !== undefined) item.texts.saved = end.saved;
  }

  /** Returns a started item to pending, its attempt kept as history. */
  returnStarted(
    item: ItemFacts,
    entry: LedgerEntry,
    attempt: {
      readonly outcome: AttemptOutcome;
      readonly now: number;
      readonly error?: ItemError;
      readonly runAt?: number;
      readonly saved?: string | undefined;
      readonly isSuspect?: boolean;
      readonly isFailure?: boolean;
    },
  ): void {
    this.#past.push({
      batch: item.batch,
      ordinal: item.ordinal,
      token: item.token,
      worker: item.worker,
      startedAt: item.startedAt ?? attempt.now,
      endedAt: attempt.now,
      outcome: attempt.outcome,
      error: attempt.error === undefined ? null : JSON.stringify(attempt.error),
    });
    move(item, entry, "pending");
    dropRunning(item, entry);
    item.worker = 0;
    item.startedAt = null;
    item.endedAt = null;
    item.runAt = attempt.runAt ?? 0;
    item.isSuspect ||= attempt.isSuspect === true;
    if (attempt.isFailure === true) item.failures += 1;
    if (attempt.saved !== undefined) item.texts.saved = attempt.saved;
  }

  /** Gives back a claim that never started: nobody can see the difference. */
  returnUnstarted(item: ItemFacts, isSuspect: boolean): void {
    item.isChanged = true;
    item.isSuspect ||= isSuspect;
    item.worker = 0;
  }

  /** Makes an ended item pending again, with all its tries; the attempt that ended it becomes history. */
  retry(item: ItemFacts, entry: LedgerEntry): void {
    if (item.startedAt !== null) this.#retried.push(item);
    move(item, entry, "pending");
    item.failures = 0;
    item.crashes = 0;
    item.startedAt = null;
    item.endedAt = null;
    item.texts.error = null;
    item.texts.output = null;
    entry.isCancelled = false;
    entry.resetsPercent = true;
  }

  /** Gives the item to another session under a new token, from whoever had it; what kept it from being claimed is over. */
  takeOver(item: ItemFacts, worker: number): void {
    item.isChanged = true;
    item.worker = worker;
    item.token += 1;
    item.runAt = 0;
    item.isHeld = false;
  }

  /** Gives the item a token that no lease ever had. */
  raiseToken(item: ItemFacts): void {
    item.isChanged = true;
    item.token += 1;
  }

  /** Keeps an item from being claimed, or lets it go. */
  hold(item: ItemFacts, entry: LedgerEntry, isHeld: boolean): void {
    touch(item, entry);
    item.isHeld = isHeld;
    // A holder may have died while running the item, and will not be found to have held it.
    item.isSuspect ||= item.worker !== 0;
    item.worker = 0;
  }

  prioritize(item: ItemFacts, entry: LedgerEntry, priority: number): void {
    touch(item, entry);
    item.priority = priority;
  }

  /** Counts the death of a running item's worker: back to pending, or failed for good once the crash budget is spent. */
  crash(item: ItemFacts, entry: LedgerEntry, now: number, saved?: string): void {
    item.crashes += 1;
    const policy = JSON.parse(entry.policyText) as Policy;
    if (item.crashes < policy.crashBudget) {
      this.returnStarted(item, entry, { outcome: "crashed", now, saved, isSuspect: true });
      return;
    }
    const message = `its worker died ${item.crashes} times while running this item`;
    this.end(item, entry, { to: "failed", now, saved, error: { name: "PoisonError", message, code: "POISON" } });
  }

  /** Takes an item from a session that ended: as a crash, or given back in order. */
  takeFromSession(item: ItemFacts, ledger: Ledger, options: { readonly isCrash: boolean; readonly now: number }): void {
    const entry = ledger.find(item.batch);
    if (item.state === "pending" || entry === null) this.returnUnstarted(item, options.isCrash);
    else if (options.isCrash) this.crash(item, entry, options.now);
    else this.returnStarted(item, entry, { outcome: "released", now: options.now });
  }

  #take(rows: readonly FactsTuple[]): readonly ItemFacts[] {
    const found = rows.map(toFacts);
    for (const item of found) this.#items.set(item.number, item);
    return found;
  }
}

function touch(item: ItemFacts, entry: LedgerEntry): void {
  item.version = entry.version;
  item.isChanged = true;
  entry.isChanged = true;
}

/** Changes the state, and the counters with it. */
function move(item: ItemFacts, entry: LedgerEntry, to: ItemState): void {
  if (item.state !== to) entry.delta.move(item.state, to);
  item.state = to;
  touch(item, entry);
}

function dropRunning(item: ItemFacts, entry: LedgerEntry): void {
  entry.delta.flight -= item.fraction;
  item.fraction = 0;
  item.texts.progress = null;
  item.texts.stage = null;
}

function toFacts(row: FactsTuple): ItemFacts {
  return {
    number: itemNumberFrom(row[0], row[1]),
    batch: row[0],
    ordinal: row[1],
    state: stateOf(row[2]),
    token: row[3],
    worker: row[4],
    attempts: row[5],
    failures: row[6],
    crashes: row[7],
    fraction: row[8],
    startedAt: row[9],
    endedAt: row[10],
    runAt: row[11],
    isHeld: row[12],
    isSuspect: row[13],
    priority: row[14],
    version: row[15],
    texts: new ItemTexts(),
    isChanged: false,
  };
}
