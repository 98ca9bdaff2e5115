import { invariant } from "../../core/invariant.ts";
import { lastOutcomeOf } from "../../core/item.ts";
import { decide } from "../../core/machine.ts";
import type { ControlCommand, ControlResult } from "../../ports/store.ts";
import type { Commit } from "./commit.ts";
import { endItem, returnItem } from "./item-changes.ts";
import { dropHolder, type MemoryItem, placeItem } from "./memory-state.ts";

/** Carries out a command on one item. What is so already is no error and changes nothing. */
export function controlItem(commit: Commit, item: MemoryItem, command: ControlCommand): ControlResult {
  switch (command.type) {
    case "cancel":
      if (item.state === "cancelled") return done(commit, 0);
      if (!decide("cancel", item).ok) return wrongState(item);
      cancelItem(commit, item);
      break;
    case "remove":
      if (item.state === "processing") return { ok: false, reason: "running", state: item.state };
      if (!isEndedBy(item, command.endedBy)) return wrongState(item);
      removeItem(commit, item);
      break;
    case "clear":
      if (item.state !== "pending") return wrongState(item);
      removeItem(commit, item);
      break;
    case "retry":
      if (item.state === "pending" || item.state === "processing") return done(commit, 0);
      if (!decide("retry", item).ok || (command.failedOnly && item.state !== "failed")) return wrongState(item);
      retryItem(commit, item);
      break;
    case "hold":
    case "unhold":
      if (!decide(command.type, item).ok) return wrongState(item);
      if (item.isHeld === (command.type === "hold")) return done(commit, 0);
      item.isHeld = command.type === "hold";
      if (item.isHeld) item.batch.held.add(item);
      else item.batch.held.delete(item);
      // Its worker may have died while running it, and will not be found to have held it.
      if (item.worker !== 0) item.isSuspect = true;
      takeAway(commit, item);
      commit.touch(item);
      placeItem(commit.state, item);
      break;
    case "priority":
      if (!decide("reprioritize", item).ok) return wrongState(item);
      if (item.priority === command.priority) return done(commit, 0);
      item.priority = command.priority;
      commit.state.revision += 1;
      commit.touch(item);
      placeItem(commit.state, item);
      break;
    default:
      return wrongState(item);
  }
  commit.apply();
  return done(commit, 1);
}

export function cancelItem(commit: Commit, item: MemoryItem): void {
  invariant(decide("cancel", item).ok, `a ${item.state} item cannot be cancelled`);
  takeAway(commit, item);
  endItem(commit, item, "cancelled");
}

/** Makes an ended item pending again, with all its tries; its batch opens again if it had ended. */
export function retryItem(commit: Commit, item: MemoryItem): void {
  invariant(decide("retry", item).ok, `a ${item.state} item cannot be retried`);
  const { batch } = item;
  const outcome = lastOutcomeOf(item) ?? "cancelled";
  item.tries = 0;
  item.crashes = 0;
  returnItem(commit, item, { outcome, error: item.error, endedAt: item.endedAt ?? commit.now });
  item.error = null;
  if (batch.endedAt !== null) commit.reopen(batch);
  batch.isCancelled = false;
  commit.of(batch).resetsPercent = true;
}

/** True where no time was given. */
export function isEndedBy({ endedAt }: { readonly endedAt: number | null }, time: number | undefined): boolean {
  return time === undefined || (endedAt !== null && endedAt <= time);
}

export function removeItem(commit: Commit, item: MemoryItem): void {
  takeAway(commit, item);
  const { batch } = item;
  const change = commit.of(batch);
  change.counts.remove(item.state);
  batch.removals.push({ id: item.id, key: item.key, version: change.version });
  batch.items[item.ordinal] = undefined;
  batch.byKey.delete(item.key);
  item.version = -1;
  item.place = 0;
}

/** Takes a lease away from a worker, who must hear of it. */
export function takeAway(commit: Commit, item: MemoryItem): void {
  if (item.worker === 0) return;
  dropHolder(commit.state, item);
  commit.state.revision += 1;
}

function done(commit: Commit, changed: number): ControlResult {
  return { ok: true, changed, more: false, revision: commit.state.revision };
}

function wrongState(item: MemoryItem): ControlResult {
  return { ok: false, reason: "wrong-state", state: item.state };
}
