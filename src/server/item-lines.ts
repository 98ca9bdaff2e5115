import type { Readable } from "node:stream";
import { LIMITS } from "../core/limits.ts";
import { newItemSchemaFor, type WireNewItem } from "../wire/submission.ts";
import { piecesOf } from "./body.ts";
import { readJson } from "./json-text.ts";
import { type Refusal, refusal } from "./problems.ts";

/** A line of NDJSON at most; about one item with the largest input. */
const LINE_BYTES = LIMITS.itemJsonBytes;
const NEWLINE = 0x0a;
/** Space, tab, carriage return. */
const BLANKS = new Set([0x20, 0x09, 0x0d]);

/**
 * The items of an NDJSON stream, one a line; blank lines are passed over. Holds one line at a time.
 *
 * @param onBytes gets the stream as it came, piece by piece
 * @throws {Refusal} naming the line: `malformed` (no JSON), `validation` (no item), `too-large` (a line, or all of it)
 */
export async function* readItemLines(
  stream: Readable,
  { bytesMax, onBytes }: { readonly bytesMax: number; readonly onBytes: (bytes: Buffer) => void },
): AsyncGenerator<WireNewItem, void, undefined> {
  let bytesTotal = 0;
  let line = 0;
  let isEmpty = true;
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of chunksOf(stream)) {
    bytesTotal += chunk.length;
    if (bytesTotal > bytesMax)
      throw refusal("too-large", `an NDJSON body has at most ${bytesMax} bytes; send the rest apart`);
    onBytes(chunk);
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      line += 1;
      const rest = chunk.subarray(from, end);
      const item = toItem(begun.length === 0 ? rest : Buffer.concat([...begun, rest]), line);
      begun = [];
      begunBytes = 0;
      from = end + 1;
      if (item === null) continue;
      isEmpty = false;
      yield item;
    }
    if (from === chunk.length) continue;
    begun.push(chunk.subarray(from));
    begunBytes += chunk.length - from;
    if (begunBytes > LINE_BYTES) throw tooLong(line + 1);
  }
  const item = toItem(Buffer.concat(begun), line + 1);
  if (item !== null) yield item;
  else if (isEmpty) throw refusal("validation", "an NDJSON body must have one item at least");
}

/** After a refusal the rest is thrown away as it comes rather than cut off: the answer goes over the same connection. */
async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* piecesOf(stream);
  } finally {
    stream.resume();
  }
}

function toItem(bytes: Buffer, line: number): WireNewItem | null {
  if (bytes.length > LINE_BYTES) throw tooLong(line);
  if (bytes.every((byte) => BLANKS.has(byte))) return null;
  const value = readJson(bytes, `line ${line}`);
  const read = newItemSchemaFor(value).safeParse(value);
  if (read.success) return read.data;
  const errors = read.error.issues.map(({ path, message }) => ({ path: `/${[line, ...path].join("/")}`, message }));
  throw refusal("validation", `line ${line} must be an item: ${errors[0]?.message ?? "it is none"}`, errors);
}

function tooLong(line: number): Refusal {
  return refusal(
    "too-large",
    `line ${line} has more than ${LINE_BYTES} bytes; store large data in a file and its path here`,
  );
}
