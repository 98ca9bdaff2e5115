import { statusOf } from "../../core/batch.ts";
import { unreachable } from "../../core/invariant.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Refusal } from "../../core/machine.ts";
import type { Control } from "../../core/queue.ts";
import type { ControlCommand, ControlResult } from "../../ports/store.ts";
import { toControlCode } from "../codes.ts";
import type { Connection } from "./connection.ts";
import { type ItemControl, prepareItemControl } from "./control-item.ts";
import type { ItemChanges } from "./item-changes.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import type { Done, Steps } from "./steps.ts";

const CONTROL_OF = { pause: "pause", resume: "run", stop: "stop" } as const satisfies Record<string, Control>;

/** What a command came to, before the revision is known. */
export type Outcome = Done | { readonly ok: false; readonly reason: Refusal };

const UNCHANGED: Outcome = { ok: true, changed: 0, more: false };
const CHANGED: Outcome = { ok: true, changed: 1, more: false };

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    revision: connection.query<[number]>("SELECT revision FROM meta"),
    addQueue: connection.query("INSERT INTO queues (name) VALUES (?) ON CONFLICT DO NOTHING"),
    setControl: connection.query("UPDATE queues SET control = ?1 WHERE name = ?2 AND control <> ?1"),
    setConcurrency: connection.query("UPDATE queues SET concurrency = ?1 WHERE name = ?2 AND concurrency IS NOT ?1"),
    openOf: connection.query<[number]>(`SELECT number FROM batches INDEXED BY batches_open
    WHERE queue = ? AND ended_at IS NULL AND is_removing = 0 AND (is_cancelled = 0 OR pending > 0) ORDER BY number`),
    batchesOf: connection.query<[number]>("SELECT number FROM batches WHERE queue = ? ORDER BY number"),
    worker: connection.query<[concurrency: number, isDraining: number]>(
      "SELECT concurrency, is_draining FROM workers WHERE number = ?",
    ),
    drain: connection.query("UPDATE workers SET is_draining = 1 WHERE number = ?"),
    isRemoving: connection.query<[number]>("SELECT 1 FROM batches WHERE number = ? AND is_removing = 1"),
  };
}

/** `control` of the port. */
export class Controller {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #ledgerQueries: LedgerQueries;
  readonly #steps: Steps;
  readonly #controlItem: ItemControl;

  constructor(
    connection: Connection,
    ledgerQueries: LedgerQueries,
    parts: { readonly changes: ItemChanges; readonly steps: Steps },
  ) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#ledgerQueries = ledgerQueries;
    this.#steps = parts.steps;
    this.#controlItem = prepareItemControl(connection, parts.changes);
  }

  #controlQueue(ledger: Ledger, name: string, command: ControlCommand): Outcome {
    switch (command.type) {
      case "pause":
      case "resume":
      case "stop":
        this.#queries.addQueue.run(name);
        if (this.#queries.setControl.run(toControlCode(CONTROL_OF[command.type]), name) === 0) return UNCHANGED;
        ledger.hasOrders = true;
        return CHANGED;
      case "concurrency":
        this.#queries.addQueue.run(name);
        return this.#queries.setConcurrency.run(command.concurrency, name) === 0 ? UNCHANGED : CHANGED;
      case "cancel":
        return this.#steps.cancel(ledger, this.#queries.openOf.all(name).map(first));
      case "remove":
        return this.#steps.remove(ledger, this.#queries.batchesOf.all(name).map(first));
      case "clear":
      case "retry":
      case "hold":
      case "unhold":
      case "priority":
      case "drain":
        return { ok: false, reason: "wrong-state" };
      default:
        return unreachable(command);
    }
  }

  #controlBatch(ledger: Ledger, number: number, command: ControlCommand): Outcome {
    if (command.type === "remove" && this.#queries.isRemoving.get(number) !== undefined)
      return this.#steps.remove(ledger, [number]);
    const entry = ledger.find(number);
    if (entry === null) return { ok: false, reason: "not-found" };
    switch (command.type) {
      case "pause":
      case "resume":
      case "stop":
        return setBatchControl(ledger, entry, CONTROL_OF[command.type]);
      case "cancel":
        if (entry.endedAt === null) return this.#steps.cancel(ledger, [number]);
        return statusOf(entry) === "cancelled" ? UNCHANGED : { ok: false, reason: "wrong-state" };
      case "remove":
        if (command.endedBy !== undefined && (entry.endedAt === null || entry.endedAt > command.endedBy))
          return { ok: false, reason: "wrong-state" };
        return this.#steps.remove(ledger, [number]);
      case "clear":
        return this.#steps.clear(ledger, entry);
      case "retry":
        return this.#steps.retry(ledger, entry, command);
      case "priority":
        if (entry.priority === command.priority) return UNCHANGED;
        entry.priority = command.priority;
        ledger.hasOrders = true;
        entry.isChanged = true;
        return CHANGED;
      case "hold":
      case "unhold":
      case "concurrency":
      case "drain":
        return { ok: false, reason: "wrong-state" };
      default:
        return unreachable(command);
    }
  }

  #drain(ledger: Ledger, number: number): Outcome {
    const row = this.#queries.worker.get(number);
    if (row === undefined) return { ok: false, reason: "not-found" };
    const [concurrency, isDraining] = row;
    if (concurrency === 0) return { ok: false, reason: "wrong-state" };
    if (isDraining === 1) return UNCHANGED;
    this.#queries.drain.run(number);
    ledger.hasOrders = true;
    return CHANGED;
  }

  #controlNow(command: ControlCommand, now: number): ControlResult {
    const { target } = command;
    const ledger = new Ledger(this.#ledgerQueries, now);
    let outcome: Outcome;
    if ("worker" in target) outcome = this.#drain(ledger, target.worker);
    else if ("queue" in target) outcome = this.#controlQueue(ledger, target.queue, command);
    else if ("batch" in target) outcome = this.#controlBatch(ledger, target.batch, command);
    else {
      const entry = ledger.find(Math.floor(target.item / LIMITS.itemsPerBatch));
      outcome = entry === null ? { ok: false, reason: "not-found" } : this.#controlItem(ledger, entry, command, now);
    }
    ledger.settle();
    return outcome.ok ? { ...outcome, revision: this.#queries.revision.get()?.[0] ?? 0 } : outcome;
  }

  async control(command: ControlCommand, now: number): Promise<ControlResult> {
    return this.#connection.write(() => this.#controlNow(command, now), { isDurable: true });
  }
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
