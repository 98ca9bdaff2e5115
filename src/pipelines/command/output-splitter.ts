/** Finds the marks of a launcher in one of its outputs: NUL, the launcher's secret word, a blank, the status, a line break. */
export class OutputSplitter {
  readonly #mark: Buffer;
  #rest: Buffer = EMPTY;

  /** @param word what no program can print by chance */
  constructor(word: string) {
    this.#mark = Buffer.from(`\0${word} `, "latin1");
  }

  /** What of the stream is output, and the status if a command ended here. Output is held back only where it may be half a mark. */
  add(chunk: Buffer): { readonly output: Buffer; readonly status: number | null } {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const start = bytes.indexOf(this.#mark);
    const end = start < 0 ? -1 : bytes.indexOf(LINE_BREAK, start);
    if (end >= 0) {
      // What comes between two commands is of neither: something that was left in the background wrote it.
      this.#rest = EMPTY;
      const status = Number(bytes.toString("latin1", start + this.#mark.length, end));
      return { output: bytes.subarray(0, start), status };
    }
    const held = bytes.indexOf(0, Math.max(0, bytes.length - this.#mark.length - STATUS_DIGITS));
    const cut = held < 0 ? bytes.length : held;
    this.#rest = bytes.subarray(cut);
    return { output: bytes.subarray(0, cut), status: null };
  }
}

const EMPTY = Buffer.alloc(0);
const LINE_BREAK = 0x0a;
const STATUS_DIGITS = 3;
