import { MilepostError } from "../../core/errors.ts";
import { itemNumberFrom, splitItemNumber } from "../../core/ids.ts";
import { invariant } from "../../core/invariant.ts";
import { LIMITS } from "../../core/limits.ts";
import type { BatchSpec, Submission, Submitted, VerdictKind } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import type { Reads } from "./reads.ts";

/** Prepares `submit` of the port. */
export function prepareSubmit(
  connection: Connection,
  ledgerQueries: LedgerQueries,
  reads: Pick<Reads, "batchNow">,
): (submission: Submission) => Promise<Submitted> {
  const findNamed = connection.query<[number]>(
    "SELECT number FROM batches WHERE owner = ? AND name = ? AND is_removing = 0",
  );
  const findId = connection.query<[number]>("SELECT number FROM batches WHERE id = ? AND is_removing = 0");
  const insertQueue = connection.query("INSERT INTO queues (name) VALUES (?) ON CONFLICT DO NOTHING");
  const insertBatch = connection.query<
    [number]
  >(`INSERT INTO batches (id, owner, name, queue, pipeline, options, policy,
    stages, priority, start_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`);
  const insertItem = connection.query(`INSERT INTO items (id, batch, key, priority, version, input, size, kind)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (batch, key) DO NOTHING`);
  const findKey = connection.query<[number]>("SELECT id FROM items WHERE batch = ? AND key = ?");

  function findBatch(batch: BatchSpec | number): number | undefined {
    if (typeof batch === "number") return batch;
    const named = batch.name === null ? undefined : findNamed.get(batch.owner, batch.name);
    return (named ?? findId.get(batch.id))?.[0];
  }

  function createBatch(spec: BatchSpec, now: number): number {
    insertQueue.run(spec.queue);
    const row = insertBatch.get(
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
      now,
    );
    invariant(row !== undefined, "an inserted batch has a number");
    return row[0];
  }

  function addItems(entry: LedgerEntry, submission: Submission, firstOrdinal: number) {
    const verdicts: VerdictKind[] = [];
    const items: number[] = [];
    let ordinal = entry.nextOrdinal;
    for (const item of submission.items) {
      const number = itemNumberFrom(entry.number, ordinal);
      const { key, priority, input, size, kind } = item;
      if (insertItem.run(number, entry.number, key, priority, entry.version, input, size, kind) === 1) {
        ordinal += 1;
        verdicts.push("added");
        items.push(number);
        continue;
      }
      const known = findKey.get(entry.number, key)?.[0];
      invariant(known !== undefined, "a key that conflicts is there");
      verdicts.push(splitItemNumber(known).ordinal >= firstOrdinal ? "duplicate" : "known");
      items.push(known);
    }
    entry.delta.add("pending", ordinal - entry.nextOrdinal);
    entry.nextOrdinal = ordinal;
    return { verdicts, items };
  }

  function submitNow(submission: Submission): Submitted {
    const known = findBatch(submission.batch);
    const isNew = known === undefined;
    const number = known ?? (typeof submission.batch === "number" ? 0 : createBatch(submission.batch, submission.now));
    const ledger = new Ledger(ledgerQueries, submission.now);
    const entry = ledger.find(number);
    if (entry === null) return { batch: null, isNew: false, verdicts: [], items: [], firstOrdinal: 0 };
    if (entry.nextOrdinal + submission.items.length > LIMITS.itemsPerBatch) {
      throw new MilepostError("INVALID_ARGUMENT", `a batch holds at most ${LIMITS.itemsPerBatch} items`);
    }
    const firstOrdinal = submission.firstOrdinal ?? entry.nextOrdinal;
    const { verdicts, items } = addItems(entry, submission, firstOrdinal);
    if (entry.delta.total > 0) {
      if (entry.isSealed) ledger.reopen(entry);
      entry.isCancelled = false;
      entry.isSealed = false;
      entry.resetsPercent = true;
    }
    const isSealedNow = submission.seal && !entry.isSealed;
    if (isSealedNow) entry.isSealed = true;
    entry.isChanged = isNew || entry.delta.total > 0 || isSealedNow;
    ledger.settle();
    return { batch: reads.batchNow(number), isNew, verdicts, items, firstOrdinal };
  }

  return (submission) => connection.write(() => submitNow(submission), submission.seal);
}
