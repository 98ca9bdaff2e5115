import { MilepostError } from "../../core/errors.ts";
import { invariant } from "../../core/invariant.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DumpedHead, DumpedRow, Restore } from "../../ports/dump.ts";
import type { ProcessIdentity } from "../../ports/host.ts";
import type { Store } from "../../ports/store.ts";
import { Connection } from "./connection.ts";
import { dropCopySql } from "./copy-mark.ts";
import { type DumpedKind, insertOf, toColumns } from "./dump-tables.ts";
import { MIGRATIONS } from "./migrator.ts";
import { openPostgresStore } from "./postgres-store.ts";
import type { Transaction } from "./transaction.ts";

export interface PostgresRestoreOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Who copies: what one that is dead left behind is removed. */
  readonly self: ProcessIdentity;
  readonly isDead: (process: ProcessIdentity) => boolean;
  /** As of `ConnectionOptions`. */
  readonly leaseClock?: Clock;
}

/**
 * Begins to make a store in a schema that has none. Until it is published the schema bears a mark, and is refused by whoever opens it.
 *
 * @throws {MilepostError} `CONFLICT` for a store that is there, or a copy that may be under way; as `openPostgresStore`
 */
export async function openPostgresRestore(options: PostgresRestoreOptions): Promise<Restore> {
  const { self, isDead, ...place } = options;
  const connection = new Connection({ ...place, copy: { begin: { self, isDead } } });
  await connection.initialize();
  const { mark } = connection;
  invariant(mark !== null, "a copy that was begun is marked");
  return new PostgresRestore(place, connection, mark);
}

class PostgresRestore implements Restore {
  readonly #place: Pick<PostgresRestoreOptions, "url" | "clock" | "leaseClock">;
  readonly #connection: Connection;
  readonly #mark: string;
  readonly #queries: ReturnType<typeof prepareQueries>;

  constructor(
    place: Pick<PostgresRestoreOptions, "url" | "clock" | "leaseClock">,
    connection: Connection,
    mark: string,
  ) {
    this.#place = place;
    this.#connection = connection;
    this.#mark = mark;
    this.#queries = prepareQueries(connection, mark);
  }

  async write(rows: readonly DumpedRow[]): Promise<void> {
    await this.#connection.write(async (tx) => {
      const mine = tx.get(this.#queries.mine, this.#mark);
      for (const run of runsOf(rows)) this.#put(tx, run);
      if ((await mine) === undefined) this.#refuse();
    });
  }

  open(): Promise<Store> {
    return openPostgresStore({ ...this.#place, copy: { mark: this.#mark } });
  }

  async publish(): Promise<void> {
    const publish = async (tx: Transaction): Promise<void> => {
      if ((await tx.run(this.#queries.publish, this.#mark)) === 0) this.#refuse();
    };
    // The planner knows nothing of what has just been written, until the server gets round to it.
    await this.#connection.write(async (tx) => tx.send(this.#queries.analyze), { isTold: false, isLong: true });
    // Durable, and with it all that was written before.
    await this.#connection.write(publish, { isDurable: true });
    await this.#connection.close();
  }

  /** One that was published, though its answer was lost, stays: it bears no mark any more. */
  async discard(): Promise<void> {
    await this.#connection.write(async (tx) => {
      if ((await tx.get(this.#queries.mine, this.#mark)) === undefined) return;
      for (const sql of this.#queries.discard) tx.send(sql);
    });
    await this.#connection.close();
  }

  #put(tx: Transaction, run: readonly DumpedRow[]): void {
    const [first] = run;
    if (first === undefined) return;
    if (first.kind === "head") {
      this.#putHead(tx, first);
      return;
    }
    tx.send(this.#queries[first.kind], ...toColumns(first.kind, run));
    if (first.kind !== "batch") return;
    tx.send(
      this.#queries.frontiers,
      run.map((row) => (row.kind === "batch" ? row.number : 0)),
    );
    for (const row of run)
      if (row.kind === "batch" && row.learned !== null) tx.send(this.#queries.learned, row.number, row.learned);
  }

  #putHead(tx: Transaction, head: DumpedHead): void {
    tx.send(this.#queries.head, head.revision);
    tx.send(this.#queries.sequence, "batches", head.nextBatch);
    tx.send(this.#queries.sequence, "workers", head.nextWorker);
  }

  #refuse(): never {
    throw new MilepostError("CONFLICT", `somebody removed the copy at ${this.#connection.location.shown} meanwhile`);
  }
}

/** Rows of one kind that follow each other; of works each by itself, for the order in which they come is kept with them. */
function runsOf(rows: readonly DumpedRow[]): readonly (readonly DumpedRow[])[] {
  const runs: DumpedRow[][] = [];
  for (const row of rows) {
    const run = runs.at(-1);
    if (run?.[0]?.kind === row.kind && row.kind !== "work") run.push(row);
    else runs.push([row]);
  }
  return runs;
}

/** Of row `r`, in SQL: what nobody has touched is fresh again. */
const IS_UNTOUCHED = `r.state = 0 AND r.token = 0 AND r.priority = 0 AND r.run_at = 0 AND r.attempts = 0 AND r.failures = 0
  AND r.crashes = 0 AND NOT r.held AND NOT r.suspect AND r.saved IS NULL AND r.error IS NULL AND r.output IS NULL`;

function prepareQueries(connection: Connection, mark: string) {
  const insert = (kind: DumpedKind, table: string, more: Readonly<Record<string, string>> = {}) =>
    connection.query(insertOf(kind, table, more));
  return {
    mine: connection.query("SELECT 1 FROM @meta WHERE restoring = $1 FOR SHARE"),
    publish: connection.query("UPDATE @meta SET restoring = NULL WHERE restoring = $1"),
    analyze: connection.query("ANALYZE @batches, @items, @attempts, @removals"),
    discard: dropCopySql(mark, MIGRATIONS).map((sql) => connection.query(sql)),
    head: connection.query("UPDATE @meta SET revision = $1"),
    sequence: connection.query("SELECT setval(pg_get_serial_sequence('@.' || $1::text, 'number'), $2::bigint, false)"),
    queue: insert("queue", "@queues"),
    work: insert("work", "@history"),
    batch: insert("batch", "@batches"),
    learned: connection.query("INSERT INTO @statistics (batch, state) VALUES ($1, $2)"),
    // Claims look for fresh items from the first one on.
    frontiers: connection.query(
      "INSERT INTO @frontiers (batch, ordinal) SELECT number, 0 FROM unnest($1::int[]) AS number",
    ),
    request: insert("request", "@requests"),
    item: insert("item", "@items", { fresh: IS_UNTOUCHED }),
    attempt: insert("attempt", "@attempts"),
    removal: insert("removal", "@removals"),
  };
}
