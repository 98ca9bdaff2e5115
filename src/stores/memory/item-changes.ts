import type { ItemError } from "../../core/errors.ts";
import type { AttemptOutcome } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ItemState } from "../../core/transitions.ts";
import type { Commit } from "./commit.ts";
import { dropHolder, type MemoryItem, placeItem } from "./memory-state.ts";

/** Makes a pending item a running one. */
export function startItem(commit: Commit, item: MemoryItem, startedAt: number): void {
  commit.move(item, "processing");
  item.attempts += 1;
  item.startedAt = startedAt;
  item.endedAt = null;
  item.batch.startedAt ??= startedAt;
}

/** Ends an item; what only a running one has is dropped. */
export function endItem(commit: Commit, item: MemoryItem, to: ItemState): void {
  dropHolder(commit.state, item);
  commit.move(item, to);
  commit.setFraction(item, 0);
  item.progress = null;
  item.endedAt = commit.now;
  item.runAt = 0;
  item.isHeld = false;
  item.batch.held.delete(item);
  item.isSuspect = false;
  placeItem(commit.state, item);
}

/** Returns a running or an ended item to pending, its last attempt kept as history. */
export function returnItem(
  commit: Commit,
  item: MemoryItem,
  attempt: { readonly outcome: AttemptOutcome; readonly error: ItemError | null; readonly endedAt: number } | null,
): void {
  if (attempt !== null && item.startedAt !== null) {
    const worker = commit.state.workers.get(item.worker)?.spec.name ?? null;
    item.past.push({ token: item.token, worker, startedAt: item.startedAt, ...attempt });
    if (item.past.length > LIMITS.attemptsPerItem) item.past.shift();
  }
  dropHolder(commit.state, item);
  commit.move(item, "pending");
  commit.setFraction(item, 0);
  item.progress = null;
  item.startedAt = null;
  item.endedAt = null;
  placeItem(commit.state, item);
}

/** Gives back a claim that never started: nobody can see the difference. */
export function returnUnstarted(commit: Commit, item: MemoryItem, isSuspect: boolean): void {
  dropHolder(commit.state, item);
  item.isSuspect ||= isSuspect;
  placeItem(commit.state, item);
}

/** Counts the death of a running item's worker: back to pending, or failed for good once the crash budget is spent. */
export function crashItem(commit: Commit, item: MemoryItem): void {
  item.crashes += 1;
  if (item.crashes >= item.batch.policy.crashBudget) {
    endItem(commit, item, "failed");
    item.error = {
      name: "PoisonError",
      message: `its worker died ${item.crashes} times while running this item`,
      code: "POISON",
    };
    return;
  }
  item.isSuspect = true;
  returnItem(commit, item, { outcome: "crashed", error: null, endedAt: commit.now });
}
