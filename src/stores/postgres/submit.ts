import { chanceOf, itemNumberFrom } from "../../core/ids.ts";
import { invariant } from "../../core/invariant.ts";
import { takenId, type VerdictKind } from "../../core/request.ts";
import type { BatchSpec, ItemSpec, Submission, Submitted } from "../../ports/store.ts";
import { PENDING, toStateCode } from "../codes.ts";
import { isLate, NOTHING, requireNumber, requireRoom, requireSame } from "../submission.ts";
import type { Connection, Statement } from "./connection.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import { keyPlace, lockKeyOf } from "./names.ts";
import type { Reads } from "./reads.ts";
import { Requests } from "./requests.ts";
import type { Transaction } from "./transaction.ts";

interface Queries {
  readonly lock: Statement;
  readonly ownerOf: Statement<readonly [string]>;
  readonly findNamed: Statement<readonly [number]>;
  readonly findId: Statement<readonly [number, string, string, string | null, string, boolean]>;
  readonly insertQueue: Statement;
  readonly insertBatch: Statement<readonly [number]>;
  readonly insertFrontier: Statement;
  readonly insertItems: Statement;
  readonly savepoint: Statement;
  readonly rollback: Statement;
  readonly findKeys: Statement<readonly [string, number]>;
}

function prepareQueries(connection: Connection): Queries {
  return {
    lock: connection.query("SELECT pg_advisory_xact_lock($1)"),
    ownerOf: connection.query("SELECT owner FROM @batches WHERE number = $1"),
    findNamed: connection.query("SELECT number FROM @batches WHERE owner = $1 AND name = $2 AND NOT is_removing"),
    // By what the ids of its items are made of: that must be its own too.
    findId: connection.query(`SELECT number, id, owner, name, pipeline, is_removing FROM @batches
      WHERE substr(id, 16) = $1`),
    insertQueue: connection.query("INSERT INTO @queues (name) VALUES ($1) ON CONFLICT DO NOTHING"),
    insertBatch: connection.query(`INSERT INTO @batches (id, owner, name, queue, pipeline, options, policy, stages,
      priority, start_at, work, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING number`),
    insertFrontier: connection.query("INSERT INTO @frontiers (batch, ordinal) VALUES ($1, 0)"),
    insertItems:
      connection.query(`INSERT INTO @items (batch, ordinal, version, state, fresh, ended_at, key, priority, size,
      kind, input) SELECT $1, $2 + n.place - 1, $3, $4::smallint, $4::smallint = 0 AND n.priority = 0, $5, n.key, n.priority, n.size, n.kind, n.input
      FROM unnest($6::text[], $7::int[], $8::float8[], $9::text[], $10::text[])
      WITH ORDINALITY AS n (key, priority, size, kind, input, place) ON CONFLICT DO NOTHING`),
    savepoint: connection.query("SAVEPOINT items"),
    rollback: connection.query("ROLLBACK TO SAVEPOINT items"),
    findKeys: connection.query(`SELECT i.key, i.ordinal FROM unnest($2::text[]) AS n (key) JOIN @items AS i
      ON i.batch = $1 AND ${keyPlace("i.key")} = ${keyPlace("n.key")} AND i.key = n.key`),
  };
}

/** `submit` of the port. */
export class Submitter {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #ledgerQueries: LedgerQueries;
  readonly #reads: Reads;
  readonly #requests: Requests;

