import type { ClientConfig, Pool, PoolClient, QueryResult } from "pg";
import { MilepostError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CopyPurpose } from "./copy-mark.ts";
import { loadPg, type PgModule } from "./load-pg.ts";
import { type Location, readLocation } from "./location.ts";
import { LONG_MS, migrate } from "./migrator.ts";
import { lockKeyOf, qualify } from "./names.ts";
import { isBroken, isCollision, isConnectionError, toStoreError } from "./postgres-errors.ts";
import { Transaction } from "./transaction.ts";
import { NoTurnError, SILENT_MS, Turns } from "./turns.ts";

export interface ConnectionOptions {
  /** As `readLocation` reads it. */
  readonly url: string;
  readonly clock: Clock;
  /** Refuse to make the schema where it is not there. Default false. */
  readonly mustExist?: boolean;
  /** For tests: leases are judged by it, not by the database's clock. */
  readonly leaseClock?: Clock;
  readonly copy?: CopyPurpose;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** After so long without an answer a connection is taken for dead. Longer than what the server ends by itself. */
const ANSWER_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 8_000;
/** Of what runs alone, a step of a command on a large batch for instance, which is rare and does more at once. */
const ALONE_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 5_000;
/** A process that stands still in the middle of a transaction keeps others from what it has locked for this long at most. */
const IDLE_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
/** A transaction that met another one in a deadlock is made again so often. */
const TRIES = 8;

const LIMITS_SQL = `SET LOCAL lock_timeout TO ${LOCK_TIMEOUT_MS}; SET LOCAL idle_in_transaction_session_timeout TO ${IDLE_TIMEOUT_MS}`;
/**
 * Items are found by their numbers, in an index, and no more is looked at than is asked for. Of a table that is not large yet the planner
 * would rather read all of it, for a few hundred items; of one that it knows too little about, the places of all that waits, a million
 * items (a bitmap), for the first few hundred.
 */
const PLANS_SQL = `${["hashjoin", "mergejoin", "bitmapscan"].map((way) => `SET LOCAL enable_${way} TO off`).join("; ")}; SET LOCAL jit TO off`;
const INT8 = 20;
const SERVER_MIN = 140_000;

/** A statement whose rows come back as tuples, in the order of its columns. */
export interface Statement<Row extends readonly unknown[] = readonly unknown[]> {
  readonly text: string;
  /** Under which the server keeps it parsed. */
  readonly name: string;
  /** Goes before all that is not: a heartbeat, orders for workers. */
  readonly isUrgent: boolean;
  /** Only for its type. */
  readonly row?: Row;
}

/**
 * Who may run beside a transaction. `shared`: all others that are shared, for these keep out of each other's way by locks on
 * rows: items first, by number, then batches, by number. `alone`: nothing that changes items or batches; for commands and
 * repairs, which are rare, and reach for rows that they do not know before.
 */
export type Gate = "shared" | "alone" | "none";

export interface WriteOptions {
  readonly gate?: Gate;
  /** It resolves when the commit, and with it every earlier one, survives a power cut. */
  readonly isDurable?: boolean;
  /** Asked after `work` whether somebody may wait for it: a batch that ended or went, orders for workers. Default: yes. */
  readonly isAwaited?: () => boolean;
  /** False for what nobody else can see. Default true. */
  readonly isTold?: boolean;
  readonly isLong?: boolean;
  /** As of a statement. */
  readonly isUrgent?: boolean;
}

interface TransactOptions {
  readonly begin: string;
  readonly timeoutMs: number;
  readonly isUrgent: boolean;
}

/** How far one try of a transaction has come. `isCommitted`: its commit was sent. */
interface Way {
  isBegun: boolean;
  isCommitted: boolean;
}

/**
 * The way to the database: a bounded pool of connections, transactions, errors in the store's terms. Statements of one
 * transaction that are sent without waiting between them travel together.
 */
export class Connection {
  readonly location: Location;
  readonly clock: Clock;
  readonly #options: ConnectionOptions;
  /** Called after each commit that changed something that others can see. */
  onCommit: (isAwaited: boolean) => void = () => {};
  /** For functions of the store that pass the gate by themselves. */
  readonly gateKey: string;
  #pg: PgModule | null = null;
  #pool: Pool | null = null;
  readonly #turns: Turns;
  #isOpen = true;
  #statements = 0;
  /** The setting of `synchronous_commit` under which a commit waits until it survives a power cut. */
  durableCommit = "on";
  /** Names this store object among all that have the store open. */
  self = "";
  /** Names the store among all stores, whichever way leads to it. */
  identity = "";
  /** Of the copy that is being made in the schema; null: it is a store. */
  mark: string | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.location = readLocation(options.url);
    this.clock = options.clock;
    this.#turns = new Turns({ clock: options.clock, most: this.location.connections });
    this.gateKey = lockKeyOf(this.location.schema, "gate");
  }

