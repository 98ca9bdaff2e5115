import { itemIdsOf, itemNumberFrom, splitItemNumber } from "../../core/ids.ts";
import type { Claimed, ClaimRequest, Lease } from "../../ports/store.ts";
import { share } from "./claim-shares.ts";
import type { Connection, Statement } from "./connection.ts";
import { CLAIMABLE, COVERING, READY } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

/** Back-offs made ready in one claim, of one batch, and batches looked at in one page: bounds on the length of the transaction. */
const PROMOTED_MAX = 1_000;
const BATCHES_PAGE = 64;
const LEAST_PRIORITY = -2_147_483_648;

/** Batches that the claim may take from, but for their start time: `$1` queues, `$2` pipelines, `$3` the only batch. */
const WANTED = `b.${CLAIMABLE.replaceAll(" AND ", " AND b.").replaceAll("b.NOT ", "NOT b.")} AND q.control = 0
  AND (cardinality($1::text[]) = 0 OR b.queue = ANY ($1)) AND ($2::text[] IS NULL OR b.pipeline = ANY ($2))
  AND ($3::int IS NULL OR b.number = $3)`;

type LeaseTuple = readonly [
  batch: number,
  ordinal: number,
  priority: number,
  token: number,
  key: string,
  input: string | null,
  size: number | null,
  kind: string | null,
  saved: string | null,
  attempts: number,
  failures: number,
  crashes: number,
  suspect: boolean,
  fresh: boolean,
];

type FreshTuple = readonly [
  batch: number,
  ordinal: number,
  key: string,
  input: string | null,
  size: number | null,
  kind: string | null,
];

/** Where a tuple says whether its item is fresh. */
const IS_FRESH = 13;

const LEASE_COLUMNS = `i.batch, i.ordinal, i.priority, i.token, i.key, i.input, i.size, i.kind, i.saved, i.attempts,
  i.failures, i.crashes, i.suspect`;

type CandidateTuple = readonly [
  number: number,
  id: string,
  queue: string,
  priority: number,
  ready: number,
  concurrency: number | null,
];

const CANDIDATE_COLUMNS = "b.number, b.id, b.queue, b.priority";

/** A batch under a claim: how many items it has to give, and how many of them the claim wants. */
export interface Candidate {
  readonly number: number;
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly ready: number;
  taken: number;
}

interface Queries {
  readonly look: Statement<readonly [isSomething: boolean, nextAt: number | null]>;
  readonly worker: Statement;
  readonly promote: Statement;
  readonly candidates: Statement<CandidateTuple>;
  readonly named: Statement<readonly [...LeaseTuple, ...CandidateTuple]>;
  readonly limited: Statement<readonly [string, number]>;
  readonly held: Statement<readonly [string, number]>;
  readonly frontiers: Statement;
  readonly ready: Statement<LeaseTuple>;
  readonly fresh: Statement<FreshTuple>;
  readonly take: Statement;
  readonly dropBlocks: Statement;
  readonly addBlocks: Statement;
  readonly advance: Statement;
  readonly nextAt: Statement<readonly [number | null]>;
}

