import assert from "node:assert/strict";
import fc from "fast-check";
import type { ItemRow } from "../../src/core/item.ts";
import type { OpenStore } from "../../src/testing/conformance-case.ts";
import { StoreTrial } from "../../src/testing/store-trial.ts";
import { OPERATION, type Operation, openWorker, operate, type Pair } from "./operations.ts";
import { CRASH_BUDGET, StoreModel } from "./store-model.ts";

export const HISTORY = fc.array(OPERATION, { maxLength: 60, size: "max" });

/** Compares everything that both of them show. The trial's auditor has looked at counts, versions, feed and percent by itself. */
async function compare({ trial, model, batch }: Pair): Promise<void> {
  const row = await trial.row(batch);
  assert.deepEqual(
    [row.control, row.isCancelled, row.isSealed, row.endedAt !== null, row.epoch],
    [model.control, model.isCancelled, model.isSealed, model.isEnded, model.epoch],
    "control, cancelled, sealed, ended and epoch of the batch",
  );
  const items = await trial.store.items({ batch, limit: 100 });
  assert.deepEqual(
    items.map((item) => [item.key, item.number, item.state, item.isHeld, item.priority, item.attempts, item.crashes]),
    model.ordered.map((item) => [
      item.key,
      item.number,
      item.state,
      item.isHeld,
      item.priority,
      item.attempts,
      item.crashes,
    ]),
  );
  for (const session of await trial.store.sessions()) {
    const held = model.ordered.filter((item) => item.lease?.worker === session.number);
    const orders = await trial.store.orders(session.number, null);
    assert.deepEqual(
      orders.held.map((order) => order.item).sort(),
      held.map((item) => item.number).sort(),
      "what a worker holds",
    );
    assert.equal(session.held, held.length);
  }
  assert.deepEqual(await trial.store.verify({ repair: false }), [], "verify finds nothing wrong");
}

/** A pending item has no lease that anyone can use: stores need not agree on the number of the next. */
function withoutUnusedToken(item: ItemRow): Partial<ItemRow> {
  const { token: _token, ...rest } = item;
  return item.state === "pending" ? rest : item;
}

/** All that is left of a history: what readers see, with attempts and feed. */
async function remainsOf(trial: StoreTrial, batch: number): Promise<unknown> {
  const items = await trial.store.items({ batch, limit: 100 });
  const row = await trial.row(batch);
  const details = await Promise.all(items.map((item) => trial.store.item({ number: item.number })));
  const changes = await trial.store.changes(batch, 0, 1_000);
  return {
    row,
    details: details.map((detail) => detail && { ...detail, item: withoutUnusedToken(detail.item) }),
    changes: { ...changes, items: changes.items.map(withoutUnusedToken) },
    breakdown: await trial.store.breakdown(batch),
    queues: await trial.store.queues(),
    sessions: await trial.store.sessions(),
  };
}

/** Lives through a history and returns what is left of it. */
export function live(openStore: OpenStore, operations: readonly Operation[]): Promise<unknown> {
  return liveOn(openStore, operations, remainsOf);
}

/** Lives through a history, hands its store to `use` and closes it. */
export async function liveOn<T>(
  openStore: OpenStore,
  operations: readonly Operation[],
  use: (trial: StoreTrial, batch: number) => Promise<T>,
): Promise<T> {
  const trial = await StoreTrial.open(openStore);
  try {
    const made = await trial.batch({ items: ["key-0", "key-1"], seal: false, policy: { crashBudget: CRASH_BUDGET } });
    const pair: Pair = { trial, model: new StoreModel(), batch: made.number, leases: [] };
    pair.model.add(
      made.items.map((number, index) => ({ key: `key-${index}`, number })),
      false,
    );
    await openWorker(pair, 0);
    await openWorker(pair, 1);
    for (const operation of operations) {
      await operate(pair, operation);
      await compare(pair);
    }
    return await use(trial, made.number);
  } finally {
    await trial.close();
  }
}

/**
 * Lives through random histories with a fresh store each, for at most nine seconds, and compares after every step.
 * On failure the error holds the seed and the shortest history that was found.
 */
export async function checkHistories(openStore: OpenStore, runs: number): Promise<void> {
  const property = fc.asyncProperty(HISTORY, async (operations) => void (await live(openStore, operations)));
  await fc.assert(property, { numRuns: runs, interruptAfterTimeLimit: 9_000, markInterruptAsFailure: false });
}
