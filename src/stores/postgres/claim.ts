import { itemIdsOf, itemNumberFrom, splitItemNumber } from "../../core/ids.ts";
import { invariant } from "../../core/invariant.ts";
import type { Claimed, ClaimRequest, Lease } from "../../ports/store.ts";
import { share } from "./claim-shares.ts";
import type { Connection, Statement, Transaction } from "./connection.ts";
import { CLAIMABLE, READY } from "./rows.ts";

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
];

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
  readonly worker: Statement;
  readonly promote: Statement;
  readonly candidates: Statement<CandidateTuple>;
  readonly named: Statement<readonly [batch: number, ordinal: number, ...CandidateTuple]>;
  readonly limited: Statement<readonly [string, number]>;
  readonly held: Statement<readonly [string, number]>;
  readonly take: Statement<LeaseTuple>;
  readonly takeThese: Statement<LeaseTuple>;
  readonly nextAt: Statement<readonly [number | null]>;
}

function prepareQueries(connection: Connection): Queries {
  const joined = "@batches AS b JOIN @queues AS q ON q.name = b.queue";
  return {
    worker: connection.query("SELECT 1 FROM @workers WHERE number = $1"),
    // Of paused batches too: that a back-off is over can be seen. What others look at just now is theirs.
    promote: connection.query(`UPDATE @items AS i SET run_at = 0 FROM (SELECT due.batch, due.ordinal FROM @batches AS b
      CROSS JOIN LATERAL (SELECT batch, ordinal FROM @items WHERE batch = b.number AND state = 0 AND run_at > 0
      AND run_at <= $2 ORDER BY run_at LIMIT ${PROMOTED_MAX} FOR UPDATE SKIP LOCKED) AS due WHERE b.ended_at IS NULL
      AND NOT b.is_removing AND (cardinality($1::text[]) = 0 OR b.queue = ANY ($1))) AS d
      WHERE i.batch = d.batch AND i.ordinal = d.ordinal`),
    candidates: connection.query(`SELECT ${CANDIDATE_COLUMNS}, r.ready, q.concurrency FROM ${joined}
      CROSS JOIN LATERAL (SELECT count(*)::int AS ready FROM (SELECT 1 FROM @items WHERE batch = b.number AND ${READY}
      LIMIT $5) AS few) AS r WHERE ${WANTED} AND (b.start_at IS NULL OR b.start_at <= $4) AND r.ready > 0
      AND (b.priority, b.number) > ($6, $7) ORDER BY b.priority, b.number LIMIT ${BATCHES_PAGE}`),
    named: connection.query(`SELECT i.batch, i.ordinal, ${CANDIDATE_COLUMNS}, 1, q.concurrency
      FROM unnest($5::int[], $6::int[]) WITH ORDINALITY AS n (batch, ordinal, place)
      JOIN @items AS i ON i.batch = n.batch AND i.ordinal = n.ordinal JOIN @batches AS b ON b.number = i.batch
      JOIN @queues AS q ON q.name = b.queue WHERE ${WANTED} AND (b.start_at IS NULL OR b.start_at <= $4)
      AND i.${READY.replaceAll(" AND ", " AND i.").replaceAll("i.NOT ", "NOT i.")} ORDER BY n.place
      FOR UPDATE OF i SKIP LOCKED`),
    // Claims from a queue with a limit come one after the other, and each counts what the others have taken.
    limited: connection.query(`SELECT name, concurrency FROM @queues WHERE name = ANY ($1::text[])
      AND concurrency IS NOT NULL ORDER BY name FOR UPDATE`),
    held: connection.query(`SELECT b.queue, count(*)::int FROM @batches AS b JOIN @items AS i ON i.batch = b.number
      WHERE b.queue = ANY ($1::text[]) AND b.ended_at IS NULL AND i.worker <> 0 GROUP BY b.queue`),
    // Materialized: else the planner may read the items a second time, and take more than were locked.
    take: connection.query(`WITH picked AS MATERIALIZED (SELECT r.batch, r.ordinal
      FROM unnest($2::int[], $3::int[]) AS n (batch, items) CROSS JOIN LATERAL (SELECT batch, ordinal FROM @items
      WHERE batch = n.batch AND ${READY} ORDER BY priority, ordinal LIMIT n.items FOR UPDATE SKIP LOCKED) AS r)
      UPDATE @items AS i SET worker = $1, token = token + 1 FROM picked AS p
      WHERE i.batch = p.batch AND i.ordinal = p.ordinal RETURNING ${LEASE_COLUMNS}`),
    takeThese: connection.query(`UPDATE @items AS i SET worker = $1, token = token + 1
      FROM unnest($2::int[], $3::int[]) AS n (batch, ordinal)
      WHERE i.batch = n.batch AND i.ordinal = n.ordinal RETURNING ${LEASE_COLUMNS}`),
    nextAt: connection.query(`SELECT min(at) FROM (
      SELECT greatest(due.run_at, b.start_at) AS at FROM ${joined} CROSS JOIN LATERAL (SELECT run_at FROM @items
      WHERE batch = b.number AND state = 0 AND run_at > 0 AND NOT held ORDER BY run_at LIMIT 1) AS due WHERE ${WANTED}
      UNION ALL SELECT b.start_at FROM ${joined} WHERE ${WANTED} AND b.start_at > $4) AS times`),
  };
}