function prepareQueries(connection: Connection): Queries {
  const joined = "@batches AS b JOIN @queues AS q ON q.name = b.queue";
  const nextAt = `SELECT min(at) FROM (
      SELECT greatest(due.run_at, b.start_at) AS at FROM ${joined} CROSS JOIN LATERAL (SELECT run_at FROM @items
      WHERE batch = b.number AND state = 0 AND run_at > 0 AND NOT held ORDER BY run_at LIMIT 1) AS due WHERE ${WANTED}
      UNION ALL SELECT b.start_at FROM ${joined} WHERE ${WANTED} AND b.start_at > $4) AS times`;
  return {
    look: connection.query(`SELECT EXISTS (SELECT 1 FROM ${joined} JOIN @frontiers AS f ON f.batch = b.number WHERE ${WANTED}
      AND (b.start_at IS NULL OR b.start_at <= $4) AND (EXISTS (SELECT 1 FROM @items WHERE batch = b.number AND ${READY})
      OR EXISTS (SELECT 1 FROM @items WHERE batch = b.number AND fresh AND ordinal >= f.ordinal)))
      OR EXISTS (SELECT 1 FROM @batches AS b WHERE b.ended_at IS NULL AND NOT b.is_removing
      AND (cardinality($1::text[]) = 0 OR b.queue = ANY ($1)) AND EXISTS (SELECT 1 FROM @items
      WHERE batch = b.number AND state = 0 AND run_at > 0 AND run_at <= $4)), (${nextAt})`),
    worker: connection.query("SELECT 1 FROM @workers WHERE number = $1 AND NOT is_draining"),
    // Of paused batches too: that a back-off is over can be seen. What others look at just now is theirs.
    promote: connection.query(`UPDATE @items AS i SET run_at = 0 FROM (SELECT due.batch, due.ordinal FROM @batches AS b
      CROSS JOIN LATERAL (SELECT batch, ordinal FROM @items WHERE batch = b.number AND state = 0 AND run_at > 0
      AND run_at <= $2 ORDER BY run_at LIMIT ${PROMOTED_MAX} FOR UPDATE SKIP LOCKED) AS due WHERE b.ended_at IS NULL
      AND NOT b.is_removing AND (cardinality($1::text[]) = 0 OR b.queue = ANY ($1))
      AND EXISTS (SELECT 1 FROM @workers WHERE number = $3 AND NOT is_draining)) AS d
      WHERE i.batch = d.batch AND i.ordinal = d.ordinal`),
    // The OFFSET keeps the planner from counting once for the answer and once more for the condition.
    candidates: connection.query(`SELECT ${CANDIDATE_COLUMNS}, r.ready, q.concurrency FROM ${joined}
      JOIN @frontiers AS f ON f.batch = b.number CROSS JOIN LATERAL (SELECT
      (SELECT count(*)::int FROM (SELECT 1 FROM @items WHERE batch = b.number AND ${READY} LIMIT $5) AS few)
      + (SELECT count(*)::int FROM (SELECT 1 FROM @items WHERE batch = b.number AND fresh AND ordinal >= f.ordinal
      LIMIT $5) AS few) AS ready OFFSET 0) AS r WHERE ${WANTED} AND (b.start_at IS NULL OR b.start_at <= $4) AND r.ready > 0
      AND (b.priority, b.number) > ($6, $7) ORDER BY b.priority, b.number LIMIT ${BATCHES_PAGE}`),
    named: connection.query(`SELECT ${LEASE_COLUMNS}, false, ${CANDIDATE_COLUMNS}, 1, q.concurrency
      FROM unnest($5::int[], $6::int[]) WITH ORDINALITY AS n (batch, ordinal, place)
      JOIN @items AS i ON i.batch = n.batch AND i.ordinal = n.ordinal JOIN @batches AS b ON b.number = i.batch
      JOIN @queues AS q ON q.name = b.queue WHERE ${WANTED} AND (b.start_at IS NULL OR b.start_at <= $4)
      AND i.state = 0 AND i.worker = 0 AND NOT i.held AND i.run_at = 0 AND ${COVERING} IS NULL ORDER BY n.place
      FOR UPDATE OF i SKIP LOCKED`),
    // Claims from a queue with a limit come one after the other, and each counts what the others have taken.
    limited: connection.query(`SELECT name, concurrency FROM @queues WHERE name = ANY ($1::text[])
      AND concurrency IS NOT NULL ORDER BY name FOR UPDATE`),
    held: connection.query(`SELECT b.queue, count(*)::int FROM @batches AS b JOIN @items AS i ON i.batch = b.number
      AND i.worker <> 0 WHERE b.queue = ANY ($1::text[]) AND b.ended_at IS NULL GROUP BY b.queue
      UNION ALL SELECT b.queue, count(*)::int FROM @batches AS b JOIN @blocks AS k ON k.batch = b.number
      JOIN @items AS i ON i.batch = k.batch AND i.ordinal BETWEEN k.first AND k.last AND i.fresh
      WHERE b.queue = ANY ($1) GROUP BY b.queue`),
    // Who claims fresh items of a batch does so alone: the statements behind this one see what the others took.
    frontiers: connection.query("SELECT 1 FROM @frontiers WHERE batch = ANY ($1::int[]) ORDER BY batch FOR UPDATE"),
    // Materialized: else the planner may read the items a second time, and take more than were locked.
    ready: connection.query(`WITH picked AS MATERIALIZED (SELECT r.batch, r.ordinal
      FROM unnest($1::int[], $2::int[]) AS n (batch, items) CROSS JOIN LATERAL (SELECT batch, ordinal FROM @items
      WHERE batch = n.batch AND ${READY} ORDER BY priority, ordinal LIMIT n.items FOR UPDATE SKIP LOCKED) AS r)
      SELECT ${LEASE_COLUMNS}, false FROM picked AS p JOIN @items AS i ON i.batch = p.batch AND i.ordinal = p.ordinal`),
    fresh:
      connection.query(`SELECT i.batch, i.ordinal, i.key, i.input, i.size, i.kind FROM unnest($1::int[], $2::int[]) AS n (batch, items)
      JOIN @frontiers AS f ON f.batch = n.batch CROSS JOIN LATERAL (SELECT * FROM @items WHERE batch = n.batch AND fresh
      AND ordinal >= f.ordinal ORDER BY ordinal LIMIT n.items) AS i`),
    take: connection.query(`UPDATE @items AS i SET worker = $1, token = token + 1, fresh = false
      FROM unnest($2::int[], $3::int[]) AS n (batch, ordinal) WHERE i.batch = n.batch AND i.ordinal = n.ordinal`),
    dropBlocks: connection.query(`DELETE FROM @blocks AS k WHERE worker = $1 AND NOT EXISTS (SELECT 1 FROM @items
      WHERE batch = k.batch AND ordinal BETWEEN k.first AND k.last AND fresh)`),
    addBlocks: connection.query(`INSERT INTO @blocks (worker, batch, first, last) SELECT $1, n.batch, n.first, n.last
      FROM unnest($2::int[], $3::int[], $4::int[]) AS n (batch, first, last)`),
    advance: connection.query(`UPDATE @frontiers AS f SET ordinal = n.last + 1
      FROM unnest($1::int[], $2::int[]) AS n (batch, last) WHERE f.batch = n.batch`),
    nextAt: connection.query(nextAt),
  };
}

