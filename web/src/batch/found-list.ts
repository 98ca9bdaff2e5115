import { ItemList, type ItemListOptions } from "./item-list.ts";
import { type ItemFilter, type ItemRow, laterOf, matches } from "./item-row.ts";

const PAGE_ROWS = 200;
/** Rows that are kept; who wants to see more of them asks more precisely. */
export const FOUND_MAX = 20_000;
/** So many rows before the end the next page is read. */
const NEAR_END = 60;

/**
 * The items that a filter asks for, in the order of their submission: read from the first on as far as somebody scrolls. What
 * begins to match is put in its place, what no longer does goes.
 */
export class FoundList extends ItemList {
  readonly #filter: ItemFilter;
  #rows: readonly ItemRow[] = [];
  #cursor: string | null = null;
  #isWhole = false;
  #isReading = false;
  /** Lists read before this one was forgotten are of no use. */
  #life = 0;
  #wantedTo = 0;

  constructor(options: ItemListOptions & { readonly filter: ItemFilter }) {
    super(options);
    this.#filter = options.filter;
  }

  get count(): number {
    return this.#rows.length;
  }

  get hasMore(): boolean {
    return !this.#isWhole;
  }

  get isFull(): boolean {
    return !this.#isWhole && this.#rows.length >= FOUND_MAX;
  }

  rowAt(index: number): ItemRow | null {
    return this.#rows[index] ?? null;
  }

  need(_first: number, last: number): void {
    this.#wantedTo = last;
    void this.#readOn();
  }

  protected override update(rows: readonly ItemRow[]): void {
    const changed = new Map(rows.map((row) => [row.id, row]));
    const next: ItemRow[] = [];
    for (const known of this.#rows) {
      const row = changed.get(known.id);
      changed.delete(known.id);
      const now = row === undefined ? known : laterOf(known, row);
      if (row === undefined || matches(now, this.#filter)) next.push(now);
    }
    // What comes after all that was read will be read.
    const end = this.#isWhole ? Number.POSITIVE_INFINITY : (this.#rows.at(-1)?.ordinal ?? -1);
    const added = [...changed.values()].filter((row) => row.ordinal < end && matches(row, this.#filter));
    if (added.length > 0) next.push(...added);
    if (added.length > 0) next.sort((a, b) => a.ordinal - b.ordinal);
    this.#rows = next;
  }

  protected override remove(ids: readonly string[]): void {
    const gone = new Set(ids);
    this.#rows = this.#rows.filter(({ id }) => !gone.has(id));
  }

  protected override forget(): void {
    this.#life += 1;
    this.#rows = [];
    this.#cursor = null;
    this.#isWhole = false;
    void this.#readOn();
  }

  /** Page after page until there is what is looked at: a search may bring pages without any row. */
  async #readOn(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    while (!this.#isWhole && !this.isFull && this.#rows.length < this.#wantedTo + NEAR_END) {
      const life = this.#life;
      const place = { limit: PAGE_ROWS, ...(this.#cursor !== null && { cursor: this.#cursor }) };
      const isRead = await this.readPage(place, (page, rows) => {
        if (life !== this.#life) return;
        const known = new Set(this.#rows.map(({ id }) => id));
        this.#rows = [...this.#rows, ...rows.filter(({ id }) => !known.has(id))];
        this.#cursor = page.nextCursor;
        this.#isWhole = page.nextCursor === null;
      });
      if (!isRead) break;
    }
    this.#isReading = false;
  }
}