  /** Connects, checks the server and brings the schema up to date. */
  async initialize(): Promise<void> {
    this.#pg = await loadPg();
    const client = this.newClient("start");
    try {
      await client.connect();
      await this.#inspectServer(client);
      this.mark = await migrate(client, {
        schema: this.location.schema,
        shown: this.location.shown,
        partitions: this.location.partitions,
        lockKey: lockKeyOf(this.location.schema, "migrate"),
        now: this.clock.now(),
        mayCreate: this.#options.mustExist !== true,
        ...(this.#options.copy !== undefined && { copy: this.#options.copy }),
      });
      const { rows } = await client.query(qualify("SELECT identity FROM @meta", this.location.schema));
      this.identity = `postgres ${rows[0].identity}`;
    } catch (error) {
      throw toStoreError(error, this.location.shown);
    } finally {
      await client.end().catch(() => {});
    }
    this.#pool = new this.#pg.Pool({
      ...this.#config(),
      // As many as `Turns` lets run at once: nobody waits in the pool, whose limit is meant for connecting.
      max: this.location.connections + 1,
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
    });
    // A connection that is lost while nobody uses it is replaced when somebody does.
    this.#pool.on("error", () => {});
    // One that is lost while it is used fails what it is used for.
    this.#pool.on("connect", (client) => void client.on("error", () => {}));
  }

  /** A connection beside the pool, not connected yet. */
  newClient(purpose: string): InstanceType<PgModule["Client"]> {
    if (this.#pg === null) throw new Error("pg has not been loaded yet");
    const client = new this.#pg.Client({ ...this.#config(), application_name: `milepost ${purpose}` });
    // What is wrong is told by the query at hand, or by the event `end`.
    client.on("error", () => {});
    return client;
  }

  /** Writes a statement, with `@` before names in the store's schema and `:now` for the time by which leases are judged. */
  query<Row extends readonly unknown[] = readonly unknown[]>(
    sql: string,
    { isUrgent = false }: Pick<WriteOptions, "isUrgent"> = {},
  ): Statement<Row> {
    this.#statements += 1;
    const text = qualify(sql, this.location.schema);
    const now = "(extract(epoch FROM clock_timestamp()) * 1000)::float8";
    const name = `milepost-${this.#statements}`;
    // By a clock of the test's each call has its own text.
    if (this.#options.leaseClock !== undefined && text.includes(":now")) return { text, name: "", isUrgent };
    return { text: text.replaceAll(":now", now), name, isUrgent };
  }

  /** Runs `work` in one transaction; if it throws, nothing was changed. `work` may run more than once. */
  async write<T>(work: (tx: Transaction) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    const { gate = "none", isDurable = false, isAwaited = () => true, isTold = true, isLong = false } = options;
    const { isUrgent = false } = options;
    const shortMs = gate === "alone" ? ALONE_TIMEOUT_MS : STATEMENT_TIMEOUT_MS;
    const timeoutMs = isLong ? LONG_MS : shortMs;
    const commit = isDurable ? this.durableCommit : "off";
    const plans = isLong ? "" : `; ${PLANS_SQL}`;
    const begin = `BEGIN; ${LIMITS_SQL}; SET LOCAL statement_timeout TO ${timeoutMs}; SET LOCAL synchronous_commit TO ${commit}${plans}`;
    let last: Transaction | null = null;
    const result = await this.#transact({ begin, timeoutMs, isUrgent }, (tx) => {
      last = tx;
      if (gate !== "none") tx.send(this.#gates[gate], this.gateKey);
      return work(tx);
    });
    // Known only now: what was sent last is answered with the commit.
    const { hasChanged } = last ?? { hasChanged: false };
    if (hasChanged && isTold) this.onCommit(isAwaited());
    return result;
  }

  /** Runs `work` on one snapshot of the store. */
  async read<T>(work: (tx: Transaction) => Promise<T>, options: Pick<WriteOptions, "isLong"> = {}): Promise<T> {
    const timeoutMs = options.isLong === true ? LONG_MS : STATEMENT_TIMEOUT_MS;
    const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${LIMITS_SQL}; SET LOCAL statement_timeout TO ${timeoutMs}`;
    return this.#transact({ begin, timeoutMs, isUrgent: false }, work);
  }

  /** Runs one statement by itself, which is a snapshot and a transaction of its own. */
  async one<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    ...values: readonly unknown[]
  ): Promise<QueryResult<Row & unknown[]>> {
    return this.#withClient(statement.isUrgent, (client) =>
      client.query<Row & unknown[]>(this.#toQuery(statement, values)),
    );
  }

  /** The same for a function that writes: made again after a collision. Who calls it tells of what it changed. */
  async call<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    for (let tried = 1; ; tried++) {
      try {
        return (await this.one(statement, ...values)).rows;
      } catch (error) {
        if (tried === TRIES || !isCollision(causeOf(error))) throw error;
      }
    }
  }

  async all<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    ...values: readonly unknown[]
  ): Promise<readonly Row[]> {
    return (await this.one(statement, ...values)).rows;
  }

  async get<Row extends readonly unknown[]>(
    statement: Statement<Row>,
    ...values: readonly unknown[]
  ): Promise<Row | undefined> {
    return (await this.one(statement, ...values)).rows[0];
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#turns.close();
    await this.#pool?.end();
  }

  readonly #gates = {
    shared: { text: "SELECT pg_advisory_xact_lock_shared($1)", name: "milepost-shared", isUrgent: false },
    alone: { text: "SELECT pg_advisory_xact_lock($1)", name: "milepost-alone", isUrgent: false },
  } as const;

  async #transact<T>(how: TransactOptions, work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      const way: Way = { isBegun: false, isCommitted: false };
      try {
        return await this.#withClient(how.isUrgent, (client) => this.#transactOnce(client, { ...how, way }, work));
      } catch (error) {
        const cause = causeOf(error);
        // Before its commit is sent a transaction has changed nothing, wherever its connection broke.
        const isUndone = way.isBegun && !way.isCommitted && isBroken(cause);
        if (tried === TRIES || !(isUndone || isCollision(cause))) throw error;
      }
    }
  }

  async #transactOnce<T>(
    client: PoolClient,
    how: TransactOptions & { readonly way: Way },
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    how.way.isBegun = true;
    const tx = new Transaction(client, (statement, values) => ({
      ...this.#toQuery(statement, values),
      query_timeout: how.timeoutMs + ANSWER_TIMEOUT_MS - STATEMENT_TIMEOUT_MS,
    }));
    try {
      tx.begin(how.begin);
      const result = await work(tx);
      how.way.isCommitted = true;
      await tx.commit();
      return result;
    } catch (error) {
      // The server rolls back by itself where the connection is gone.
      if (!isConnectionError(error)) await client.query("ROLLBACK").catch(() => {});
      throw error;
    }
  }

  /** @throws {MilepostError} `CLOSED` */
  assertOpen(): Pool {
    if (this.#isOpen && this.#pool !== null) return this.#pool;
    throw new MilepostError("CLOSED", `store ${this.location.shown} is closed`);
  }

  async #withClient<T>(isUrgent: boolean, work: (client: PoolClient) => Promise<T>): Promise<T> {
    this.assertOpen();
    const end = await this.#turn(isUrgent);
    let client: PoolClient | null = null;
    let isLost = false;
    try {
      client = await this.assertOpen().connect();
      return await work(client);
    } catch (error) {
      isLost = isConnectionError(error);
      throw toStoreError(error, this.location.shown);
    } finally {
      client?.release(isLost);
      end(!isLost);
    }
  }

  async #turn(isUrgent: boolean): Promise<(isAnswered: boolean) => void> {
    try {
      return await this.#turns.begin({ isUrgent });
    } catch (error) {
      if (!(error instanceof NoTurnError)) throw error;
      if (error.reason === "closed") this.assertOpen();
      throw new MilepostError(
        "STORE_UNAVAILABLE",
        `store ${this.location.shown}: no call has been answered for ${SILENT_MS / 1_000} s. Try again; nothing was changed.`,
      );
    }
  }

  #toQuery(statement: Statement, values: readonly unknown[]) {
    const { leaseClock } = this.#options;
    const text =
      leaseClock === undefined ? statement.text : statement.text.replaceAll(":now", `${leaseClock.monotonic()}`);
    const isNamed = this.location.isPrepared && statement.name !== "";
    return {
      text,
      values: values.map(toParameter),
      rowMode: "array" as const,
      ...(isNamed && { name: statement.name }),
    };
  }

  #config(): ClientConfig {
    const types = this.#pg?.types;
    return {
      connectionString: this.location.url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      application_name: "milepost",
      pipeline: true,
      // Our numbers and times are all below 2⁵³.
      types: {
        getTypeParser: (oid: number, format?: "text" | "binary") =>
          oid === INT8 ? Number : types?.getTypeParser(oid, format as "text"),
      } as NonNullable<ClientConfig["types"]>,
    };
  }

  async #inspectServer(client: InstanceType<PgModule["Client"]>): Promise<void> {
    const { rows } = await client.query(`SELECT current_setting('server_version_num')::int AS version,
      current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS commit,
      gen_random_uuid()::text AS self`);
    const { version, encoding, commit, self } = rows[0];
    if (version < SERVER_MIN || encoding !== "UTF8") {
      throw new MilepostError(
        "STORE_UNSUPPORTED",
        `${this.location.shown} must be PostgreSQL 14 or newer with a database in UTF8; found version ${Math.floor(version / 10_000)} and ${encoding}`,
      );
    }
    this.self = self;
    // Where the server waits for more than its own disk, durable commits do too.
    if (commit !== "off") this.durableCommit = commit;
  }
}

/** Arrays of numbers as PostgreSQL writes them: pg looks at each element for what only texts can have, which costs as much as all the rest. */
function toParameter(value: unknown): unknown {
  if (!Array.isArray(value) || !value.every(isPlain)) return value;
  return `{${value.map((element) => element ?? "NULL").join(",")}}`;
}

function isPlain(element: unknown): boolean {
  return element === null || typeof element === "number" || typeof element === "boolean";
}

function causeOf(error: unknown): unknown {
  return error instanceof MilepostError ? error.cause : error;
}
