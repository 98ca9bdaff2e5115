import { itemIdsOf, splitItemNumber } from "../../core/ids.ts";
import { invariant } from "../../core/invariant.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Claimed, ClaimRequest, Lease } from "../../ports/store.ts";
import { controlOf } from "../codes.ts";
import type { Blocks } from "./blocks.ts";
import type { Connection } from "./connection.ts";
import { itemRangeOf, READY } from "./rows.ts";

/**
 * One claimed item in so many comes from a younger batch of equal priority. With `turn` rising by one a claim, any run of
 * four claims of equal size gives the younger batches exactly a quarter; which of them is next goes round with the turn.
 */
const YOUNGER_EVERY = 4;
/** Back-offs made ready in one claim, and batches looked at in one page: bounds on the length of the transaction. */
const PROMOTED_MAX = 1_000;
const BATCHES_PAGE = 64;
const WAITING_PAGE = 64;

const LEASE_COLUMNS = "id, token, key, input, size, saved, attempts, failures, crashes, suspect, priority, fresh, kind";
const CLAIMABLE = "pending > 0 AND control = 0 AND is_cancelled = 0 AND is_removing = 0";

type LeaseTuple = readonly [
  id: number,
  token: number,
  key: string,
  input: string | null,
  size: number | null,
  saved: string | null,
  attempts: number,
  failures: number,
  crashes: number,
  suspect: number,
  priority: number,
  fresh: number,
  kind: string | null,
];
type BatchTuple = readonly [
  number: number,
  id: string,
  queue: string,
  pipeline: string,
  priority: number,
  startAt: number | null,
  frontier: number,
  nextOrdinal: number,
];
const BATCH_COLUMNS = "number, id, queue, pipeline, priority, start_at, frontier, next_ordinal";

/** A batch under a claim: its first ready items, as far as the claim may want them, and how many of them it took. */
interface Candidate {
  readonly number: number;
  /** The id of the item of an ordinal. */
  readonly idOf: (ordinal: number) => string;
  readonly queue: string;
  readonly priority: number;
  readonly frontier: number;
  readonly nextOrdinal: number;
  ready: readonly LeaseTuple[] | null;
  taken: number;
}

/** Prepares `claim` of the port. */
export function prepareClaim(connection: Connection, blocks: Blocks): (request: ClaimRequest) => Promise<Claimed> {
  const queries = prepareQueries(connection);
  return (request) => connection.write(() => claimNow(queries, blocks, request), { hasEnded: () => false });
}