/** Prepares `claim` of the port. */
export function prepareClaim(connection: Connection): (request: ClaimRequest) => Promise<Claimed> {
  const queries = prepareQueries(connection);
  let wasInVain = false;
  return async (request) => {
    // Who waits looks first: that is one statement, and nobody's way is crossed.
    if (wasInVain && request.only === undefined) {
      const [isSomething, nextAt] = (await connection.get(queries.look, ...wantedOf(request))) ?? [true, null];
      if (!isSomething) return { leases: [], nextAt };
    }
    // A claim cannot be seen from outside, so nobody is told.
    const options = { gate: "shared", isTold: false } as const;
    const claimed = await connection.write((tx) => new Claim(queries, tx, request).run(), options);
    wasInVain = claimed.leases.length === 0;
    return claimed;
  };
}

function wantedOf({ queues, pipelines, batch, now }: ClaimRequest): readonly unknown[] {
  return [queues, pipelines, batch ?? null, now];
}

/**
 * One claim. What is paused, cancelled or gone is read after the gate is passed, and who changes that passes it alone: a claim
 * that sees a batch as running is committed before the pause is, and what it took is among the orders that follow the pause.
 */
class Claim {
  readonly #queries: Queries;
  readonly #tx: Transaction;
  readonly #request: ClaimRequest;
  readonly #wanted: readonly unknown[];
  /** Items that queues with a limit may still give out. */
  readonly #room = new Map<string, number>();

