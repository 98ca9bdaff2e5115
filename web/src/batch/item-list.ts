import type { WireChangedItem } from "../../../src/wire/event.ts";
import type { WireItemsPage } from "../../../src/wire/item.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { type ItemRow, toItemRow } from "./item-row.ts";

/** What changed of a batch's items. */
export interface ItemNews {
  readonly items: readonly WireChangedItem[];
  readonly removals: readonly { readonly id: string }[];
  /** Whatever was known of items may be old. */
  readonly isFresh: boolean;
}

/** Reads a page of items. */
export type ReadItems = (place: {
  readonly from?: number;
  readonly cursor?: string;
  readonly limit: number;
}) => Promise<WireItemsPage>;

export interface ItemListOptions {
  readonly read: ReadItems;
  readonly schedule: Schedule;
}

/**
 * Items of a batch as rows of a table: pages are read as rows are needed, and what changes is taken in. While a page is on its
 * way, changes are remembered: it may have been read before they were made.
 */
export abstract class ItemList extends Observable {
  protected readonly read: ReadItems;
  /** Changes since the oldest page that is on its way was asked for. */
  readonly #recent = new Map<string, ItemRow>();
  #reading = 0;
  #problem: ShownProblem | null = null;

  constructor({ read, schedule }: ItemListOptions) {
    super(schedule);
    this.read = read;
  }

  /** How many rows there are to scroll through. */
  abstract readonly count: number;
  /** True while there may be more than `count` rows. */
  abstract readonly hasMore: boolean;
  /** The row at that place; null: not read yet; undefined: an item that was removed. */
  abstract rowAt(index: number): ItemRow | null | undefined;
  /** These rows are looked at, and no others. */
  abstract need(first: number, last: number): void;
  protected abstract update(rows: readonly ItemRow[]): void;
  protected abstract remove(ids: readonly string[]): void;
  protected abstract forget(): void;

  get isReading(): boolean {
    return this.#reading > 0;
  }

  get problem(): ShownProblem | null {
    return this.#problem;
  }

  apply({ items, removals, isFresh }: ItemNews): void {
    if (isFresh) this.forget();
    const rows = items.map(toItemRow);
    if (this.#reading > 0) for (const row of rows) this.#recent.set(row.id, row);
    if (rows.length > 0) this.update(rows);
    if (removals.length > 0) this.remove(removals.map(({ id }) => id));
    this.changed();
  }

  /** Reads a page and hands it over; then takes in again what changed meanwhile. */
  protected async readPage(
    place: Parameters<ReadItems>[0],
    take: (page: WireItemsPage, rows: readonly ItemRow[]) => void,
  ): Promise<boolean> {
    this.#reading += 1;
    try {
      const page = await this.read(place);
      take(page, page.items.map(toItemRow));
      if (this.#recent.size > 0) this.update([...this.#recent.values()]);
      this.#problem = null;
      return true;
    } catch (error) {
      this.#problem = showProblem(error);
      return false;
    } finally {
      this.#reading -= 1;
      if (this.#reading === 0) this.#recent.clear();
      this.changed();
    }
  }
}
