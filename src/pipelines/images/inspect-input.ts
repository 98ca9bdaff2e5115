import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { type HeaderSize, sizeInHeader } from "./header-size.ts";
import { imageError, readError } from "./image-errors.ts";
import { type SourceFormat, sniffImage } from "./image-format.ts";

/** Bytes of a file's beginning that are read: enough for the header of most images. */
const HEAD_BYTES = 4_096;

/** What is known of an input before any decoder sees it. */
export interface InputFacts {
  readonly format: SourceFormat;
  readonly bytes: number;
  /** The sides its header claims, before orientation; null where the head does not tell. */
  readonly size: HeaderSize | null;
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * Looks at an input's kind, size and first bytes. Reads a few kilobytes at most and never waits on a pipe.
 *
 * @throws {NoRetryError} `INPUT_MISSING`, `INVALID_IMAGE` (not a regular file, empty) or `UNSUPPORTED_IMAGE`.
 * @throws {Error} what may pass: no permission, too many open files.
 */
export async function inspectInput(path: string): Promise<InputFacts> {
  const { stats, head } = await readHead(path);
  if (!stats.isFile()) throw imageError("INVALID_IMAGE", "the input is not a regular file");
  if (head.length === 0) throw imageError("INVALID_IMAGE", "the input file is empty");
  const format = sniffImage(head);
  if (format === null) {
    throw imageError(
      "UNSUPPORTED_IMAGE",
      "the content is not JPEG, PNG, WebP, AVIF, GIF or TIFF, whatever the name says",
    );
  }
  const size = sizeInHeader(format, head);
  return { format, size, bytes: Number(stats.size), device: stats.dev, inode: stats.ino };
}

async function readHead(path: string) {
  try {
    // Opening a named pipe would wait for its writer for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) return { stats, head: new Uint8Array() };
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return { stats, head: buffer.subarray(0, bytesRead) };
  } catch (error) {
    throw readError(error);
  }
}
