import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { NoRetryError } from "../../core/errors.ts";
import { readError } from "../file-errors.ts";
import { type HeaderSize, sizeInHeader } from "./header-size.ts";
import { imageError } from "./image-errors.ts";
import { type SourceFormat, sniffImage } from "./image-format.ts";

/** Bytes that are read at once: enough for the header of most images. */
const READ_BYTES = 4_096;
/** One for all: nothing else runs between reading it and looking at it. */
const BUFFER = Buffer.alloc(READ_BYTES);

/** Opening a named pipe would wait for its writer for ever. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** What is known of an input before any decoder sees it. */
export interface InputFacts {
  readonly format: SourceFormat;
  readonly bytes: number;
  /** The sides its header claims, before orientation; null where the head does not tell. */
  readonly size: HeaderSize | null;
}

/**
 * Looks at an input's kind, size and first bytes, and at those that tell its sides. Never waits on a pipe.
 *
 * Synchronously, on purpose: four calls of some 10 µs each cost a tenth of what four trips through the thread pool do, whose
 * threads are decoding images.
 *
 * @throws {NoRetryError} `INPUT_MISSING`, `INVALID_IMAGE` (not a regular file, empty) or `UNSUPPORTED_IMAGE`.
 * @throws {Error} what may pass: no permission, too many open files.
 */
export function inspectInput(path: string): InputFacts {
  let file: number | null = null;
  try {
    file = openSync(path, OPEN_FLAGS);
    return factsOf(file);
  } catch (error) {
    throw error instanceof NoRetryError ? error : readError(error);
  } finally {
    if (file !== null) closeSync(file);
  }
}

function factsOf(file: number): InputFacts {
  const stats = fstatSync(file);
  if (!stats.isFile()) throw imageError("INVALID_IMAGE", "the input is not a regular file");
  const readFrom = (at: number): Uint8Array => BUFFER.subarray(0, readSync(file, BUFFER, 0, READ_BYTES, at));
  const head = readFrom(0);
  if (head.length === 0) throw imageError("INVALID_IMAGE", "the input file is empty");
  const format = sniffImage(head);
  if (format === null) {
    throw imageError(
      "UNSUPPORTED_IMAGE",
      "the content is not JPEG, PNG, WebP, AVIF, GIF or TIFF, whatever the name says",
    );
  }
  return { format, size: sizeInHeader(format, (at) => (at === 0 ? head : readFrom(at))), bytes: stats.size };
}