  constructor(queries: Queries, tx: Transaction, request: ClaimRequest) {
    this.#queries = queries;
    this.#tx = tx;
    this.#request = request;
    this.#wanted = wantedOf(request);
  }

  async run(): Promise<Claimed> {
    const { worker, only } = this.#request;
    const session = this.#tx.get(this.#queries.worker, worker);
    this.#tx.send(this.#queries.promote, this.#request.queues, this.#request.now, worker);
    const leases = only === undefined ? this.#takeByPriority(session) : this.#takeThese(session, only);
    // Sent behind the rest, and answered with it.
    const [taken, row] = await Promise.all([
      leases,
      leases.then(() => this.#tx.get(this.#queries.nextAt, ...this.#wanted)),
    ]);
    return (await session) === undefined ? { leases: [], nextAt: null } : { leases: taken, nextAt: row?.[0] ?? null };
  }

  async #takeByPriority(session: Promise<unknown>): Promise<readonly Lease[]> {
    const { limit } = this.#request;
    const taken: Candidate[] = [];
    const order: Candidate[] = [];
    let after: readonly [number, number] = [LEAST_PRIORITY, 0];
    for (;;) {
      const rows = await this.#tx.all(this.#queries.candidates, ...this.#wanted, limit, ...after);
      if ((await session) === undefined) return [];
      await this.#readRoom(rows);
      const page = rows.map(toCandidate);
      order.push(
        ...share(page, { limit: limit - order.length, turn: this.#request.turn + order.length, room: this.#room }),
      );
      taken.push(...page.filter((candidate) => candidate.taken > 0));
      const last = page.at(-1);
      if (last === undefined || page.length < BATCHES_PAGE || order.length >= limit) break;
      after = [last.priority, last.number];
    }
    if (taken.length === 0) return [];
    const wanted = [taken.map((candidate) => candidate.number), taken.map((candidate) => candidate.taken)];
    this.#tx.send(this.#queries.frontiers, wanted[0]);
    const [ready, fresh] = await Promise.all([
      this.#tx.all(this.#queries.ready, ...wanted),
      this.#tx.all(this.#queries.fresh, ...wanted),
    ]);
    const chosen = inOrder([...ready, ...fresh.map(leaseOfFresh)], order);
    this.#take(chosen.filter((row) => !row[IS_FRESH]));
    this.#takeFresh(chosen.filter((row) => row[IS_FRESH]));
    return this.#toLeases(chosen, new Map(taken.map(({ number, id }) => [number, id])));
  }

  async #takeThese(session: Promise<unknown>, numbers: readonly number[]): Promise<readonly Lease[]> {
    const places = numbers.map(splitItemNumber).filter(({ batch }) => batch > 0);
    const batches = places.map(({ batch }) => batch);
    this.#tx.send(this.#queries.frontiers, batches);
    const ordinals = places.map(({ ordinal }) => ordinal);
    const rows = await this.#tx.all(this.#queries.named, ...this.#wanted, batches, ordinals);
    if ((await session) === undefined) return [];
    const found = rows.map((row) => {
      return { lease: row.slice(0, IS_FRESH + 1) as unknown as LeaseTuple, candidate: candidateOf(row) };
    });
    await this.#readRoom(found.map(({ candidate }) => candidate));
    const ids = new Map<number, string>();
    const chosen: LeaseTuple[] = [];
    for (const { lease, candidate } of found) {
      const [number, id, queue] = candidate;
      const room = this.#room.get(queue) ?? Number.POSITIVE_INFINITY;
      if (chosen.length >= this.#request.limit) break;
      if (room <= 0) continue;
      this.#room.set(queue, room - 1);
      ids.set(number, id);
      chosen.push(lease);
    }
    this.#take(chosen);
    return this.#toLeases(chosen, ids);
  }

  /** Marks locked items as held, each in its own row. */
  #take(rows: readonly LeaseTuple[]): void {
    if (rows.length === 0) return;
    const [batches, ordinals] = [rows.map(([batch]) => batch), rows.map(([, ordinal]) => ordinal)];
    this.#tx.send(this.#queries.take, this.#request.worker, batches, ordinals);
  }

  /** Marks fresh items as held, with one row for those of a batch. */
  #takeFresh(rows: readonly LeaseTuple[]): void {
    const ranges = new Map<number, { readonly first: number; last: number }>();
    for (const [batch, ordinal] of rows) {
      const range = ranges.get(batch);
      if (range === undefined) ranges.set(batch, { first: ordinal, last: ordinal });
      else range.last = ordinal;
    }
    if (ranges.size === 0) return;
    const batches = [...ranges.keys()];
    const lasts = batches.map((batch) => ranges.get(batch)?.last);
    const firsts = batches.map((batch) => ranges.get(batch)?.first);
    this.#tx.send(this.#queries.dropBlocks, this.#request.worker);
    this.#tx.send(this.#queries.addBlocks, this.#request.worker, batches, firsts, lasts);
    this.#tx.send(this.#queries.advance, batches, lasts);
  }

