import type { ItemState } from "./transitions.ts";

/** Items by state: disjoint, never negative, summing to `total`. */
export interface Counts {
  readonly total: number;
  readonly pending: number;
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export const NO_COUNTS: Counts = { total: 0, pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };

/** Items that will not change any more without an explicit retry. */
export function processedOf(counts: Counts): number {
  return counts.completed + counts.failed + counts.cancelled;
}

/** What one commit changes in a batch's counters: filled item by item as rows really change, then applied once. */
export class CountsDelta {
  readonly states: Record<ItemState, number> = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  total = 0;
  /** Change of the sum of the fractions of items in flight, in millionths. */
  flight = 0;
  started = false;

  move(from: ItemState, to: ItemState, items = 1): void {
    this.states[from] -= items;
    this.states[to] += items;
  }

  add(state: ItemState, items = 1): void {
    this.states[state] += items;
    this.total += items;
  }

  remove(state: ItemState): void {
    this.states[state] -= 1;
    this.total -= 1;
  }

  applyTo(counts: Counts): Counts {
    return {
      total: counts.total + this.total,
      pending: counts.pending + this.states.pending,
      processing: counts.processing + this.states.processing,
      completed: counts.completed + this.states.completed,
      failed: counts.failed + this.states.failed,
      cancelled: counts.cancelled + this.states.cancelled,
    };
  }
}
