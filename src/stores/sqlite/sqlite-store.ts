import type { Pulse } from "../../ports/pulse.ts";
import type { Store } from "../../ports/store.ts";
import { Blocks } from "./blocks.ts";
import { prepareClaim } from "./claim.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Controller } from "./control.ts";
import { prepareDiagnose } from "./diagnose.ts";
import { prepareDump } from "./dump.ts";
import { ItemChanges } from "./item-changes.ts";
import { prepareItemReads } from "./item-reads.ts";
import { prepareLearning } from "./learning.ts";
import { prepareLedger } from "./ledger.ts";
import { startFilePulse } from "./pulse.ts";
import { Reads } from "./reads.ts";
import { Recorder } from "./record.ts";
import { prepareSessions } from "./sessions.ts";
import { Steps } from "./steps.ts";
import { Submitter } from "./submit.ts";
import { prepareUpkeep } from "./upkeep.ts";
import { Verifier } from "./verify.ts";
import { Watcher } from "./watcher.ts";

export type SqliteStoreOptions = ConnectionOptions;

/**
 * Opens a store in one SQLite file, which is made if it is not there, with its folder. Several processes may have it open.
 *
 * Records survive the death of any process at once, and a power cut after the next `checkpoint` or sealed submission.
 * The file must lie on a local disk. A file that is damaged, newer or another program's is refused and left as it is.
 *
 * @throws {MilepostError} `STORE_UNSUPPORTED`, `STORE_SCHEMA`, `STORE_CORRUPT`, `STORE_READ_ONLY`, `STORE_FULL`;
 * `STORE_UNAVAILABLE` (retryable) where another process kept the file busy for `busyRetryMs`.
 * @example
 * const store = await openSqliteStore({ path: ".milepost/milepost.db", clock: systemClock });
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const connection = new Connection(options);
  await connection.initialize();
  try {
    return storeOver(connection);
  } catch (error) {
    connection.close();
    throw error;
  }
}

function storeOver(connection: Connection): Store {
  const ledger = prepareLedger(connection);
  const blocks = new Blocks(connection);
  const changes = new ItemChanges(connection, blocks);
  const steps = new Steps(connection, { changes, blocks });
  const upkeep = prepareUpkeep(connection, ledger, steps);
  const reads = new Reads(connection);
  const submitter = new Submitter(connection, ledger, reads);
  const recorder = new Recorder(connection, ledger, { changes, blocks, reads });
  const controller = new Controller(connection, ledger, { changes, steps });
  const verifier = new Verifier(connection, ledger, { changes, blocks });
  const watcher = new Watcher(connection);
  const pulses = new Set<Pulse>();
  const claim = prepareClaim(connection, blocks);
  const sessions = prepareSessions(connection, ledger, { changes, finishStalled: upkeep.finishStalled });
  return {
    location: connection.path,
    ...sessions,
    orders(worker, confirmed) {
      watcher.lookAlong();
      return sessions.orders(worker, confirmed);
    },
    ...prepareItemReads(connection),
    ...prepareLearning(connection, reads),
    prune: upkeep.prune,
    diagnose: prepareDiagnose(connection),
    dump: prepareDump(connection),
    checkpoint: upkeep.checkpoint,
    async claim(request) {
      const claimed = await claim(request);
      watcher.claimed(claimed.leases.length === request.limit);
      return claimed;
    },
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
    changes: (batch, since, limit) => reads.changes(batch, since, limit),
    verify: (options) => verifier.verify(options),
    subscribe: (listener) => watcher.subscribe(listener),
    pulse(worker, { everyMs }, onLost) {
      const started = startFilePulse(connection, { worker, everyMs, onLost });
      const pulse = { stop: () => started.stop().finally(() => pulses.delete(pulse)) };
      pulses.add(pulse);
      return pulse;
    },
    async close() {
      watcher.close();
      await Promise.all([...pulses].map((pulse) => pulse.stop()));
      connection.close();
    },
  };
}
