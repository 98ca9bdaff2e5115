import type { Pulse } from "../../ports/pulse.ts";
import type { Store } from "../../ports/store.ts";
import { startPulse } from "../pulse.ts";
import { prepareClaim } from "./claim.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Controller } from "./control.ts";
import { prepareDiagnose } from "./diagnose.ts";
import { prepareDump } from "./dump.ts";
import { Durability } from "./durability.ts";
import { prepareItemChanges } from "./item-changes.ts";
import { prepareItemReads } from "./item-reads.ts";
import { prepareLearning } from "./learning.ts";
import { prepareLedger } from "./ledger.ts";
import type { PulseSetup } from "./pulse-thread.ts";
import { Reads } from "./reads.ts";
import { Recorder } from "./record.ts";
import { BEAT, prepareSessions } from "./sessions.ts";
import { Steps } from "./steps.ts";
import { Submitter } from "./submit.ts";
import { prepareUpkeep } from "./upkeep.ts";
import { Verifier } from "./verify.ts";
import { Watcher } from "./watcher.ts";

export type PostgresStoreOptions = ConnectionOptions;

/**
 * Opens a store in a schema of a PostgreSQL database (14 or newer), which is made if it is not there. Any number of processes on
 * any number of machines may have it open.
 *
 * Records survive the death of any process at once, and a power cut of the server after the next `checkpoint`, sealed
 * submission or end of a batch. Leases are judged by the server's clock. A call whose connection breaks is `STORE_UNAVAILABLE`: it may have taken
 * effect all the same, and may be made again.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`, `MISSING_DEPENDENCY`, `NOT_FOUND`, `STORE_UNSUPPORTED`, `STORE_SCHEMA`, `STORE_READ_ONLY`;
 * `STORE_UNAVAILABLE` (retryable) where the server does not answer.
 * @example
 * const store = await openPostgresStore({ url: "postgres://me@db.example/work", clock: systemClock });
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const connection = new Connection(options);
  await connection.initialize();
  return storeOver(connection);
}

function storeOver(connection: Connection): Store {
  const ledger = prepareLedger(connection);
  const items = prepareItemChanges(connection);
  const steps = new Steps(connection);
  const upkeep = prepareUpkeep(connection, ledger, steps);
  const reads = new Reads(connection);
  const submitter = new Submitter(connection, ledger, reads);
  const recorder = new Recorder(connection, ledger, { items, reads });
  const controller = new Controller(connection, ledger, { items, steps });
  const verifier = new Verifier(connection, ledger, items);
  const watcher = new Watcher(connection);
  const durability = new Durability(connection);
  const beat = connection.query(BEAT);
  const pulses = new Set<Pulse>();
  return {
    location: connection.location.shown,
    identity: connection.identity,
    ...prepareSessions(connection, ledger, {
      items,
      finishStalled: upkeep.finishStalled,
      awaited: () => watcher.awaited,
    }),
    ...prepareItemReads(connection),
    ...prepareLearning(connection, reads),
    prune: upkeep.prune,
    diagnose: prepareDiagnose(connection),
    dump: prepareDump(connection),
    checkpoint: upkeep.checkpoint,
    claim: prepareClaim(connection),
    submit: (submission) => submitter.submit(submission),
    record: (reports, now) => recorder.record(reports, now),
    amend: (amendment) => recorder.amend(amendment),
    control: (command, now) => controller.control(command, now),
    queues: () => reads.queues(),
    batches: (query) => reads.batches(query),
    countBatches: (filter) => reads.countBatches(filter),
    batch: (ref) => reads.batch(ref),
    versions: (ids, owner) => reads.versions(ids, owner),
    item: (ref) => reads.item(ref),
    async changes(batch, since, limit) {
      const page = await reads.changes(batch, since, limit);
      if (page.isResumable) await durability.reached(batch, page.version);
      return page;
    },
    verify: (options) => verifier.verify(options),
    subscribe: (listener) => watcher.subscribe(listener),
    pulse(worker, { everyMs, leftMs }, onLost) {
      const leaseEndsAt = Number(process.hrtime.bigint()) / 1e6 + leftMs;
      const setup: PulseSetup = { url: connection.location.url, beat: beat.text, worker, everyMs, leaseEndsAt };
      const started = startPulse({ beside: import.meta.url, setup, onLost });
      const pulse = { stop: () => started.stop().finally(() => pulses.delete(pulse)) };
      pulses.add(pulse);
      return pulse;
    },
    async close() {
      await Promise.all([...pulses].map((pulse) => pulse.stop()));
      await watcher.close();
      await connection.close();
    },
  };
}