/** Prepares `claim` of the port. */
export function prepareClaim(connection: Connection): (request: ClaimRequest) => Promise<Claimed> {
  const queries = prepareQueries(connection);
  // A claim cannot be seen from outside, so nobody is told.
  return (request) =>
    connection.write((tx) => new Claim(queries, tx, request).run(), { gate: "shared", isTold: false });
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
    this.#wanted = [request.queues, request.pipelines, request.batch ?? null, request.now];
  }

  async run(): Promise<Claimed> {
    const { worker, only } = this.#request;
    const session = this.#tx.get(this.#queries.worker, worker);
    this.#tx.send(this.#queries.promote, this.#request.queues, this.#request.now);
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
    const rows = await this.#tx.all(
      this.#queries.take,
      this.#request.worker,
      taken.map((candidate) => candidate.number),
      taken.map((candidate) => candidate.taken),
    );
    return this.#inOrder(rows, order);
  }

  async #takeThese(session: Promise<unknown>, numbers: readonly number[]): Promise<readonly Lease[]> {
    const places = numbers.map(splitItemNumber).filter(({ batch }) => batch > 0);
    const rows = await this.#tx.all(
      this.#queries.named,
      ...this.#wanted,
      places.map(({ batch }) => batch),
      places.map(({ ordinal }) => ordinal),
    );
    if ((await session) === undefined) return [];
    await this.#readRoom(rows.map(([, , ...candidate]) => candidate));
    const ids = new Map<number, string>();
    const chosen: (readonly [number, number])[] = [];
    for (const [batch, ordinal, , id, queue] of rows) {
      const room = this.#room.get(queue) ?? Number.POSITIVE_INFINITY;
      if (chosen.length >= this.#request.limit) break;
      if (room <= 0) continue;
      this.#room.set(queue, room - 1);
      ids.set(batch, id);
      chosen.push([batch, ordinal]);
    }
    if (chosen.length === 0) return [];
    const [batches, ordinals] = [chosen.map(([batch]) => batch), chosen.map(([, ordinal]) => ordinal)];
    const taken = await this.#tx.all(this.#queries.takeThese, this.#request.worker, batches, ordinals);
    const places2 = new Map(chosen.map(([batch, ordinal], place) => [itemNumberFrom(batch, ordinal), place]));
    const leases = taken.map((row) => toLease(row, this.#request.worker, itemIdsOf(ids.get(row[0]) ?? "")));
    return leases.sort((a, b) => (places2.get(a.item) ?? 0) - (places2.get(b.item) ?? 0));
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
    const counts = new Map(held);
    for (const [name, concurrency] of limits) this.#room.set(name, concurrency - (counts.get(name) ?? 0));
  }

  /** The leases in the order in which the claim chose their batches; inside a batch by priority, then age. */
  #inOrder(rows: readonly LeaseTuple[], order: readonly Candidate[]): readonly Lease[] {
    invariant(rows.length <= order.length, `claimed ${rows.length} items where ${order.length} were wanted`);
    const ofBatch = new Map<number, LeaseTuple[]>();
    for (const row of rows) {
      const list = ofBatch.get(row[0]);
      if (list === undefined) ofBatch.set(row[0], [row]);
      else list.push(row);
    }
    // The last one first: they are taken from the end.
    for (const list of ofBatch.values()) list.sort((a, b) => b[2] - a[2] || b[1] - a[1]);
    const ids = new Map<number, (ordinal: number) => string>();
    return order.flatMap(({ number, id }) => {
      const row = ofBatch.get(number)?.pop();
      if (row === undefined) return [];
      let idOf = ids.get(number);
      if (idOf === undefined) {
        idOf = itemIdsOf(id);
        ids.set(number, idOf);
      }
      return [toLease(row, this.#request.worker, idOf)];
    });
  }
}

function toCandidate([number, id, queue, priority, ready]: CandidateTuple): Candidate {
  return { number, id, queue, priority, ready, taken: 0 };
}

function toLease(row: LeaseTuple, worker: number, idOf: (ordinal: number) => string): Lease {
  return {
    item: itemNumberFrom(row[0], row[1]),
    token: row[3],
    worker,
    batch: row[0],
    id: idOf(row[1]),
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
