import { stripVTControlCharacters } from "node:util";

/** Keeps the last bytes of a stream, whatever its length. */
export class OutputTail {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk.length > this.#bytesMax ? chunk.subarray(chunk.length - this.#bytesMax) : chunk);
    this.#bytes += this.#chunks.at(-1)?.length ?? 0;
    // Joined only now and then: a stream of single bytes must not be copied whole for each of them.
    if (this.#bytes > 2 * this.#bytesMax || this.#chunks.length > this.#bytesMax) this.#join();
  }

  /**
   * The kept bytes as text, without NUL and escape sequences of terminals; bytes that are not UTF-8 become U+FFFD. Where the
   * stream was longer, a first character that was cut in two is left out.
   */
  text(): string {
    const bytes = this.#join();
    // A byte of the form 10xxxxxx goes on with a character that started before.
    let start = 0;
    while (bytes.length === this.#bytesMax && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return stripVTControlCharacters(bytes.toString("utf8", start).replaceAll("\0", ""));
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#chunks);
    // A copy: a slice would hold on to all of the memory that it is a part of.
    const kept = all.length > this.#bytesMax ? Buffer.from(all.subarray(all.length - this.#bytesMax)) : all;
    this.#chunks = kept.length === 0 ? [] : [kept];
    this.#bytes = kept.length;
    return kept;
  }
}