  #toLeases(rows: readonly LeaseTuple[], ids: ReadonlyMap<number, string>): readonly Lease[] {
    const idsOf = new Map(Array.from(ids, ([batch, id]) => [batch, itemIdsOf(id)]));
    return rows.map((row) => toLease(row, this.#request.worker, idsOf.get(row[0])?.(row[1]) ?? ""));
  }

  /** Locks the queues that have a limit, and reads what is left of it. */
  async #readRoom(rows: readonly CandidateTuple[]): Promise<void> {
    const names = rows.flatMap(([, , queue, , , concurrency]) =>
      concurrency === null || this.#room.has(queue) ? [] : [queue],
    );
    if (names.length === 0) return;
    const unique = [...new Set(names)].sort();
    const [limits, held] = await Promise.all([
      this.#tx.all(this.#queries.limited, unique),
      this.#tx.all(this.#queries.held, unique),
    ]);
    for (const [name, concurrency] of limits) this.#room.set(name, concurrency);
    for (const [name, items] of held) this.#room.set(name, (this.#room.get(name) ?? 0) - items);
  }
}

/** The items that a claim takes, in the order in which it chose their batches; inside a batch by priority, then age. */
function inOrder(rows: readonly LeaseTuple[], order: readonly Candidate[]): readonly LeaseTuple[] {
  const ofBatch = new Map<number, LeaseTuple[]>();
  for (const row of rows) {
    const list = ofBatch.get(row[0]);
    if (list === undefined) ofBatch.set(row[0], [row]);
    else list.push(row);
  }
  // The last one first: they are taken from the end.
  for (const list of ofBatch.values()) list.sort((a, b) => b[2] - a[2] || b[1] - a[1]);
  return order.flatMap(({ number }) => {
    const row = ofBatch.get(number)?.pop();
    return row === undefined ? [] : [row];
  });
}

/** Of a fresh item, which nothing has happened to, all else is known. */
function leaseOfFresh([batch, ordinal, key, input, size, kind]: FreshTuple): LeaseTuple {
  return [batch, ordinal, 0, 0, key, input, size, kind, null, 0, 0, 0, false, true];
}

function candidateOf(row: readonly [...LeaseTuple, ...CandidateTuple]): CandidateTuple {
  return row.slice(IS_FRESH + 1) as unknown as CandidateTuple;
}

function toCandidate([number, id, queue, priority, ready]: CandidateTuple): Candidate {
  return { number, id, queue, priority, ready, taken: 0 };
}

function toLease(row: LeaseTuple, worker: number, id: string): Lease {
  return {
    item: itemNumberFrom(row[0], row[1]),
    token: row[3] + 1,
    worker,
    batch: row[0],
    id,
    key: row[4],
    input: row[5],
    size: row[6],
    kind: row[7],
    saved: row[8],
    attempt: row[9] + 1,
    failures: row[10],
    crashes: row[11],
    isSuspect: row[12],
  };
}
