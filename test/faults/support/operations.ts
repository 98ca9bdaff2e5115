import type { Lease } from "../../../src/ports/store.ts";
import type { MadeBatch, StoreTrial } from "../../../src/testing/store-trial.ts";

/** A call that writes, in a store that is made ready for it. What `prepare` returns is handed to `act` as JSON. */
export interface Operation<Ready = unknown> {
  readonly name: string;
  readonly prepare: (trial: StoreTrial) => Promise<Ready>;
  readonly act: (trial: StoreTrial, ready: Ready) => Promise<unknown>;
  /** Transactions that it is made of; default: 1. */
  readonly commits?: number;
}

function operation<Ready>(name: string, prepare: Operation<Ready>["prepare"], act: Operation<Ready>["act"]): Operation {
  return { name, prepare, act } as Operation;
}

/** A batch of `items` of which one worker holds all, the first two of them started. */
async function held(trial: StoreTrial, items = 3): Promise<{ batch: MadeBatch; leases: readonly Lease[] }> {
  const batch = await trial.batch({ items, name: "held" });
  const leases = await trial.claim(await trial.worker());
  for (const lease of leases.slice(0, 2)) await trial.start(lease);
  return { batch, leases };
}

async function failed(trial: StoreTrial): Promise<MadeBatch> {
  const { batch, leases } = await held(trial);
  for (const lease of leases) await trial.fail(lease);
  return batch;
}

async function ended(trial: StoreTrial): Promise<MadeBatch> {
  const { batch, leases } = await held(trial);
  for (const lease of leases) await trial.complete(lease);
  return batch;
}

const submitNew = (trial: StoreTrial) => trial.batch({ name: "new", items: ["a", "b", "b", "c"] });

/** Every kind of transaction that the engine makes. */
export const OPERATIONS: readonly Operation[] = [
  operation("submit", async () => null, submitNew),
  operation("submit-again", ended, (trial, batch) => trial.submit(batch.number, ["item-0", "x", "y"])),
  operation("open-session", submitNew, (trial) => trial.worker()),
  operation(
    "beat",
    (trial) => trial.worker(),
    (trial, worker) => {
      trial.clock.advance(1_000);
      return trial.store.beat(worker);
    },
  ),
  operation(
    "claim",
    async (trial) => {
      await trial.batch({ items: 5 });
      const worker = await trial.worker();
      await trial.fail(await trial.claimOne(worker), { retryAt: 1 });
      return worker;
    },
    (trial, worker) => trial.claim(worker, { limit: 4 }),
  ),
  operation(
    "record-progress",
    (trial) => held(trial),
    (trial, { leases }) =>
      trial.store.record(
        leases.map((lease) => ({
          ...{ type: "progress", item: lease.item, lease, startedAt: 5, fraction: 400, saved: '{"page":4}' },
          progress: { stage: "one", done: 4, total: 10, unit: "page", message: null },
        })),
        trial.clock.now(),
      ),
  ),
  operation(
    "record-complete",
    (trial) => held(trial),
    (trial, { leases }) =>
      trial.store.record(
        leases.map((lease) => ({ type: "complete", item: lease.item, lease, startedAt: 5, output: '{"ok":1}' })),
        trial.clock.now(),
      ),
  ),
  operation(
    "record-fail",
    (trial) => held(trial),
    (trial, { leases }) =>
      trial.store.record(
        leases.map((lease, index) => ({
          ...{ type: "fail", item: lease.item, lease, startedAt: 5, retryAt: index === 0 ? 1 : null },
          error: { name: "Error", message: "broken", code: null },
        })),
        trial.clock.now(),
      ),
  ),
  operation(
    "record-release",
    (trial) => held(trial),
    (trial, { leases }) =>
      trial.store.record(
        leases.map((lease, index) => ({
          ...{ type: "release", item: lease.item, lease, startedAt: index === 2 ? null : 5, isCrash: index === 1 },
        })),
        trial.clock.now(),
      ),
  ),
  operation(
    "pause",
    (trial) => held(trial),
    (trial, { batch }) => trial.command({ type: "stop", target: { batch: batch.number } }),
  ),
  operation(
    "orders",
    async (trial) => {
      const { batch, leases } = await held(trial);
      await trial.command({ type: "priority", target: { batch: batch.number }, priority: 3 });
      return leases;
    },
    (trial, leases) => trial.store.orders(leases[0]?.worker ?? 0, 1),
  ),
  operation(
    "cancel",
    (trial) => held(trial),
    (trial, { batch }) => trial.commandWhole({ type: "cancel", target: { batch: batch.number } }),
  ),
  operation("retry", failed, (trial, batch) =>
    trial.commandWhole({ type: "retry", target: { batch: batch.number }, failedOnly: true }),
  ),
  operation("remove-item", ended, (trial, batch) =>
    trial.command({ type: "remove", target: { item: batch.items[1] ?? 0 } }),
  ),
  operation("remove-batch", failed, (trial, batch) =>
    trial.commandWhole({ type: "remove", target: { batch: batch.number } }),
  ),
  operation(
    "close-session",
    (trial) => held(trial),
    (trial, { leases }) => trial.store.closeSession(leases[0]?.worker ?? 0, trial.clock.now()),
  ),
  operation(
    "reap",
    async (trial) => {
      await held(trial);
      await trial.worker();
    },
    (trial) => trial.store.reap(trial.clock.now(), () => true),
  ),
  {
    // One that removes the items, one that removes what is left of the batch.
    ...operation("prune", ended, (trial) =>
      trial.store.prune({ olderThanMs: null, keep: 0, limit: 10 }, trial.clock.now() + 1),
    ),
    commits: 2,
  },
  operation("checkpoint", ended, (trial, batch) => trial.store.checkpoint(batch.number, trial.clock.now())),
];
