/** An event of a stream as it was sent. */
export interface SentEvent {
  readonly event: string;
  /** What the stream can be resumed after; null: this event said none. */
  readonly id: string | null;
  readonly data: string;
}

/**
 * Parses a stream of server-sent events as the HTML standard says, from pieces of text cut anywhere. An event that is not
 * whole when the stream ends is dropped.
 */
export class EventParser {
  /** What the server asked for between two connections, in milliseconds. */
  retryMs: number | null = null;
  #rest = "";
  #event = "";
  #id: string | null = null;
  #data: string[] = [];
  #isFirst = true;

  /** Yields the events that this piece completes. */
  *feed(text: string): Generator<SentEvent> {
    this.#rest += this.#isFirst ? text.replace(/^\uFEFF/, "") : text;
    if (text !== "") this.#isFirst = false;
    for (;;) {
      const end = /\r\n|\n|\r/.exec(this.#rest);
      // A carriage return at the very end may be half of a line break.
      if (end === null || (end[0] === "\r" && end.index === this.#rest.length - 1)) return;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const event = line === "" ? this.#dispatch() : this.#field(line);
      if (event !== null) yield event;
    }
  }

  #field(line: string): null {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): SentEvent | null {
    const event = { event: this.#event || "message", id: this.#id, data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    this.#event = "";
    this.#id = null;
    this.#data = [];
    return isEmpty ? null : event;
  }
}