type ClaimQueries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    worker: connection.query("SELECT 1 FROM workers WHERE number = ? AND is_draining = 0"),
    due: connection.query<[number]>(`SELECT 1 FROM items INDEXED BY items_waiting
      WHERE state = 0 AND run_at > 0 AND run_at <= ? LIMIT 1`),
    promote: connection.query(`UPDATE items SET run_at = 0 WHERE id IN (SELECT id FROM items INDEXED BY items_waiting
      WHERE state = 0 AND run_at > 0 AND run_at <= ? ORDER BY run_at LIMIT ${PROMOTED_MAX})`),
    batches: connection.query<BatchTuple>(`SELECT ${BATCH_COLUMNS}
      FROM batches INDEXED BY batches_claimable WHERE ${CLAIMABLE} AND (priority, number) > (?, ?)
      AND queue NOT IN (SELECT name FROM queues WHERE control <> 0)
      ORDER BY priority, number LIMIT ${BATCHES_PAGE}`),
    batch: connection.query<BatchTuple>(`SELECT ${BATCH_COLUMNS} FROM batches
      WHERE number = ? AND ${CLAIMABLE}`),
    queue: connection.query<[number, number | null]>("SELECT control, concurrency FROM queues WHERE name = ?"),
    held: connection.query<[number]>(`SELECT (SELECT count(*) FROM items INDEXED BY items_held
      CROSS JOIN batches ON number = items.batch WHERE worker <> 0 AND queue = ?1) + (SELECT coalesce(sum(items), 0)
      FROM blocks CROSS JOIN batches ON number = first >> 30 WHERE queue = ?1)`),
    fresh: connection.query<LeaseTuple>(
      `SELECT ${LEASE_COLUMNS} FROM items WHERE id >= ? AND id < ? AND fresh = 1 ORDER BY id LIMIT ?`,
    ),
    ready: connection.query<LeaseTuple>(`SELECT ${LEASE_COLUMNS} FROM items INDEXED BY items_ready
      WHERE batch = ? AND ${READY} ORDER BY priority, id LIMIT ?`),
    take: connection.query(`UPDATE items SET worker = ?, token = token + 1 WHERE id IN (SELECT id FROM items
      INDEXED BY items_ready WHERE batch = ? AND ${READY} ORDER BY priority, id LIMIT ?)`),
    takeRange: connection.query(`UPDATE items SET worker = ?, token = token + 1
      WHERE id BETWEEN ? AND ? AND priority = ? AND ${READY}`),
    takeOne: connection.query<LeaseTuple>(`UPDATE items SET worker = ?, token = token + 1 WHERE id = ? AND ${READY}
      RETURNING ${LEASE_COLUMNS}`),
    waiting: connection.query<[number, string, string, number, number, number, number | null, number, number]>(
      `SELECT run_at, queue, pipeline, control, is_cancelled, is_removing, start_at, held, batches.number
      FROM items INDEXED BY items_waiting CROSS JOIN batches ON number = items.batch
      WHERE state = 0 AND run_at > 0 ORDER BY run_at LIMIT ${WAITING_PAGE}`,
    ),
    scheduled: connection.query<[number, number, string, string]>(`SELECT number, start_at, queue, pipeline
      FROM batches INDEXED BY batches_scheduled WHERE start_at IS NOT NULL AND pending > 0 AND start_at > ?
      AND ${CLAIMABLE} ORDER BY start_at LIMIT ${WAITING_PAGE}`),
  };
}

function claimNow(queries: ClaimQueries, blocks: Blocks, request: ClaimRequest): Claimed {
  if (queries.worker.get(request.worker) === undefined) return { leases: [], nextAt: null };
  if (queries.due.get(request.now) !== undefined) queries.promote.run(request.now);
  const claim = new Claim(queries, blocks, request);
  if (request.only === undefined) claim.takeByPriority();
  else claim.takeThese(request.only);
  return { leases: claim.leases, nextAt: claim.nextAt() };
}

/** One claim, inside its transaction: pause, schedule and limits are read with the items. */
class Claim {
  readonly leases: Lease[] = [];
  readonly #queries: ClaimQueries;
  readonly #blocks: Blocks;
  readonly #request: ClaimRequest;
  /** Items that each queue may still give out; 0 for a paused one. */
  readonly #room = new Map<string, number>();

  constructor(queries: ClaimQueries, blocks: Blocks, request: ClaimRequest) {
    this.#queries = queries;
    this.#blocks = blocks;
    this.#request = request;
  }

