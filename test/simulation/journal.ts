const LINES_KEPT = 80;

/** What happened in a history, in order: its last lines for people, and a hash over all of it to compare two runs by. */
export class Journal {
  readonly #tail: string[] = [];
  #events = 0;
  #high = 0xdeadbeef;
  #low = 0x41c6ce57;

  /** Events so far. */
  get events(): number {
    return this.#events;
  }

  /** Notes an event. `isTold`: worth a line for people; the hash takes in all. */
  note(line: string, isTold = true): void {
    this.#events += 1;
    for (let index = 0; index < line.length; index++) {
      const code = line.charCodeAt(index);
      this.#high = Math.imul(this.#high ^ code, 0x85ebca6b);
      this.#low = Math.imul(this.#low ^ code, 0xc2b2ae35);
      this.#high ^= this.#low >>> 15;
    }
    if (!isTold) return;
    this.#tail.push(line);
    if (this.#tail.length > 2 * LINES_KEPT) this.#tail.splice(0, LINES_KEPT);
  }

  get hash(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }

  get tail(): readonly string[] {
    return this.#tail.slice(-LINES_KEPT);
  }
}
