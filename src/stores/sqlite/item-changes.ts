import type { ItemError } from "../../core/errors.ts";
import { splitItemNumber } from "../../core/ids.ts";
import type { AttemptOutcome } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Policy } from "../../core/retry-policy.ts";
import type { ItemState } from "../../core/transitions.ts";
import { stateOf, toOutcomeCode, toStateCode } from "../codes.ts";
import type { ItemEnd } from "../item-end.ts";
import { type Blocks, FIRST_TOKEN } from "./blocks.ts";
import type { Connection, Query } from "./connection.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import { itemRangeOf } from "./rows.ts";

/** An item inside a transaction, as far as decisions need it. Kept true by the functions here. */
export interface ItemFacts {
  readonly number: number;
  state: ItemState;
  token: number;
  worker: number;
  attempts: number;
  crashes: number;
  fraction: number;
  startedAt: number | null;
  isFresh: boolean;
}

type FactsTuple = readonly [number, number, number, number, number, number, number, number | null, number];

const FACTS = "id, state, token, worker, attempts, crashes, fraction, started_at, fresh";

/** The single-row changes of items that reports, the reaper and commands share. */
export class ItemChanges {
  readonly #facts: Query<FactsTuple>;
  readonly #heldBy: Query<FactsTuple>;
  readonly #heldIn: Query<FactsTuple>;
  readonly #start: Query;
  readonly #end: Query;
  readonly #return: Query;
  readonly #returnUnstarted: Query;
  readonly #raiseToken: Query;
  readonly #takeOver: Query;
  readonly #retry: Query;
  readonly #keepAttempt: Query;
  readonly #addAttempt: Query;
  readonly #trimAttempts: Query;
  readonly #workerName: Query<[string]>;
  readonly #tombstone: Query;
  readonly #deleteAttempts: Query;
  readonly #deleteItem: Query;
  readonly #blocks: Blocks;

