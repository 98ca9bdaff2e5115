import { chanceOf, itemNumberFrom, splitItemNumber } from "../../core/ids.ts";
import { invariant } from "../../core/invariant.ts";
import { takenId, type VerdictKind } from "../../core/request.ts";
import type { BatchSpec, ItemSpec, Submission, Submitted } from "../../ports/store.ts";
import { PENDING, toStateCode } from "../codes.ts";
import { isLate, NOTHING, requireNumber, requireRoom, requireSame } from "../submission.ts";
import type { Connection } from "./connection.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import type { Reads } from "./reads.ts";
import { Requests } from "./requests.ts";

/** Fewer items than this are inserted one by one. */
const NAMES_MIN = 8;
const ADDED: VerdictKind = "added";

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    findNamed: connection.query<[number]>(
      "SELECT number FROM batches WHERE owner = ? AND name = ? AND is_removing = 0",
    ),
    // By what the ids of its items are made of: that must be its own too.
    findId: connection.query<[number, string, string, string | null, string, number]>(
      "SELECT number, id, owner, name, pipeline, is_removing FROM batches WHERE substr(id, 16) = ?",
    ),
    insertQueue: connection.query("INSERT INTO queues (name) VALUES (?) ON CONFLICT DO NOTHING"),
    insertBatch: connection.query<[number]>(`INSERT INTO batches (id, owner, name, queue, pipeline, options, policy,
    stages, priority, start_at, work, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`),
    insertItem:
      connection.query(`INSERT INTO items (id, batch, key, fresh, priority, version, input, size, kind, state, ended_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (batch, key) DO NOTHING`),
    insertNames: connection.query(`INSERT INTO items (id, batch, key, fresh, priority, version)
    SELECT ?1 + key, ?2, value, 1, 0, ?3 FROM json_each(?4) WHERE true ON CONFLICT (batch, key) DO NOTHING`),
    savepoint: connection.query("SAVEPOINT names"),
    rollback: connection.query("ROLLBACK TO names"),
    release: connection.query("RELEASE names"),
    insertAddition: connection.query("INSERT INTO additions (batch, version, ordinal) VALUES (?, ?, ?)"),
    findKey: connection.query<[number]>("SELECT id FROM items WHERE batch = ? AND key = ?"),
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

  #findBatch(batch: BatchSpec | number): number | undefined {
    if (typeof batch === "number") return batch;
    const named = batch.name === null ? undefined : this.#queries.findNamed.get(batch.owner, batch.name);
    if (named !== undefined) return named[0];
    const row = this.#queries.findId.get(chanceOf(batch.id));
    if (row === undefined) return undefined;
    const [number, id, owner, name, pipeline, isRemoving] = row;
    requireSame({ id, owner, name, pipeline }, batch);
    if (isRemoving === 1) throw takenId(batch.id);
    return number;
  }

  #createBatch(spec: BatchSpec, now: number): number {
    this.#queries.insertQueue.run(spec.queue);
    const row = this.#queries.insertBatch.get(
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
    requireNumber(row[0], `store ${this.#connection.path}`);
    return row[0];
  }

  /**
   * The common case in one statement: items of which nothing but their keys is given, none of them known. It takes half the
   * time of an insert for each. Changes nothing and returns false if that is not what they are.
   */
  #tryAddNames(entry: LedgerEntry, items: readonly ItemSpec[]): boolean {
    const [first] = items;
    if (first === undefined || items.length < NAMES_MIN || !items.every(isNameOnly)) return false;
    if (this.#queries.findKey.get(entry.number, first.key) !== undefined) return false;
    this.#queries.savepoint.run();
    const number = itemNumberFrom(entry.number, entry.nextOrdinal);
    const keys = JSON.stringify(items.map((item) => item.key));
    const isAdded = this.#queries.insertNames.run(number, entry.number, entry.version, keys) === items.length;
    if (!isAdded) this.#queries.rollback.run();
    this.#queries.release.run();
    if (isAdded) this.#noteAdded(entry, "pending", entry.nextOrdinal + items.length);
    return isAdded;
  }

  #noteAdded(entry: LedgerEntry, state: "pending" | "cancelled", nextOrdinal: number): void {
    const { nextOrdinal: first } = entry;
    if (nextOrdinal === first) return;
    this.#queries.insertAddition.run(entry.number, entry.version, first);
    entry.delta.add(state, nextOrdinal - first);
    entry.nextOrdinal = nextOrdinal;
  }

  #addItems(
    entry: LedgerEntry,
    submission: Submission,
    how: { readonly firstOrdinal: number; readonly state: "pending" | "cancelled" },
  ) {
    if (how.state === "pending" && this.#tryAddNames(entry, submission.items)) {
      const first = itemNumberFrom(entry.number, entry.nextOrdinal - submission.items.length);
      return { verdicts: submission.items.map(() => ADDED), items: submission.items.map((_, index) => first + index) };
    }
    const state = toStateCode(how.state);
    const endedAt = how.state === "cancelled" ? submission.now : null;
    const { version } = entry;
    const verdicts: VerdictKind[] = [];
    const items: number[] = [];
    let ordinal = entry.nextOrdinal;
    for (const item of submission.items) {
      const number = itemNumberFrom(entry.number, ordinal);
      const { key, priority, input, size, kind } = item;
      const fresh = state === PENDING && priority === 0 ? 1 : 0;
      const added = this.#queries.insertItem.run(
        number,
        entry.number,
        key,
        fresh,
        priority,
        version,
        input,
        size,
        kind,
        state,
        endedAt,
      );
      if (added === 1) {
        ordinal += 1;
        verdicts.push("added");
        items.push(number);
        continue;
      }
      const known = this.#queries.findKey.get(entry.number, key)?.[0];
      invariant(known !== undefined, "a key that conflicts is there");
      verdicts.push(splitItemNumber(known).ordinal >= how.firstOrdinal ? "duplicate" : "known");
      items.push(known);
    }
    this.#noteAdded(entry, how.state, ordinal);
    return { verdicts, items };
  }

  #submitNow(submission: Submission): Submitted {
    const request = submission.request === undefined ? null : this.#requests.find(submission.batch, submission.request);
    if (request?.isRepeat === true) {
      const batch = this.#reads.batchNow(request.batch);
      return { ...NOTHING, batch, repeated: request.counts };
    }
    const known = this.#findBatch(submission.batch);
    const isNew = known === undefined;
    const number =
      known ?? (typeof submission.batch === "number" ? 0 : this.#createBatch(submission.batch, submission.now));
    const ledger = new Ledger(this.#ledgerQueries, submission.now);
    const entry = ledger.find(number);
    if (entry === null) return NOTHING;
    requireRoom(entry.nextOrdinal, submission.items.length);
    const firstOrdinal = submission.firstOrdinal ?? entry.nextOrdinal;
    const isStopped = isLate(submission, entry);
    const state = isStopped ? "cancelled" : "pending";
    const { verdicts, items } = this.#addItems(entry, submission, { firstOrdinal, state });
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
    if (submission.request !== undefined) this.#requests.keep(number, submission.request, { before, verdicts });
    return { batch: this.#reads.batchNow(number), isNew, verdicts, items, firstOrdinal, repeated: null };
  }

  async submit(submission: Submission): Promise<Submitted> {
    return this.#connection.write(() => this.#submitNow(submission), {
      isDurable: submission.isDurable ?? submission.seal,
    });
  }
}

function isNameOnly({ input, size, kind, priority }: ItemSpec): boolean {
  return input === null && size === null && kind === null && priority === 0;
}
