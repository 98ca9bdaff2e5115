/**
 * What was found of texts that cost much to check, such as signatures: the same text is checked once. Only what was found right is
 * kept, so that nobody can fill it with junk; the oldest goes when there are too many.
 */
export class Remembered<T> {
  readonly #found = new Map<string, T>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** What `check` found of the text, now or before; null is never kept. */
  of(text: string, check: () => T | null): T | null {
    const known = this.#found.get(text);
    if (known !== undefined) return known;
    const found = check();
    if (found === null) return null;
    const [oldest] = this.#found.keys();
    if (this.#found.size >= this.#most && oldest !== undefined) this.#found.delete(oldest);
    this.#found.set(text, found);
    return found;
  }
}