  takeThese(numbers: readonly number[]): void {
    for (const number of numbers) {
      if (this.leases.length >= this.#request.limit) return;
      const row = this.#queries.batch.get(splitItemNumber(number).batch);
      if (row === undefined || !this.#isDue(row)) continue;
      const [batch, id, queue] = row;
      if (!this.#hasRoom(queue)) continue;
      this.#blocks.detach(number);
      const item = this.#queries.takeOne.get(this.#request.worker, number);
      if (item !== undefined) this.#add({ number: batch, idOf: itemIdsOf(id), queue }, item, item[1]);
    }
  }

  takeByPriority(): void {
    if (this.#request.batch !== undefined) {
      const row = this.#queries.batch.get(this.#request.batch);
      if (row === undefined || !this.#isDue(row)) return;
      this.#takeFromEquals([toCandidate(row)]);
      return;
    }
    let after: readonly [number, number] = [Number.MIN_SAFE_INTEGER, 0];
    let equals: Candidate[] = [];
    for (;;) {
      const page = this.#queries.batches.all(after[0], after[1]);
      for (const row of page) {
        if (!this.#isDue(row) || !this.#hasRoom(row[2])) continue;
        if (equals[0] !== undefined && equals[0].priority !== row[4]) {
          this.#takeFromEquals(equals);
          equals = [];
          if (this.leases.length >= this.#request.limit) return;
        }
        equals.push(toCandidate(row));
      }
      const last = page.at(-1);
      if (page.length < BATCHES_PAGE || last === undefined) break;
      after = [last[4], last[0]];
      if (equals.length < BATCHES_PAGE) continue;
      // Of very many equals the oldest share among themselves: the transaction must stay short.
      this.#takeFromEquals(equals);
      equals = [];
      if (this.leases.length >= this.#request.limit) return;
    }
    this.#takeFromEquals(equals);
  }

  /** Claims from batches of one priority, oldest first in `batches`. */
  #takeFromEquals(batches: Candidate[]): void {
    const { limit, turn } = this.#request;
    const touched = new Set<Candidate>();
    while (batches.length > 0 && this.leases.length < limit) {
      // Looked at first: while one with nothing to give stood for the oldest, the oldest would get a share of the younger ones.
      if (this.#next(batches[0]) === undefined) {
        batches.shift();
        continue;
      }
      const position = turn + this.leases.length;
      const isForYounger = position % YOUNGER_EVERY === YOUNGER_EVERY - 1 && batches.length > 1;
      const index = isForYounger ? 1 + (Math.floor(position / YOUNGER_EVERY) % (batches.length - 1)) : 0;
      const batch = batches[index];
      const item = this.#next(batch);
      if (batch === undefined || item === undefined) {
        batches.splice(index, 1);
        continue;
      }
      batch.taken += 1;
      touched.add(batch);
      this.#add(batch, item, item[1] + 1);
    }
    for (const batch of touched) this.#markTaken(batch);
  }

  /** The item that a batch has to give next. */
  #next(batch: Candidate | undefined): LeaseTuple | undefined {
    if (batch === undefined || !this.#hasRoom(batch.queue)) return undefined;
    batch.ready ??= this.#readReady(batch, this.#request.limit - this.leases.length);
    return batch.ready[batch.taken];
  }

  /** The first items of a batch that can be claimed, by priority and then age: those in the index, and fresh ones. */
  #readReady(batch: Candidate, limit: number): readonly LeaseTuple[] {
    const indexed = this.#queries.ready.all(batch.number, limit);
    if (batch.frontier === batch.nextOrdinal) return indexed;
    const [first, end] = itemRangeOf(batch.number);
    const fresh = this.#queries.fresh.all(first + batch.frontier, end, limit);
    // Nothing fresh is left: the next claim must not look again.
    if (fresh.length === 0) this.#blocks.advance(batch.number, batch.nextOrdinal);
    if (indexed.length === 0 || fresh.length === 0) return indexed.length === 0 ? fresh : indexed;
    return [...indexed, ...fresh].sort((a, b) => a[10] - b[10] || a[0] - b[0]).slice(0, limit);
  }

  /** Marks the first ready items of a batch, in the order in which they were read, as held. */
  #markTaken(batch: Candidate): void {
    const taken = batch.ready?.slice(0, batch.taken) ?? [];
    const indexed = taken.filter((item) => item[11] === 0);
    this.#markIndexed(batch, indexed);
    const fresh = indexed.length === 0 ? taken : taken.filter((item) => item[11] === 1);
    const [first, last] = [fresh[0]?.[0], fresh.at(-1)?.[0]];
    if (first === undefined || last === undefined) return;
    this.#blocks.open(this.#request.worker, first, last, fresh.length);
    this.#blocks.advance(batch.number, splitItemNumber(last).ordinal + 1);
  }

  /** Marks ready items that stand in the index: the first of it. */
  #markIndexed(batch: Candidate, items: readonly LeaseTuple[]): void {
    const [first, last] = [items[0], items.at(-1)];
    if (first === undefined || last === undefined) return;
    const { worker } = this.#request;
    const isDense = first[10] === last[10] && last[0] - first[0] < 2 * items.length;
    const taken = isDense
      ? this.#queries.takeRange.run(worker, first[0], last[0], first[10])
      : this.#queries.take.run(worker, batch.number, items.length);
    invariant(taken === items.length, `claimed ${items.length} items of batch ${batch.number} but marked ${taken}`);
  }

  #add(batch: Pick<Candidate, "number" | "idOf" | "queue">, item: LeaseTuple, token: number): void {
    this.#room.set(batch.queue, (this.#room.get(batch.queue) ?? 0) - 1);
    this.leases.push({
      item: item[0],
      token,
      worker: this.#request.worker,
      batch: batch.number,
      id: batch.idOf(item[0] % LIMITS.itemsPerBatch),
      key: item[2],
      input: item[3],
      size: item[4],
      kind: item[12],
      saved: item[5],
      attempt: item[6] + 1,
      failures: item[7],
      crashes: item[8],
      isSuspect: item[9] === 1,
    });
  }

  #isWanted(number: number, queue: string, pipeline: string): boolean {
    const { batch, queues, pipelines } = this.#request;
    if (batch !== undefined && batch !== number) return false;
    if (queues.length > 0 && !queues.includes(queue)) return false;
    return pipelines === null || pipelines.includes(pipeline);
  }

  #isDue([number, , queue, pipeline, , startAt]: BatchTuple): boolean {
    return this.#isWanted(number, queue, pipeline) && (startAt === null || startAt <= this.#request.now);
  }

