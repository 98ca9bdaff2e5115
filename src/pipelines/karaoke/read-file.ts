import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { MilepostError } from "../../core/errors.ts";
import { decodeText } from "./decode-text.ts";
import { fileError } from "./project-errors.ts";

/**
 * The text of a whole file of at most `bytesMax` bytes. Never waits on a pipe, never reads a device.
 *
 * @param source what to call it in messages
 * @throws {MilepostError} `NOT_FOUND` if it is missing, `INVALID_ARGUMENT` if it is no regular file, is too large, cannot be read or is
 * no text.
 */
export async function readTextFile(path: string, source: string, bytesMax: number): Promise<string> {
  const file = await openRegular(path, source);
  try {
    const { size } = await file.stat();
    if (size > bytesMax) throw fileError(source, null, `must be at most ${bytesMax} bytes; found ${size}`);
    // One more than it has: a file that grows meanwhile must not grow past the bound.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size + 1), 0, size + 1, 0);
    return decodeText(buffer.subarray(0, Math.min(bytesRead, size)), source);
  } finally {
    await file.close();
  }
}

/**
 * Makes sure that `path` is a regular file that can be read.
 *
 * @throws {MilepostError} as `readTextFile`
 */
export async function checkFile(path: string, source: string): Promise<void> {
  const file = await openRegular(path, source);
  await file.close();
}

async function openRegular(path: string, source: string): Promise<FileHandle> {
  // Opening a named pipe would wait for its writer for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw openError(error, source);
  });
  const stats = await file.stat();
  if (stats.isFile()) return file;
  await file.close();
  throw fileError(source, null, "is not a regular file");
}

/** Why a file could not be opened, in words. */
export function openError(error: unknown, source: string): MilepostError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new MilepostError("NOT_FOUND", `${source}: there is no such file`, { details: { source }, cause: error });
  }
  const reason = code === "EACCES" || code === "EPERM" ? "no permission to read it" : `cannot be read (${code})`;
  return fileError(source, null, reason, error);
}
