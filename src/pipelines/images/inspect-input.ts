import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { readError } from "../file-errors.ts";
import { type HeaderSize, sizeInHeader } from "./header-size.ts";
import { imageError } from "./image-errors.ts";
import { type SourceFormat, sniffImage } from "./image-format.ts";

/** Bytes of a file's beginning that are read: enough for the header of most images. */
const HEAD_BYTES = 4_096;
/** One for all: nothing else runs between reading it and looking at it. */
const HEAD = Buffer.alloc(HEAD_BYTES);

/** What is known of an input before any decoder sees it. */
export interface InputFacts {
  readonly format: SourceFormat;
  readonly bytes: number;
  /** The sides its header claims, before orientation; null where the head does not tell. */
  readonly size: HeaderSize | null;
}

/**
 * Looks at an input's kind, size and first bytes. Reads a few kilobytes at most and never waits on a pipe.
 *
 * @throws {NoRetryError} `INPUT_MISSING`, `INVALID_IMAGE` (not a regular file, empty) or `UNSUPPORTED_IMAGE`.
 * @throws {Error} what may pass: no permission, too many open files.
 */
export function inspectInput(path: string): InputFacts {
  const { stats, head } = readHead(path);
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
  return { format, size, bytes: stats.size };
}

/**
 * Synchronously, on purpose: four calls of some 10 µs each cost a tenth of what four trips through the thread pool do, whose
 * threads are decoding images.
 */
function readHead(path: string) {
  let file: number | null = null;
  try {
    // Opening a named pipe would wait for its writer for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) return { stats, head: HEAD.subarray(0, 0) };
    return { stats, head: HEAD.subarray(0, readSync(file, HEAD, 0, HEAD_BYTES, 0)) };
  } catch (error) {
    throw readError(error);
  } finally {
    if (file !== null) closeSync(file);
  }
}
