import { decide, type Refusal } from "../../core/machine.ts";
import type { ItemState } from "../../core/transitions.ts";
import type { ControlCommand } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges, ItemFacts } from "./item-changes.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import type { Done } from "./steps.ts";

type ItemOutcome = Done | { readonly ok: false; readonly reason: Refusal; readonly state?: ItemState };
export type ItemControl = (ledger: Ledger, entry: LedgerEntry, command: ControlCommand, now: number) => ItemOutcome;

const UNCHANGED: ItemOutcome = { ok: true, changed: 0, more: false };
const CHANGED: ItemOutcome = { ok: true, changed: 1, more: false };

/** Prepares commands on one item. What is so already is no error and changes nothing. */
export function prepareItemControl(connection: Connection, changes: ItemChanges): ItemControl {
  // A holder may have died while running the item, and will not be found to have held it.
  const hold =
    connection.query(`UPDATE items SET held = ?1, suspect = max(suspect, worker <> 0), worker = 0, version = ?2
    WHERE id = ?3 AND state = 0 AND held <> ?1`);
  const prioritize = connection.query(
    "UPDATE items SET priority = ?1, version = ?2 WHERE id = ?3 AND state = 0 AND priority <> ?1",
  );
  const endedBy = connection.query<[number]>("SELECT 1 FROM items WHERE id = ? AND ended_at <= ?");

  return (ledger, entry, command, now) => {
    const item = changes.find(numberOf(command.target));
    if (item === null) return { ok: false, reason: "not-found" };
    const { worker } = item;
    const outcome = apply(ledger, entry, { item, command, now });
    // A worker that holds the item must hear that its lease is gone; one that claimed ahead, that the order changed.
    if (outcome.ok && outcome.changed > 0 && (worker !== 0 || command.type === "priority")) ledger.hasOrders = true;
    return outcome;
  };

  function apply(
    ledger: Ledger,
    entry: LedgerEntry,
    given: { readonly item: ItemFacts; readonly command: ControlCommand; readonly now: number },
  ): ItemOutcome {
    const { item, command, now } = given;
    switch (command.type) {
      case "cancel":
        if (item.state === "cancelled") return UNCHANGED;
        if (!decide("cancel", item).ok) return wrongState(item);
        changes.end(item, entry, { to: "cancelled", now });
        return CHANGED;
      case "remove":
        if (item.state === "processing") return { ok: false, reason: "running", state: item.state };
        if (command.endedBy !== undefined && endedBy.get(item.number, command.endedBy) === undefined)
          return wrongState(item);
        changes.remove(item, entry);
        return CHANGED;
      case "clear":
        if (item.state !== "pending") return wrongState(item);
        changes.remove(item, entry);
        return CHANGED;
      case "retry":
        if (item.state === "pending" || item.state === "processing") return UNCHANGED;
        if (!decide("retry", item).ok || (command.failedOnly && item.state !== "failed")) return wrongState(item);
        if (entry.endedAt !== null) ledger.reopen(entry);
        changes.retry(item, entry);
        return CHANGED;
      case "hold":
      case "unhold":
        if (!decide(command.type, item).ok) return wrongState(item);
        changes.detach(item);
        return change(entry, hold.run(command.type === "hold" ? 1 : 0, entry.version, item.number));
      case "priority":
        if (!decide("reprioritize", item).ok) return wrongState(item);
        changes.detach(item);
        return change(entry, prioritize.run(command.priority, entry.version, item.number));
      default:
        return wrongState(item);
    }
  }
}

function change(entry: LedgerEntry, rows: number): ItemOutcome {
  if (rows === 0) return UNCHANGED;
  entry.isChanged = true;
  return CHANGED;
}

function numberOf(target: ControlCommand["target"]): number {
  return "item" in target ? target.item : 0;
}

function wrongState(item: ItemFacts): ItemOutcome {
  return { ok: false, reason: "wrong-state", state: item.state };
}
