import { mkdir, open, readdir, rename } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { isMarked, markedName } from "../../../platform/process-mark.ts";
import { codeOf, openFile, removeAll, syncPath } from "../disk.ts";
import type { Storage, StoredFile } from "./storage.ts";

/** Files in a folder. What links or pipes stand for is never opened. */
export class FolderStorage implements Storage {
  readonly location: string;

  constructor(folder: string) {
    this.location = folder;
  }

  async put(key: string, content: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number }> {
    const path = this.#pathOf(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const part = markedName(path);
    let bytes = 0;
    try {
      const handle = await open(part, "wx", 0o600);
      try {
        for await (const piece of content) {
          await handle.appendFile(piece);
          bytes += piece.length;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(part, path);
      await syncPath(dirname(path));
      return { bytes };
    } catch (error) {
      await removeAll(part);
      throw error;
    }
  }

  async open(key: string): Promise<StoredFile | null> {
    const handle = await openFile(this.#pathOf(key));
    if (handle === null) return null;
    const { size, mtimeMs } = await handle.stat();
    return {
      bytes: size,
      etag: `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`,
      read: async (range) => handle.createReadStream(range),
      close: () => handle.close(),
    };
  }

  async *list(prefix: string): AsyncGenerator<readonly string[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    const entries = await readdir(join(this.location, folder), { recursive: true, withFileTypes: true }).catch(
      (error: unknown) => {
        if (codeOf(error) === "ENOENT") return [];
        throw error;
      },
    );
    const files = entries.filter((entry) => entry.isFile() && !isMarked(entry.name));
    const keys = files.map((entry) => relative(this.location, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
    const found = keys.filter((key) => key.startsWith(prefix));
    if (found.length > 0) yield found;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await removeAll(this.#pathOf(key));
  }

  #pathOf(key: string): string {
    return join(this.location, ...key.split("/"));
  }
}
