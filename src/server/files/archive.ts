import type { Readable } from "node:stream";
import { ZipFile } from "yazl";
import type { Storage } from "./storage/storage.ts";

/** A regular file that its owner may write and everybody read. */
const FILE_MODE = 0o100644;

/** A file for an archive. */
export interface ArchiveEntry {
  readonly key: string;
  /** In the archive; unique there. */
  readonly name: string;
  readonly time: Date;
}

/**
 * A ZIP that is made as it is read: each file is opened when its turn comes, and the next page of them asked for when the last of
 * the one before has begun. Stored as they are, since images do not get smaller. Destroying the stream closes what is open.
 */
export function archiveOf(storage: Storage, pages: AsyncIterator<readonly ArchiveEntry[]>): Readable {
  const zip = new ZipFile();
  const archive = zip.outputStream as Readable;
  const fail = (error: unknown): void =>
    void archive.destroy(error instanceof Error ? error : new Error(String(error)));
  let current: Readable | null = null;
  archive.once("close", () => current?.destroy());
  // Typed as an emitter of nothing.
  (zip as unknown as NodeJS.EventEmitter).on("error", fail);

  const openNext = async (key: string): Promise<Readable> => {
    const file = await storage.open(key);
    if (file === null) throw new Error("a file went away while it was to be sent");
    current = (await file.read()).once("error", fail);
    if (archive.destroyed) current.destroy();
    return current;
  };
  /** Resolves when the turn of the entry has come. */
  const add = (entry: ArchiveEntry): Promise<void> =>
    new Promise((begin) => {
      zip.addReadStreamLazy(entry.name, { compress: false, mtime: entry.time, mode: FILE_MODE }, (give) => {
        begin();
        openNext(entry.key).then((stream) => give(null, stream), fail);
      });
    });
  const feed = async (): Promise<void> => {
    for (let page = await pages.next(); !page.done && !archive.destroyed; page = await pages.next()) {
      await Promise.all(page.value.map(add));
    }
    zip.end();
  };
  feed().catch(fail);
  return archive;
}
