import { ordinalOf } from "../../../src/core/ids.ts";
import { ItemList, type ItemListOptions } from "./item-list.ts";
import { type ItemRow, laterOf } from "./item-row.ts";

export const PAGE_ROWS = 200;
/** Pages that are kept: the ones looked at last. */
const PAGES_MAX = 60;
const READS_AT_ONCE = 2;

/**
 * All items of a batch in the order of their submission. A row's place is the item's ordinal, so any place can be read at once,
 * however many items there are.
 */
export class WholeList extends ItemList {
  /** The page looked at last comes last. */
  readonly #pages = new Map<number, Map<number, ItemRow>>();
  readonly #asked = new Set<number>();
  #wanted: readonly number[] = [];
  #span: number;

  constructor(options: ItemListOptions & { readonly total: number }) {
    super(options);
    this.#span = options.total;
  }

  get count(): number {
    return this.#span;
  }

  get hasMore(): boolean {
    return false;
  }

  rowAt(index: number): ItemRow | null | undefined {
    const page = this.#pages.get(Math.floor(index / PAGE_ROWS));
    return page === undefined ? null : page.get(index);
  }

  need(first: number, last: number): void {
    const from = Math.floor(first / PAGE_ROWS);
    const to = Math.floor(Math.min(last, this.#span - 1) / PAGE_ROWS);
    this.#wanted = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
    for (const number of this.#wanted) this.#touch(number);
    this.#readWanted();
  }

  protected override update(rows: readonly ItemRow[]): void {
    for (const row of rows) {
      const page = this.#pages.get(Math.floor(row.ordinal / PAGE_ROWS));
      const known = page?.get(row.ordinal);
      page?.set(row.ordinal, known === undefined ? row : laterOf(known, row));
      this.#span = Math.max(this.#span, row.ordinal + 1);
    }
  }

  protected override remove(ids: readonly string[]): void {
    for (const id of ids) {
      const ordinal = ordinalOf(id) ?? 0;
      this.#pages.get(Math.floor(ordinal / PAGE_ROWS))?.delete(ordinal);
    }
  }

  protected override forget(): void {
    this.#pages.clear();
    this.#readWanted();
  }

  #touch(number: number): void {
    const page = this.#pages.get(number);
    if (page === undefined) return;
    this.#pages.delete(number);
    this.#pages.set(number, page);
  }

  /** What is looked at now, and not what was scrolled past. */
  #readWanted(): void {
    for (const number of this.#wanted) {
      if (this.#asked.size >= READS_AT_ONCE) return;
      if (this.#pages.has(number) || this.#asked.has(number)) continue;
      this.#asked.add(number);
      void this.#readNumber(number);
    }
  }

  async #readNumber(number: number): Promise<void> {
    const from = number * PAGE_ROWS;
    const isRead = await this.readPage({ from, limit: PAGE_ROWS }, (page, rows) => {
      // Removed items leave gaps: the rest of the answer belongs to later pages.
      const own = rows.filter(({ ordinal }) => ordinal < from + PAGE_ROWS);
      this.#pages.set(number, new Map(own.map((row) => [row.ordinal, row])));
      this.#span = page.span ?? this.#span;
      for (const [oldest] of this.#pages) {
        if (this.#pages.size <= PAGES_MAX) break;
        this.#pages.delete(oldest);
      }
    });
    this.#asked.delete(number);
    if (isRead) this.#readWanted();
  }
}
