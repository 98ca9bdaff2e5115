import { isUtf8 } from "node:buffer";
import { lineAt } from "./json-lines.ts";
import { fileError } from "./project-errors.ts";

const NEWLINE = 0x0a;

/**
 * The text of a file: UTF-16 where a byte order mark says so, else UTF-8 with or without one. Nothing is guessed: wrong letters in a
 * finished video are worse than an error.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with the line of the first byte that is no text, or of a NUL.
 */
export function decodeText(bytes: Buffer, source: string): string {
  const text = decode(bytes, source);
  const nul = text.indexOf("\0");
  if (nul === -1) return text;
  throw fileError(source, lineAt(text, nul), "holds a NUL: it is no text, or UTF-16 without a byte order mark");
}

function decode(bytes: Buffer, source: string): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeUtf16(bytes.subarray(2), source);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    if (bytes.length % 2 === 1) throw cutError(source);
    return decodeUtf16(Buffer.from(bytes.subarray(2)).swap16(), source);
  }
  if (!isUtf8(bytes)) throw fileError(source, lineOfBadUtf8(bytes), "is not UTF-8; save it as UTF-8");
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return bytes.toString("utf8", start);
}

/** Little end first, without its mark. */
function decodeUtf16(bytes: Buffer, source: string): string {
  if (bytes.length % 2 === 1) throw cutError(source);
  const text = bytes.toString("utf16le");
  if (text.isWellFormed()) return text;
  throw fileError(source, lineAt(text, text.search(/\p{Surrogate}/u)), "is not UTF-16: half a character stands alone");
}

function cutError(source: string): Error {
  return fileError(source, null, "is UTF-16 cut in the middle of a character");
}

function lineOfBadUtf8(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
    line += 1;
  }
}
