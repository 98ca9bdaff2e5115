import type { MemoryItem } from "./memory-state.ts";

interface Entry {
  readonly item: MemoryItem;
  readonly rank: number;
  /** The item's `place` when it was put in: an entry counts only while the two are equal. */
  readonly place: number;
}

const SLACK = 1_024;

/**
 * Items ordered by a rank, then by age. Taking the first is O(log n). An item that is elsewhere by now is not searched for:
 * its `place` has changed, and the old entry is dropped when it comes up or when half of the heap is such entries.
 */
export class ItemHeap {
  #entries: Entry[] = [];
  #sizeAfterSweep = 0;

  push(item: MemoryItem, rank: number): void {
    if (this.#entries.length > 2 * this.#sizeAfterSweep + SLACK) this.#sweep();
    this.#entries.push({ item, rank, place: item.place });
    this.#rise(this.#entries.length - 1);
  }

  /** The first item, left where it is. */
  peek(): MemoryItem | undefined {
    for (;;) {
      const first = this.#entries[0];
      if (first === undefined) return undefined;
      if (first.place === first.item.place) return first.item;
      this.#dropFirst();
    }
  }

  /** The highest rank in it; null for none. */
  lastRank(): number | null {
    let last: number | null = null;
    for (const { item, rank, place } of this.#entries) {
      if (place === item.place && (last === null || rank > last)) last = rank;
    }
    return last;
  }

  #dropFirst(): void {
    const last = this.#entries.pop();
    if (last === undefined || this.#entries.length === 0) return;
    this.#entries[0] = last;
    this.#sink(0);
  }

  #sweep(): void {
    this.#entries = this.#entries.filter((entry) => entry.place === entry.item.place);
    this.#sizeAfterSweep = this.#entries.length;
    for (let index = (this.#entries.length >> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #sink(start: number): void {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfBefore(child, index)) return;
      index = child;
    }
  }

  #swapIfBefore(first: number, second: number): boolean {
    if (!this.#isBefore(first, second)) return false;
    const a = this.#entries[first];
    const b = this.#entries[second];
    if (a === undefined || b === undefined) return false;
    this.#entries[first] = b;
    this.#entries[second] = a;
    return true;
  }

  #isBefore(first: number, second: number): boolean {
    const a = this.#entries[first];
    const b = this.#entries[second];
    if (a === undefined || b === undefined) return false;
    return a.rank === b.rank ? a.item.ordinal < b.item.ordinal : a.rank < b.rank;
  }
}
