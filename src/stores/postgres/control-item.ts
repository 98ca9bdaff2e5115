import { decide, type Refusal } from "../../core/machine.ts";
import type { ItemState } from "../../core/transitions.ts";
import type { ControlCommand } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges, ItemFacts } from "./item-changes.ts";
import { prepareItemRemoval } from "./item-removal.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import type { Done } from "./steps.ts";
import type { Transaction } from "./transaction.ts";

type ItemOutcome = Done | { readonly ok: false; readonly reason: Refusal; readonly state?: ItemState };

interface Given {
  readonly ledger: Ledger;
  readonly changes: ItemChanges;
  readonly entry: LedgerEntry;
  readonly item: ItemFacts;
  readonly command: ControlCommand;
}

export type ItemControl = (tx: Transaction, given: Given) => ItemOutcome;

const UNCHANGED: ItemOutcome = { ok: true, changed: 0, more: false };
const CHANGED: ItemOutcome = { ok: true, changed: 1, more: false };

/** Prepares commands on one item. What is so already is no error and changes nothing. */
export function prepareItemControl(connection: Connection): ItemControl {
  const remove = prepareItemRemoval(connection);

  function apply(tx: Transaction, given: Given): ItemOutcome {
    const { ledger, changes, entry, item, command } = given;
    switch (command.type) {
      case "cancel":
        if (item.state === "cancelled") return UNCHANGED;
        if (!decide("cancel", item).ok) return wrongState(item);
        changes.end(item, entry, { to: "cancelled", now: ledger.now });
        return CHANGED;
      case "remove":
        if (item.state === "processing") return { ok: false, reason: "running", state: item.state };
        if (command.endedBy !== undefined && (item.endedAt === null || item.endedAt > command.endedBy))
          return wrongState(item);
        remove(tx, entry, [item]);
        return CHANGED;
      case "clear":
        if (item.state !== "pending") return wrongState(item);
        remove(tx, entry, [item]);
        return CHANGED;
      case "retry":
        if (item.state === "pending" || item.state === "processing") return UNCHANGED;
        if (!decide("retry", item).ok || (command.failedOnly && item.state !== "failed")) return wrongState(item);
        if (entry.endedAt !== null) ledger.reopen(entry);
        changes.retry(item, entry);
        return CHANGED;
      case "hold":
      case "unhold": {
        if (!decide(command.type, item).ok) return wrongState(item);
        const isHeld = command.type === "hold";
        if (item.isHeld === isHeld) return UNCHANGED;
        changes.hold(item, entry, isHeld);
        return CHANGED;
      }
      case "priority":
        if (!decide("reprioritize", item).ok) return wrongState(item);
        if (item.priority === command.priority) return UNCHANGED;
        changes.prioritize(item, entry, command.priority);
        return CHANGED;
      default:
        return wrongState(item);
    }
  }

  return (tx, given) => {
    const { worker } = given.item;
    const outcome = apply(tx, given);
    // A worker that holds the item must hear that its lease is gone; one that claimed ahead, that the order changed.
    if (outcome.ok && outcome.changed > 0 && (worker !== 0 || given.command.type === "priority"))
      given.ledger.hasOrders = true;
    return outcome;
  };
}

function wrongState(item: ItemFacts): ItemOutcome {
  return { ok: false, reason: "wrong-state", state: item.state };
}
