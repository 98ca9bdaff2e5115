import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import type { Json } from "../../core/json.ts";
import { sniffDocument } from "./read/sniff-document.ts";

/** What an item of the pipeline carries as its input. */
export type DocumentInput = {
  /** Absolute. */
  readonly path: string;
  /** What people know it by; its ending tells Markdown from plain text. */
  readonly filename: string;
  /** Kept with the document in the index. */
  readonly metadata: Json;
};

/** An item of a document batch, ready to be submitted. */
export interface PlannedDocument {
  /** The SHA-256 of the content in hexadecimal digits: the same content again is the same item. */
  readonly key: string;
  readonly input: DocumentInput;
  /** Bytes; null if the file cannot be read. */
  readonly size: number | null;
  /** The format by the content; null if it is none that is read. */
  readonly kind: string | null;
}

const READ_BYTES = 1_048_576;
const HEAD_BYTES = 4_096;

/**
 * Reads each file once, as a stream, for the hash of its content. A file that cannot be read is planned too, under its path, and fails when
 * it runs.
 */
export async function* planDocuments(paths: readonly string[], metadata: Json = {}): AsyncGenerator<PlannedDocument> {
  for (const path of paths) {
    const input = { path, filename: basename(path), metadata };
    const content = await hashFile(path);
    if (content === null) yield { key: `unread ${path}`, input, size: null, kind: null };
    else yield { key: content.sha256, input, size: content.bytes, kind: kindOf(content.head, input.filename) };
  }
}

/** The hash in an item's key; null for a file that could not be read when it was planned. */
export function hashIn(key: string): string | null {
  return /^[0-9a-f]{64}$/.test(key) ? key : null;
}

function kindOf(head: Uint8Array, filename: string): string | null {
  try {
    return sniffDocument(head, filename);
  } catch {
    return null;
  }
}

async function hashFile(path: string) {
  try {
    // Opening a named pipe would wait for its writer for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return null;
    const hash = createHash("sha256");
    const buffer = new Uint8Array(READ_BYTES);
    let head: Uint8Array | null = null;
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, null);
      if (bytesRead === 0) break;
      const part = buffer.subarray(0, bytesRead);
      head ??= part.slice(0, HEAD_BYTES);
      hash.update(part);
      bytes += bytesRead;
    }
    return { sha256: hash.digest("hex"), bytes, head: head ?? new Uint8Array() };
  } catch {
    return null;
  }
}
