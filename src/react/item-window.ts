import { ordinalOf } from "../core/ids.ts";
import type { WireChangedItem } from "../wire/event.ts";
import type { WireItemsPage } from "../wire/item.ts";

/** Where a page can be read from: after the item with that ordinal. */
interface Start {
  readonly cursor: string | undefined;
  readonly after: number;
}

const FIRST: Start = { cursor: undefined, after: -1 };

/**
 * The first items of a batch, or of those in one state, in the order of their submission: pages that were read and what
 * changed since.
 *
 * Up to its frontier it has all items there are, so what begins to match is put in its place there, and nothing is taken in
 * past it: that comes with the next page. What no longer matches goes. The latest version of an item wins, in whatever order
 * pages and changes come.
 */
export class ItemWindow {
  readonly #state: WireChangedItem["state"] | undefined;
  readonly #rows = new Map<number, WireChangedItem>();
  /** Where the pages that were read begin, and the next one. */
  #starts: Start[] = [FIRST];
  #frontier = -1;
  /** What changed while a page is on its way: it may have been read before. */
  #recent: { readonly items: Map<string, WireChangedItem>; readonly removals: Set<string> } | null = null;

  constructor(state?: WireChangedItem["state"]) {
    this.#state = state;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** False once there is nothing past the frontier. */
  get hasMore(): boolean {
    return this.#frontier < Number.POSITIVE_INFINITY;
  }

  /** The items in order; each the same object for as long as it has not changed. */
  items(): readonly WireChangedItem[] {
    return [...this.#rows].sort(([a], [b]) => a - b).map(([, item]) => item);
  }

  change(items: readonly WireChangedItem[], removed: readonly string[]): void {
    for (const item of items) {
      this.#recent?.items.set(item.id, item);
      this.#put(item);
    }
    for (const id of removed) {
      this.#recent?.removals.add(id);
      this.#rows.delete(placeOf(id));
    }
  }

  /** The cursor of the next page. Changes are remembered from here on, until `place` or `giveUp`. */
  beginPage(): string | undefined {
    this.#recent = { items: new Map(), removals: new Set() };
    return this.#starts.at(-1)?.cursor;
  }

  place({ items, nextCursor }: WireItemsPage): void {
    const last = items.at(-1);
    if (nextCursor === null || last === undefined) this.#frontier = Number.POSITIVE_INFINITY;
    else {
      this.#frontier = placeOf(last.id);
      this.#starts.push({ cursor: nextCursor, after: this.#frontier });
    }
    for (const { input: _input, output: _output, ...item } of items) this.#put(item);
    const recent = this.#recent;
    this.#recent = null;
    if (recent !== null) this.change([...recent.items.values()], [...recent.removals]);
  }

  giveUp(): void {
    this.#recent = null;
  }

  /** Keeps the first so many, unless a page is on its way; what is past them can be read again. */
  trim(size: number): void {
    if (this.#recent !== null || this.#rows.size <= size) return;
    const places = [...this.#rows.keys()].sort((a, b) => a - b);
    for (const place of places.slice(size)) this.#rows.delete(place);
    this.#frontier = places[size - 1] ?? -1;
    this.#starts = this.#starts.filter(({ after }) => after <= this.#frontier);
  }

  #put(item: WireChangedItem): void {
    const place = placeOf(item.id);
    const known = this.#rows.get(place);
    if (place > this.#frontier || (known !== undefined && known.version >= item.version)) return;
    if (this.#state === undefined || item.state === this.#state) this.#rows.set(place, item);
    else this.#rows.delete(place);
  }
}

/** Where an item stands among those of its batch. */
function placeOf(id: string): number {
  return ordinalOf(id) ?? Number.POSITIVE_INFINITY;
}