  #hasRoom(queue: string): boolean {
    let room = this.#room.get(queue);
    if (room === undefined) {
      room = this.#readRoom(queue);
      this.#room.set(queue, room);
    }
    return room > 0;
  }

  #readRoom(queue: string): number {
    const [control, concurrency] = this.#queries.queue.get(queue) ?? [0, null];
    if (control !== 0) return 0;
    return concurrency === null ? Number.POSITIVE_INFINITY : concurrency - (this.#queries.held.get(queue)?.[0] ?? 0);
  }

  /** Looks at a page only: with more than that waiting in vain in front, it says a time at which it is worth to ask again. */
  nextAt(): number | null {
    let nextAt = Number.POSITIVE_INFINITY;
    const waiting = this.#queries.waiting.all();
    for (const [runAt, queue, pipeline, control, isCancelled, isRemoving, startAt, held, number] of waiting) {
      const isIdle = control !== 0 || isCancelled === 1 || isRemoving === 1 || held === 1;
      if (isIdle || !this.#isWanted(number, queue, pipeline) || this.#isPaused(queue)) continue;
      nextAt = Math.min(nextAt, Math.max(runAt, startAt ?? 0));
    }
    if (waiting.length === WAITING_PAGE) nextAt = Math.min(nextAt, waiting.at(-1)?.[0] ?? nextAt);
    for (const [number, startAt, queue, pipeline] of this.#queries.scheduled.all(this.#request.now)) {
      if (this.#isWanted(number, queue, pipeline) && !this.#isPaused(queue)) nextAt = Math.min(nextAt, startAt);
    }
    return nextAt === Number.POSITIVE_INFINITY ? null : nextAt;
  }

  #isPaused(queue: string): boolean {
    return controlOf(this.#queries.queue.get(queue)?.[0] ?? 0) !== "run";
  }
}

function toCandidate([number, id, queue, , priority, , frontier, nextOrdinal]: BatchTuple): Candidate {
  return { number, idOf: itemIdsOf(id), queue, priority, frontier, nextOrdinal, ready: null, taken: 0 };
}
