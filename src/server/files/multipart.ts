import { refusal } from "../problems.ts";
import { type PartHead, readPartHead } from "./part-head.ts";

/** One part of a form. Its body must be read, or will be skipped, before the next part comes. */
export interface Part extends PartHead {
  readonly body: AsyncIterable<Buffer>;
}

const HEADER_BYTES_MAX = 8_192;
/** What may stand before the first boundary: nobody sends any of it. */
const PREAMBLE_BYTES_MAX = 1_024;
const PADDING_BYTES_MAX = 64;
const CRLF = Buffer.from("\r\n");
const END_OF_HEADERS = Buffer.from("\r\n\r\n");

/** The boundary in a `Content-Type`; null where it is not `multipart/form-data` at all. @throws {Refusal} `malformed` */
export function boundaryIn(contentType: string | undefined): string | null {
  const [, rest] = /^multipart\/form-data\s*(?:;(.*))?$/i.exec(contentType ?? "") ?? [];
  if (rest === undefined && !/^multipart\/form-data\s*$/i.test(contentType ?? "")) return null;
  const [, quoted, plain] = /(?:^|;)\s*boundary=(?:"([^"]*)"|([^\s;"]*))\s*(?:;|$)/i.exec(rest ?? "") ?? [];
  const boundary = quoted ?? plain ?? "";
  // RFC 2046, section 5.1.1.
  if (/^[\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?]$/.test(boundary)) return boundary;
  throw refusal("malformed", "the content type must name a boundary of 1 to 70 characters");
}

/**
 * Reads a form as it comes (RFC 7578), holding no more than one chunk and one part's headers. Stricter than readers of forms are:
 * what is cut off, has no name or too large a head is refused, never skipped or shortened.
 *
 * @throws {Refusal} `malformed` or `too-large`
 */
export async function* readParts(chunks: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<Part> {
  const source = new Source(chunks);
  const delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
  try {
    await source.until(delimiter, PREAMBLE_BYTES_MAX, "malformed", "the form must begin with its boundary");
    while (await isFollowedByPart(source)) {
      const head = await source.until(END_OF_HEADERS, HEADER_BYTES_MAX, "too-large", "the head of a part is too large");
      const body = source.upTo(delimiter);
      yield { ...readPartHead(head), body };
      for await (const _skipped of body);
    }
    await source.drain();
  } finally {
    await source.leave();
  }
}

/** What follows a boundary: the end of its line, or the two dashes of the last one. */
async function isFollowedByPart(source: Source): Promise<boolean> {
  const start = await source.peek(2);
  if (start === "--") return false;
  const padding = await source.until(
    CRLF,
    PADDING_BYTES_MAX,
    "malformed",
    "a boundary must stand on a line of its own",
  );
  if (!/^[ \t]*$/.test(padding.toString("latin1"))) {
    throw refusal("malformed", "a boundary must stand on a line of its own");
  }
  // The empty line that ends the headers may follow at once.
  source.pushBack(CRLF);
  return true;
}

/** What has come and was not taken yet. Begins with a line break, so that a boundary at the very start is found like others. */
class Source {
  readonly #chunks: AsyncIterator<Buffer>;
  #kept: Buffer = CRLF;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Takes everything before `mark` and the mark itself. */
  async until(mark: Buffer, bytesMax: number, problem: "malformed" | "too-large", detail: string): Promise<Buffer> {
    for (let from = 0; ; ) {
      const at = this.#kept.indexOf(mark, from);
      if (at > bytesMax || (at < 0 && this.#kept.length > bytesMax + mark.length)) {
        throw refusal(problem, `${detail}; at most ${bytesMax} bytes`);
      }
      if (at >= 0) {
        const taken = this.#kept.subarray(0, at);
        this.#kept = this.#kept.subarray(at + mark.length);
        return taken;
      }
      from = Math.max(0, this.#kept.length - mark.length);
      await this.#more();
    }
  }

  /** Gives out what comes before `mark` piece by piece, and takes the mark. Once at its end, it stays there. */
  async *upTo(mark: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#kept.indexOf(mark);
      // The last bytes may be the beginning of the mark.
      const end = at >= 0 ? at : Math.max(0, this.#kept.length - mark.length + 1);
      const piece = this.#kept.subarray(0, end);
      this.#kept = this.#kept.subarray(at >= 0 ? at + mark.length : end);
      if (piece.length > 0) yield piece;
      if (at >= 0) return;
      await this.#more();
    }
  }

  async peek(bytes: number): Promise<string> {
    while (this.#kept.length < bytes) await this.#more();
    return this.#kept.toString("latin1", 0, bytes);
  }

  pushBack(bytes: Buffer): void {
    this.#kept = Buffer.concat([bytes, this.#kept]);
  }

  /** Reads to the end what has no meaning any more. */
  async drain(): Promise<void> {
    this.#kept = CRLF;
    while (!(await this.#chunks.next()).done);
  }

  /** Stops reading, whatever may still come. */
  async leave(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done) throw refusal("malformed", "the form ends before its last boundary");
    this.#kept = this.#kept.length === 0 ? value : Buffer.concat([this.#kept, value]);
  }
}
