import { statusOf } from "../../core/batch.ts";
import { unreachable } from "../../core/invariant.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Refusal } from "../../core/machine.ts";
import type { Control } from "../../core/queue.ts";
import type { ControlCommand, ControlResult } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import { prepareItemControl } from "./control-item.ts";
import type { ItemChanges } from "./item-changes.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import { toControlCode } from "./rows.ts";
import { type Done, prepareSteps } from "./steps.ts";

const CONTROL_OF = { pause: "pause", resume: "run", stop: "stop" } as const satisfies Record<string, Control>;

/** What a command came to, before the revision is known. */
export type Outcome = Done | { readonly ok: false; readonly reason: Refusal };

const UNCHANGED: Outcome = { ok: true, changed: 0, more: false };
const CHANGED: Outcome = { ok: true, changed: 1, more: false };

/** Prepares `control` of the port. */
export function prepareControl(
  connection: Connection,
  ledgerQueries: LedgerQueries,
  changes: ItemChanges,
): (command: ControlCommand, now: number) => Promise<ControlResult> {
  const controlItem = prepareItemControl(connection, changes);
  const steps = prepareSteps(connection, changes);
  const revision = connection.query<[number]>("SELECT revision FROM meta");
  const addQueue = connection.query("INSERT INTO queues (name) VALUES (?) ON CONFLICT DO NOTHING");
  const setControl = connection.query("UPDATE queues SET control = ?1 WHERE name = ?2 AND control <> ?1");
  const setConcurrency = connection.query(
    "UPDATE queues SET concurrency = ?1 WHERE name = ?2 AND concurrency IS NOT ?1",
  );
  const openOf = connection.query<[number]>(`SELECT number FROM batches INDEXED BY batches_open
    WHERE queue = ? AND ended_at IS NULL AND is_removing = 0 AND (is_cancelled = 0 OR pending > 0) ORDER BY number`);
  const batchesOf = connection.query<[number]>("SELECT number FROM batches WHERE queue = ? ORDER BY number");
  const isRemoving = connection.query<[number]>("SELECT 1 FROM batches WHERE number = ? AND is_removing = 1");

  function controlQueue(ledger: Ledger, name: string, command: ControlCommand): Outcome {
    switch (command.type) {
      case "pause":
      case "resume":
      case "stop":
        addQueue.run(name);
        if (setControl.run(toControlCode(CONTROL_OF[command.type]), name) === 0) return UNCHANGED;
        ledger.hasOrders = true;
        return CHANGED;
      case "concurrency":
        addQueue.run(name);
        return setConcurrency.run(command.concurrency, name) === 0 ? UNCHANGED : CHANGED;
      case "cancel":
        return steps.cancel(ledger, openOf.all(name).map(first));
      case "remove":
        return steps.remove(ledger, batchesOf.all(name).map(first));
      case "retry":
      case "hold":
      case "unhold":
      case "priority":
        return { ok: false, reason: "wrong-state" };
      default:
        return unreachable(command);
    }
  }

  function controlBatch(ledger: Ledger, number: number, command: ControlCommand): Outcome {
    if (command.type === "remove" && isRemoving.get(number) !== undefined) return steps.remove(ledger, [number]);
    const entry = ledger.find(number);
    if (entry === null) return { ok: false, reason: "not-found" };
    switch (command.type) {
      case "pause":
      case "resume":
      case "stop":
        return setBatchControl(ledger, entry, CONTROL_OF[command.type]);
      case "cancel":
        if (entry.endedAt === null) return steps.cancel(ledger, [number]);
        return statusOf(entry) === "cancelled" ? UNCHANGED : { ok: false, reason: "wrong-state" };
      case "remove":
        return steps.remove(ledger, [number]);
      case "retry":
        return steps.retry(ledger, entry, { failedOnly: command.failedOnly });
      case "priority":
        if (entry.priority === command.priority) return UNCHANGED;
        entry.priority = command.priority;
        entry.isChanged = true;
        return CHANGED;
      case "hold":
      case "unhold":
      case "concurrency":
        return { ok: false, reason: "wrong-state" };
      default:
        return unreachable(command);
    }
  }

  function controlNow(command: ControlCommand, now: number): ControlResult {
    const { target } = command;
    const ledger = new Ledger(ledgerQueries, now);
    let outcome: Outcome;
    if ("queue" in target) outcome = controlQueue(ledger, target.queue, command);
    else if ("batch" in target) outcome = controlBatch(ledger, target.batch, command);
    else {
      const entry = ledger.find(Math.floor(target.item / LIMITS.itemsPerBatch));
      outcome = entry === null ? { ok: false, reason: "not-found" } : controlItem(ledger, entry, command, now);
    }
    ledger.settle();
    return outcome.ok ? { ...outcome, revision: revision.get()?.[0] ?? 0 } : outcome;
  }

  return (command, now) => connection.write(() => controlNow(command, now));
}

function setBatchControl(ledger: Ledger, entry: LedgerEntry, control: Control): Outcome {
  if (entry.endedAt !== null) return { ok: false, reason: "wrong-state" };
  if (entry.control === control) return UNCHANGED;
  entry.control = control;
  entry.isChanged = true;
  ledger.hasOrders = true;
  return CHANGED;
}

function first(row: readonly [number]): number {
  return row[0];
}
