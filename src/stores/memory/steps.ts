import { chanceOf } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ItemState } from "../../core/transitions.ts";
import type { ControlResult } from "../../ports/store.ts";
import type { Commit } from "./commit.ts";
import { cancelItem, removeItem, retryItem } from "./control-item.ts";
import { deleteBatch, type MemoryBatch, type MemoryItem, notify } from "./memory-state.ts";

/*
 * Commands on many items, at most `LIMITS.controlChunkItems` a call. What must hold at once (no claim, no late success
 * of a cancelled batch) is done by the first step, whatever the size.
 */

/** Cancels unended batches: what is held first, then what waits. */
export function cancelBatches(commit: Commit, batches: readonly MemoryBatch[]): ControlResult {
  let changed = 0;
  let isNew = false;
  for (const batch of batches) {
    if (batch.isCancelled) continue;
    batch.isCancelled = true;
    batch.isSealed = true;
    isNew = true;
    commit.of(batch);
    for (const worker of commit.state.workers.values()) {
      for (const item of [...worker.held]) {
        if (item.batch !== batch) continue;
        cancelItem(commit, item);
        changed += 1;
      }
    }
  }
  let left = LIMITS.controlChunkItems;
  let more = false;
  for (const batch of batches) {
    const found = left > 0 ? itemsIn(batch, ["pending"], left) : [];
    for (const item of found) cancelItem(commit, item);
    changed += found.length;
    left -= found.length;
    more ||= batch.counts.pending + commit.of(batch).counts.states.pending > 0;
  }
  if (isNew) commit.state.revision += 1;
  if (changed > 0 || isNew) commit.apply();
  return { ok: true, changed: changed === 0 && isNew ? 1 : changed, more, revision: commit.state.revision };
}

/** Retries failed items, and cancelled ones unless `failedOnly`; only those of a message, if one is given. */
export function retryBatch(
  commit: Commit,
  batch: MemoryBatch,
  { failedOnly, errorMessage }: { readonly failedOnly: boolean; readonly errorMessage?: string },
): ControlResult {
  const states: readonly ItemState[] = failedOnly || errorMessage !== undefined ? ["failed"] : ["failed", "cancelled"];
  const isWanted = (item: MemoryItem): boolean => errorMessage === undefined || item.error?.message === errorMessage;
  const found = itemsIn(batch, states, LIMITS.controlChunkItems + 1, isWanted);
  const retried = found.slice(0, LIMITS.controlChunkItems);
  for (const item of retried) retryItem(commit, item);
  if (retried.length > 0) commit.apply();
  return { ok: true, changed: retried.length, more: found.length > retried.length, revision: commit.state.revision };
}

/** Deletes what is pending, claimed or not. */
export function clearBatch(commit: Commit, batch: MemoryBatch): ControlResult {
  const found = itemsIn(batch, ["pending"], LIMITS.controlChunkItems);
  for (const item of found) removeItem(commit, item);
  if (found.length > 0) commit.apply();
  const more = found.length === LIMITS.controlChunkItems;
  return { ok: true, changed: found.length, more, revision: commit.state.revision };
}

/** Deletes batches with all they have: here that is cheap at any size, so one step does it. */
export function removeBatches(commit: Commit, batches: readonly MemoryBatch[]): ControlResult {
  if (batches.some((batch) => batch.counts.processing > 0)) return { ok: false, reason: "running" };
  const { state } = commit;
  let changed = 0;
  for (const batch of batches) {
    deleteBatch(state, batch, chanceOf(batch.id));
    changed += Math.max(1, batch.counts.total);
  }
  if (changed > 0) {
    state.revision += 1;
    notify(state);
  }
  return { ok: true, changed, more: false, revision: state.revision };
}

function itemsIn(
  batch: MemoryBatch,
  states: readonly ItemState[],
  limit: number,
  isWanted: (item: MemoryItem) => boolean = () => true,
): readonly MemoryItem[] {
  const found: MemoryItem[] = [];
  for (const item of batch.items) {
    if (found.length >= limit) break;
    if (item !== undefined && states.includes(item.state) && isWanted(item)) found.push(item);
  }
  return found;
}
