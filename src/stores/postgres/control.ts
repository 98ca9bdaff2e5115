import { statusOf } from "../../core/batch.ts";
import { splitItemNumber } from "../../core/ids.ts";
import { unreachable } from "../../core/invariant.ts";
import type { Refusal } from "../../core/machine.ts";
import type { Control } from "../../core/queue.ts";
import type { ControlCommand, ControlResult } from "../../ports/store.ts";
import { toControlCode } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import { type ItemControl, prepareItemControl } from "./control-item.ts";
import { ItemChanges, type ItemQueries } from "./item-changes.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import type { Done, Steps } from "./steps.ts";
import type { Transaction } from "./transaction.ts";

const CONTROL_OF = { pause: "pause", resume: "run", stop: "stop" } as const satisfies Record<string, Control>;

/** What a command came to, before the revision is known. */
export type Outcome = Done | { readonly ok: false; readonly reason: Refusal };

const UNCHANGED: Outcome = { ok: true, changed: 0, more: false };
const CHANGED: Outcome = { ok: true, changed: 1, more: false };

interface Queries {
  readonly revision: Statement<readonly [number]>;
  readonly addQueue: Statement;
  readonly setControl: Statement;
  readonly setConcurrency: Statement;
  readonly openOf: Statement<readonly [number]>;
  readonly batchesOf: Statement<readonly [number]>;
  readonly isRemoving: Statement;
  readonly worker: Statement<readonly [concurrency: number, isDraining: boolean]>;
  readonly drain: Statement;
}

function prepareQueries(connection: Connection): Queries {
  return {
    revision: connection.query("SELECT revision FROM @meta"),
    addQueue: connection.query("INSERT INTO @queues (name) VALUES ($1) ON CONFLICT DO NOTHING"),
    setControl: connection.query("UPDATE @queues SET control = $1 WHERE name = $2 AND control <> $1"),
    setConcurrency: connection.query(
      "UPDATE @queues SET concurrency = $1 WHERE name = $2 AND concurrency IS DISTINCT FROM $1::int",
    ),
    openOf: connection.query(`SELECT number FROM @batches WHERE queue = $1 AND ended_at IS NULL AND NOT is_removing
      AND (NOT is_cancelled OR pending > 0) ORDER BY number`),
    batchesOf: connection.query("SELECT number FROM @batches WHERE queue = $1 ORDER BY number"),
    worker: connection.query("SELECT concurrency, is_draining FROM @workers WHERE number = $1"),
    drain: connection.query("UPDATE @workers SET is_draining = true WHERE number = $1"),
    isRemoving: connection.query("SELECT 1 FROM @batches WHERE number = $1 AND is_removing"),
  };
}

/** One command inside its transaction, which runs alone: nothing that it reads can change before its commit. */
interface Command {
  readonly tx: Transaction;
  readonly ledger: Ledger;
  readonly changes: ItemChanges;
  readonly command: ControlCommand;
}

/** `control` of the port. */
export class Controller {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #ledgerQueries: LedgerQueries;
  readonly #items: ItemQueries;
  readonly #steps: Steps;
  readonly #controlItem: ItemControl;

  constructor(
    connection: Connection,
    ledgerQueries: LedgerQueries,
    parts: { readonly items: ItemQueries; readonly steps: Steps },
  ) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#ledgerQueries = ledgerQueries;
    this.#items = parts.items;
    this.#steps = parts.steps;
    this.#controlItem = prepareItemControl(connection);
  }

  async control(command: ControlCommand, now: number): Promise<ControlResult> {
    return this.#connection.write((tx) => this.#controlNow(tx, command, now), { gate: "alone", isDurable: true });
  }

  async #controlNow(tx: Transaction, command: ControlCommand, now: number): Promise<ControlResult> {
    const ledger = new Ledger(this.#ledgerQueries, tx, now);
    const changes = new ItemChanges(this.#items, tx);
    const outcome = await this.#carryOut({ tx, ledger, changes, command });
    changes.settle();
    ledger.settle();
    if (!outcome.ok) return outcome;
    return { ...outcome, revision: (await tx.get(this.#queries.revision))?.[0] ?? 0 };
  }

  async #carryOut(given: Command): Promise<Outcome> {
    const { tx, ledger, changes, command } = given;
    const { target } = command;
    if ("worker" in target) return this.#drain(given, target.worker);
    if ("queue" in target) return this.#controlQueue(given, target.queue);
    if ("batch" in target) return this.#controlBatch(given, target.batch);
    const { batch } = splitItemNumber(target.item);
    await Promise.all([changes.lock([target.item]), ledger.lock([batch])]);
    const entry = ledger.find(batch);
    const item = changes.find(target.item);
    if (entry === null || item === null) return { ok: false, reason: "not-found" };
    return this.#controlItem(tx, { ledger, changes, entry, item, command });
  }

  async #drain({ tx, ledger }: Command, number: number): Promise<Outcome> {
    const row = await tx.get(this.#queries.worker, number);
    if (row === undefined) return { ok: false, reason: "not-found" };
    const [concurrency, isDraining] = row;
    if (concurrency === 0) return { ok: false, reason: "wrong-state" };
    if (isDraining) return UNCHANGED;
    tx.send(this.#queries.drain, number);
    ledger.hasOrders = true;
    return CHANGED;
  }

  async #controlQueue({ tx, ledger, changes, command }: Command, name: string): Promise<Outcome> {
    switch (command.type) {
      case "pause":
      case "resume":
      case "stop": {
        tx.send(this.#queries.addQueue, name);
        const rows = await tx.run(this.#queries.setControl, toControlCode(CONTROL_OF[command.type]), name);
        ledger.hasOrders = rows > 0;
        return rows === 0 ? UNCHANGED : CHANGED;
      }
      case "concurrency":
        tx.send(this.#queries.addQueue, name);
        return (await tx.run(this.#queries.setConcurrency, command.concurrency, name)) === 0 ? UNCHANGED : CHANGED;
      case "cancel": {
        const batches = (await tx.all(this.#queries.openOf, name)).map(first);
        await ledger.lock(batches);
        return this.#steps.cancel({ ledger, changes }, batches);
      }
      case "remove":
        return this.#steps.remove(tx, ledger, (await tx.all(this.#queries.batchesOf, name)).map(first));
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

  async #controlBatch({ tx, ledger, changes, command }: Command, number: number): Promise<Outcome> {
    if (command.type === "remove" && (await tx.get(this.#queries.isRemoving, number)) !== undefined)
      return this.#steps.remove(tx, ledger, [number]);
    await ledger.lock([number]);
    const entry = ledger.find(number);
    if (entry === null) return { ok: false, reason: "not-found" };
    switch (command.type) {
      case "pause":
      case "resume":
      case "stop":
        return setBatchControl(ledger, entry, CONTROL_OF[command.type]);
      case "cancel":
        if (entry.endedAt === null) return this.#steps.cancel({ ledger, changes }, [number]);
        return statusOf(entry) === "cancelled" ? UNCHANGED : { ok: false, reason: "wrong-state" };
      case "remove":
        if (command.endedBy !== undefined && (entry.endedAt === null || entry.endedAt > command.endedBy))
          return { ok: false, reason: "wrong-state" };
        return this.#steps.remove(tx, ledger, [number]);
      case "clear":
        return this.#steps.clear(tx, { ledger, changes }, entry);
      case "retry":
        return this.#steps.retry({ ledger, changes }, entry, command);
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
