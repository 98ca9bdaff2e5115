import type { FileHandle } from "node:fs/promises";

const READ_BYTES = 16_384;
const NEWLINE = 0x0a;

/**
 * Hands out the whole lines of a file from a place on; of one that is longer than any that is written, which a power cut may leave,
 * the rest. Returns the place after the last of them.
 */
export async function readLines(file: FileHandle, from: number, onLine: (line: string) => void): Promise<number> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = from; ; ) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
    if (end === 0 && bytesRead < READ_BYTES) return at;
    if (end > 0) for (const line of buffer.toString("latin1", 0, end - 1).split("\n")) onLine(line);
    at += end === 0 ? bytesRead : end;
  }
}
