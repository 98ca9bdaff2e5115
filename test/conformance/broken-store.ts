import type { BatchRow } from "../../src/core/batch.ts";
import type { Store } from "../../src/ports/store.ts";
import type { MemoryItem, MemoryState } from "../../src/stores/memory/memory-state.ts";

/** A memory store with one bug, and the case of the conformance suite that must notice it. */
export interface BrokenStore {
  readonly bug: string;
  readonly caughtBy: string;
  readonly breakIt: (store: Store, state: MemoryState) => Partial<Store>;
}

export function itemsOf(state: MemoryState): MemoryItem[] {
  return [...state.batches.values()].flatMap((batch) => batch.items.filter((item) => item !== undefined));
}

/** Shows batches otherwise than they are, wherever they are read. */
export function misread(store: Store, change: (row: BatchRow) => BatchRow): Pick<Store, "batch" | "batches"> {
  return {
    batch: async (ref) => {
      const row = await store.batch(ref);
      return row === null ? null : change(row);
    },
    batches: async (query) => (await store.batches(query)).map(change),
  };
}