  constructor(connection: Connection, blocks: Blocks) {
    this.#blocks = blocks;
    this.#facts = connection.query(`SELECT ${FACTS} FROM items WHERE id = ?`);
    this.#heldBy = connection.query(
      `SELECT ${FACTS} FROM items INDEXED BY items_held WHERE worker <> 0 AND worker = ?`,
    );
    this.#heldIn = connection.query(`SELECT ${FACTS} FROM items INDEXED BY items_held
      WHERE worker <> 0 AND id >= ? AND id < ?`);
    this.#start = connection.query(`UPDATE items SET state = 1, worker = ?, token = ?, attempts = attempts + 1,
      started_at = ?, version = ? WHERE id = ? AND state = 0 AND token = ?`);
    this.#end = connection.query(`UPDATE items SET state = ?, worker = 0, token = ?, attempts = ?, started_at = ?,
      ended_at = ?, output = ?, error = ?, saved = CASE WHEN ? THEN NULL ELSE coalesce(?, saved) END,
      failures = failures + ?, crashes = ?, version = ?, fraction = 0, progress = NULL, stage = NULL,
      run_at = 0, held = 0, suspect = 0 WHERE id = ? AND state = ? AND token = ?`);
    this.#return = connection.query(`UPDATE items SET state = 0, worker = 0, attempts = ?, started_at = NULL,
      ended_at = NULL, run_at = ?, suspect = max(suspect, ?), failures = failures + ?, crashes = ?, saved = coalesce(?, saved),
      version = ?, fraction = 0, progress = NULL, stage = NULL WHERE id = ? AND state = ? AND token = ?`);
    this.#returnUnstarted = connection.query(
      "UPDATE items SET worker = 0, suspect = max(suspect, ?) WHERE id = ? AND state = 0 AND token = ?",
    );
    this.#raiseToken = connection.query("UPDATE items SET token = token + 1 WHERE id = ?");
    this.#takeOver = connection.query(
      "UPDATE items SET worker = ?, token = token + 1, run_at = 0, held = 0 WHERE id = ?",
    );
    this.#retry = connection.query(`UPDATE items SET state = 0, failures = 0, crashes = 0, error = NULL, output = NULL,
      started_at = NULL, ended_at = NULL, version = ? WHERE id = ? AND state = ? AND token = ?`);
    this.#keepAttempt =
      connection.query(`INSERT INTO attempts (item, token, worker, started_at, ended_at, outcome, error)
      SELECT id, token, NULL, started_at, ended_at, CASE WHEN state = 4 THEN ${toOutcomeCode("cancelled")}
      WHEN error ->> 'code' = 'POISON' THEN ${toOutcomeCode("crashed")} ELSE ${toOutcomeCode("failed")} END, error FROM items WHERE id = ? AND started_at IS NOT NULL`);
    this.#addAttempt =
      connection.query(`INSERT INTO attempts (item, token, worker, started_at, ended_at, outcome, error)
      VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#trimAttempts = connection.query(`DELETE FROM attempts WHERE item = ?1 AND token <= (SELECT token FROM attempts
      WHERE item = ?1 ORDER BY token DESC LIMIT 1 OFFSET ${LIMITS.attemptsPerItem})`);
    this.#tombstone = connection.query(
      "INSERT INTO removals (batch, version, ordinal, key) SELECT batch, ?, ?, key FROM items WHERE id = ?",
    );
    this.#deleteAttempts = connection.query("DELETE FROM attempts WHERE item = ?");
    this.#deleteItem = connection.query("DELETE FROM items WHERE id = ?");
    this.#workerName = connection.query("SELECT name FROM workers WHERE number = ?");
  }

  find(item: number): ItemFacts | null {
    const row = this.#facts.get(item);
    if (row === undefined) return null;
    const facts = toFacts(row);
    const block = facts.isFresh ? this.#blocks.covering(item) : null;
    return block === null ? facts : { ...facts, worker: block.worker, token: FIRST_TOKEN };
  }

  /** Makes a fresh item one like any other before its row is changed; its facts stay as they are. */
  detach(item: ItemFacts): void {
    if (!item.isFresh) return;
    this.#blocks.detach(item.number);
    item.isFresh = false;
  }

  heldBy(worker: number): readonly ItemFacts[] {
    this.#blocks.detachAllOf(worker);
    return this.#heldBy.all(worker).map(toFacts);
  }

  /** The items of a batch that are in anyone's hands. */
  heldIn(batch: number): readonly ItemFacts[] {
    this.#blocks.detachAllIn(batch);
    return this.#heldIn.all(...itemRangeOf(batch)).map(toFacts);
  }

  /** Makes a pending item a running one of its holder. */
  start(item: ItemFacts, entry: LedgerEntry, startedAt: number): void {
    this.detach(item);
    move(item, entry, "processing", () =>
      this.#start.run(item.worker, item.token, startedAt, entry.version, item.number, item.token),
    );
    item.attempts += 1;
    item.startedAt = startedAt;
    entry.startedAt ??= startedAt;
  }

  /** Makes up, in the books only, for a start that was never recorded: the row is written once, with what comes next. */
  startLate(item: ItemFacts, entry: LedgerEntry, startedAt: number): void {
    if (item.state !== "pending") return;
    item.attempts += 1;
    item.startedAt = startedAt;
    entry.startedAt ??= startedAt;
  }

  /** Ends an item; what only a running one has is dropped. */
  end(item: ItemFacts, entry: LedgerEntry, end: ItemEnd): void {
    this.detach(item);
    const token = end.token ?? item.token;
    dropFraction(item, entry);
    move(item, entry, end.to, (from) =>
      this.#end.run(
        toStateCode(end.to),
        token,
        item.attempts,
        item.startedAt,
        end.now,
        end.output ?? null,
        end.error === undefined ? null : JSON.stringify(end.error),
        end.to === "completed" ? 1 : 0,
        end.saved ?? null,
        end.isFailure === true ? 1 : 0,
        item.crashes,
        entry.version,
        item.number,
        from,
        item.token,
      ),
    );
    item.token = token;
    item.worker = 0;
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
    this.detach(item);
    const worker = item.worker === 0 ? null : (this.#workerName.get(item.worker)?.[0] ?? null);
    const error = attempt.error === undefined ? null : JSON.stringify(attempt.error);
    this.#addAttempt.run(
      item.number,
      item.token,
      worker,
      item.startedAt ?? attempt.now,
      attempt.now,
      toOutcomeCode(attempt.outcome),
      error,
    );
    if (item.attempts > LIMITS.attemptsPerItem) this.#trimAttempts.run(item.number);
    dropFraction(item, entry);
    move(item, entry, "pending", (from) =>
      this.#return.run(
        item.attempts,
        attempt.runAt ?? 0,
        attempt.isSuspect === true ? 1 : 0,
        attempt.isFailure === true ? 1 : 0,
        item.crashes,
        attempt.saved ?? null,
        entry.version,
        item.number,
        from,
        item.token,
      ),
    );
    item.startedAt = null;
    item.worker = 0;
  }

  /** Gives back a claim that never started: nobody can see the difference. */
  returnUnstarted(item: ItemFacts, isSuspect: boolean): void {
    this.detach(item);
    this.#returnUnstarted.run(isSuspect ? 1 : 0, item.number, item.token);
    item.worker = 0;
  }

  /** Makes an ended item pending again, with all its tries; the attempt that ended it becomes history. */
  retry(item: ItemFacts, entry: LedgerEntry): void {
    if (item.startedAt !== null) {
      this.#keepAttempt.run(item.number);
      if (item.attempts > LIMITS.attemptsPerItem) this.#trimAttempts.run(item.number);
    }
    move(item, entry, "pending", (from) => this.#retry.run(entry.version, item.number, from, item.token));
    item.startedAt = null;
    entry.isCancelled = false;
    entry.resetsPercent = true;
  }

  /** Deletes an item that does not run; the feed tells of it. */
  remove(item: ItemFacts, entry: LedgerEntry): void {
    this.detach(item);
    this.#tombstone.run(entry.version, splitItemNumber(item.number).ordinal, item.number);
    this.#deleteAttempts.run(item.number);
    this.#deleteItem.run(item.number);
    entry.delta.remove(item.state);
    entry.isChanged = true;
  }

  /** Gives the item to another session under a new token, from whoever had it; what kept it from being claimed is over. */
  takeOver(item: ItemFacts, worker: number): void {
    this.detach(item);
    this.#takeOver.run(worker, item.number);
    item.worker = worker;
    item.token += 1;
  }

  /** Gives the item a token that no lease ever had. */
  raiseToken(item: ItemFacts): void {
    this.detach(item);
    this.#raiseToken.run(item.number);
    item.token += 1;
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
    const entry = ledger.find(Math.floor(item.number / LIMITS.itemsPerBatch));
    if (item.state === "pending" || entry === null) this.returnUnstarted(item, options.isCrash);
    else if (options.isCrash) this.crash(item, entry, options.now);
    else this.returnStarted(item, entry, { outcome: "released", now: options.now });
  }
}

function toFacts(row: FactsTuple): ItemFacts {
  return {
    number: row[0],
    state: stateOf(row[1]),
    token: row[2],
    worker: row[3],
    attempts: row[4],
    crashes: row[5],
    fraction: row[6],
    startedAt: row[7],
    isFresh: row[8] === 1,
  };
}

function dropFraction(item: ItemFacts, entry: LedgerEntry): void {
  entry.delta.flight -= item.fraction;
  item.fraction = 0;
}

/** Changes the row and, only if it really changed, the counters. */
function move(item: ItemFacts, entry: LedgerEntry, to: ItemState, change: (from: number) => number): void {
  const from = item.state;
  if (change(toStateCode(from)) !== 1)
    throw new Error(`broken invariant: item ${item.number} changed inside a transaction`);
  if (from !== to) entry.delta.move(from, to);
  item.state = to;
  entry.isChanged = true;
}
