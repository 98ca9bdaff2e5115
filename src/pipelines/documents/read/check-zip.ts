import { inflateRawSync } from "node:zlib";
import { documentError, reasonOf } from "../document-errors.ts";
import { DOCUMENT_LIMITS } from "../document-limits.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const COMMENT_MAX = 65_535;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;

/**
 * Looks through a ZIP file before a library unpacks it, and unpacks each part once under a bound: the sizes that a file states may be lies,
 * and few bytes can become gigabytes. Returns the names of its parts.
 *
 * @throws {NoRetryError} `INVALID_DOCUMENT`, `ENCRYPTED_DOCUMENT` or `DOCUMENT_TOO_LARGE`
 */
export function checkZip(bytes: Uint8Array): ReadonlySet<string> {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = new Set<string>();
  let room: number = DOCUMENT_LIMITS.unpackedBytes;
  try {
    const end = endOf(zip);
    const count = zip.readUInt16LE(end + 10);
    if (count > DOCUMENT_LIMITS.zipEntries) throw tooLarge(`${count} parts`);
    let at = zip.readUInt32LE(end + 16);
    for (let index = 0; index < count; index++) {
      if (zip.readUInt32LE(at) !== ENTRY) throw broken("its list of parts is damaged");
      const name = zip.toString("utf8", at + 46, at + 46 + zip.readUInt16LE(at + 28));
      if (names.has(name)) throw broken("it has two parts of one name");
      names.add(name);
      room -= sizeOf(zip, at, room);
      at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
    return names;
  } catch (error) {
    if (error instanceof RangeError) throw broken("it ends too early", error);
    throw error;
  }
}

function endOf(zip: Buffer): number {
  const lowest = Math.max(0, zip.length - END_BYTES - COMMENT_MAX);
  for (let at = zip.length - END_BYTES; at >= lowest; at--) if (zip.readUInt32LE(at) === END) return at;
  throw broken("it has no list of parts");
}

function sizeOf(zip: Buffer, entry: number, room: number): number {
  if ((zip.readUInt16LE(entry + 8) & ENCRYPTED) !== 0) {
    throw documentError("ENCRYPTED_DOCUMENT", "the document is encrypted; take its password off");
  }
  const method = zip.readUInt16LE(entry + 10);
  const packed = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  if (start + packed > zip.length) throw broken("it ends too early");
  if (method === STORED) return packed > room ? tooMuch() : packed;
  if (method !== DEFLATED) throw broken(`a part is packed by an unknown method (${method})`);
  try {
    return inflateRawSync(zip.subarray(start, start + packed), { maxOutputLength: Math.max(1, room) }).length;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") return tooMuch();
    throw broken(reasonOf(error), error);
  }
}

function tooMuch(): never {
  throw tooLarge(`more than ${DOCUMENT_LIMITS.unpackedBytes / 1_048_576} MiB when it is unpacked`);
}

function tooLarge(found: string): Error {
  return documentError("DOCUMENT_TOO_LARGE", `the document is too large: ${found}`);
}

function broken(reason: string, cause?: unknown): Error {
  return documentError("INVALID_DOCUMENT", `the DOCX is damaged: ${reason}`, cause);
}
