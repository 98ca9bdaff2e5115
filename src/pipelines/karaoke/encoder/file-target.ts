import { type FileHandle, open } from "node:fs/promises";
import type { StreamTargetChunk } from "mediabunny";

/** What is written to: a file, or what stands for one in a test. */
export type Written = Pick<FileHandle, "write" | "close">;

/**
 * A file for mediabunny to write to. A disk that fills up takes a part of a write without an error, and mediabunny's own
 * FilePathTarget takes that part for the whole; here the rest is written again, which tells what is wrong.
 *
 * @throws (its writer) what the system says of the write, after which the file is closed
 */
export function fileStream(
  path: string,
  openFile: (path: string) => Promise<Written> = (name) => open(name, "w"),
): WritableStream<StreamTargetChunk> {
  let file: Written | null = null;
  const close = async (): Promise<void> => {
    const opened = file;
    file = null;
    await opened?.close();
  };
  return new WritableStream({
    async start() {
      file = await openFile(path);
    },
    async write({ data, position }) {
      try {
        for (let done = 0; file !== null && done < data.byteLength; ) {
          const { bytesWritten } = await file.write(data, done, data.byteLength - done, position + done);
          if (bytesWritten === 0) throw new Error(`nothing could be written at byte ${position + done}`);
          done += bytesWritten;
        }
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
    abort: close,
  });
}