  constructor(connection: Connection, ledgerQueries: LedgerQueries, reads: Reads) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#ledgerQueries = ledgerQueries;
    this.#reads = reads;
    this.#requests = new Requests(connection);
  }

  async submit(submission: Submission): Promise<Submitted> {
    // Each chunk: a crash of the server would undo the last of them, and the submission, which goes on after it, would have a hole.
    return this.#connection.write((tx) => this.#submitNow(tx, submission), { gate: "shared", isDurable: true });
  }

  async #submitNow(tx: Transaction, submission: Submission): Promise<Submitted> {
    const { batch: given, now } = submission;
    const request = submission.request === undefined ? null : await this.#findRequest(tx, submission);
    if (request?.isRepeat === true) {
      const batch = await this.#reads.batchNow(tx, request.batch);
      return { ...NOTHING, batch, repeated: request.counts };
    }
    const known = await this.#findBatch(tx, given);
    const isNew = known === null;
    const number = known ?? (typeof given === "number" ? 0 : await this.#createBatch(tx, given, now));
    const ledger = new Ledger(this.#ledgerQueries, tx, now);
    await ledger.lock([number]);
    const entry = ledger.find(number);
    if (entry === null) return NOTHING;
    requireRoom(entry.nextOrdinal, submission.items.length);
    const firstOrdinal = submission.firstOrdinal ?? entry.nextOrdinal;
    const isStopped = isLate(submission, entry);
    const state = isStopped ? "cancelled" : "pending";
    const { verdicts, items } = await this.#addItems(tx, entry, submission, { firstOrdinal, state });
    if (entry.delta.total > 0 && !isStopped) {
      if (entry.isSealed) ledger.reopen(entry);
      entry.isCancelled = false;
      entry.isSealed = false;
      entry.resetsPercent = true;
    }
    const isSealedNow = submission.seal && !entry.isSealed;
    if (isSealedNow) entry.isSealed = true;
    entry.isChanged = isNew || entry.delta.total > 0 || isSealedNow;
    ledger.settle();
    const before = submission.firstOrdinal === undefined ? null : (request?.counts ?? null);
    if (submission.request !== undefined) this.#requests.keep(tx, entry, submission.request, { before, verdicts });
    const batch = await this.#reads.batchNow(tx, number);
    return { batch, isNew, verdicts, items, firstOrdinal, repeated: null };
  }

  /** Keeps others from the same request until the commit. */
  async #findRequest(tx: Transaction, { batch, request }: Submission) {
    if (request === undefined) return null;
    const owner = typeof batch === "number" ? (await tx.get(this.#queries.ownerOf, batch))?.[0] : batch.owner;
    if (owner === undefined) return null;
    tx.send(this.#queries.lock, this.#lockKey("request", owner, request.key));
    return this.#requests.find(tx, owner, request, typeof batch === "number" ? batch : null);
  }

  /** The number of a batch that is there; null: it must be made, and nobody else makes it before the commit. */
  async #findBatch(tx: Transaction, batch: BatchSpec | number): Promise<number | null> {
    if (typeof batch === "number") return batch;
    const known = await this.#findSpec(tx, batch);
    if (known !== null) return known;
    if (batch.name !== null) tx.send(this.#queries.lock, this.#lockKey("name", batch.owner, batch.name));
    tx.send(this.#queries.lock, this.#lockKey("id", chanceOf(batch.id)));
    return this.#findSpec(tx, batch);
  }

  async #findSpec(tx: Transaction, batch: BatchSpec): Promise<number | null> {
    const [named, row] = await Promise.all([
      batch.name === null ? undefined : tx.get(this.#queries.findNamed, batch.owner, batch.name),
      tx.get(this.#queries.findId, chanceOf(batch.id)),
    ]);
    if (named !== undefined) return named[0];
    if (row === undefined) return null;
    const [number, id, owner, name, pipeline, isRemoving] = row;
    requireSame({ id, owner, name, pipeline }, batch);
    if (isRemoving) throw takenId(batch.id);
    return number;
  }

  async #createBatch(tx: Transaction, spec: BatchSpec, now: number): Promise<number> {
    tx.send(this.#queries.insertQueue, spec.queue);
    const row = await tx.get(
      this.#queries.insertBatch,
      spec.id,
      spec.owner,
      spec.name,
      spec.queue,
      spec.pipeline,
      JSON.stringify(spec.options),
      JSON.stringify(spec.policy),
      JSON.stringify(spec.stages),
      spec.priority,
      spec.startAt,
      spec.work,
      now,
    );
    invariant(row !== undefined, "an inserted batch has a number");
    requireNumber(row[0], `store ${this.#connection.location.shown}`);
    tx.send(this.#queries.insertFrontier, row[0]);
    return row[0];
  }

  /** Adds those that are new. The batch's row is locked: nobody else adds to it. */
  async #addItems(
    tx: Transaction,
    entry: LedgerEntry,
    submission: Submission,
    how: { readonly firstOrdinal: number; readonly state: "pending" | "cancelled" },
  ): Promise<Pick<Submitted, "verdicts" | "items">> {
    const specs = new Map<string, ItemSpec>();
    for (const item of submission.items) if (!specs.has(item.key)) specs.set(item.key, item);
    const known = await this.#insertNew(tx, entry, [...specs.values()], { state: how.state, now: submission.now });
    const first = entry.nextOrdinal;
    const ordinals = new Map<string, number>();
    const verdicts: VerdictKind[] = [];
    const items = submission.items.map(({ key }) => {
      const old = known.get(key) ?? ordinals.get(key);
      const ordinal = old ?? first + ordinals.size;
      if (old === undefined) {
        ordinals.set(key, ordinal);
        verdicts.push("added");
      } else verdicts.push(old >= how.firstOrdinal ? "duplicate" : "known");
      return itemNumberFrom(entry.number, ordinal);
    });
    entry.delta.add(how.state, ordinals.size);
    entry.nextOrdinal += ordinals.size;
    return { verdicts, items };
  }

  /**
   * Inserts the items whose keys are new, with the next ordinals in their order, and returns the ordinals of the others. Mostly
   * all are new, and one statement does it; else it is undone and done again without those that are known.
   */
  async #insertNew(
    tx: Transaction,
    entry: LedgerEntry,
    specs: readonly ItemSpec[],
    how: { readonly state: "pending" | "cancelled"; readonly now: number },
  ): Promise<ReadonlyMap<string, number>> {
    if (specs.length === 0) return new Map();
    if (entry.nextOrdinal > 0) tx.send(this.#queries.savepoint);
    if ((await this.#insert(tx, entry, specs, how)) === specs.length) return new Map();
    tx.send(this.#queries.rollback);
    const keys = specs.map((item) => item.key);
    const known = new Map(await tx.all(this.#queries.findKeys, entry.number, keys));
    const fresh = specs.filter((item) => !known.has(item.key));
    const added = fresh.length === 0 ? 0 : await this.#insert(tx, entry, fresh, how);
    invariant(added === fresh.length, "a key that conflicts is known");
    return known;
  }

  async #insert(
    tx: Transaction,
    entry: LedgerEntry,
    specs: readonly ItemSpec[],
    { state, now }: { readonly state: "pending" | "cancelled"; readonly now: number },
  ): Promise<number> {
    const code = toStateCode(state);
    return tx.run(
      this.#queries.insertItems,
      entry.number,
      entry.nextOrdinal,
      entry.version,
      code,
      code === PENDING ? null : now,
      specs.map((item) => item.key),
      specs.map((item) => item.priority),
      specs.map((item) => item.size),
      specs.map((item) => item.kind),
      specs.map((item) => item.input),
    );
  }

  #lockKey(...what: readonly string[]): string {
    return lockKeyOf(this.#connection.location.schema, ...what);
  }
}
