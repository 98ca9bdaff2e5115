import { constants } from "node:fs";
import { copyFile, type FileHandle, link, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { refusal } from "../problems.ts";

/** Waits until a file or the names in a folder are on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a small new file and waits until it is on the disk. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Refused unless the disk keeps `bytesFree` after `bytes` more. @throws {Refusal} `storage-full` */
export async function requireRoom(folder: string, bytes: number, bytesFree: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize - bytes >= bytesFree) return;
  throw refusal("storage-full", "the disk of this server is nearly full; try again later");
}

/** Errors of a disk that is full as what they are; others as they come. */
export function asRefusal(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return refusal("storage-full", "the disk of this server is full; try again later");
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** A second name for a file, or where the file system has none of that, a copy on the disk. A file that is there is left as it is. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") return;
    if (code === "ENOENT") throw error;
    await copyFile(from, to);
    await syncPath(to);
  }
}

/** Removes a file or folder with all that is in it; one that is not there is gone already. */
export async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 2 });
}

/** The names in a folder; none where it is not there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
}

/** Opens a regular file for reading; null for what is none, or only leads to one, or is not there. */
export async function openFile(path: string): Promise<FileHandle | null> {
  let handle: FileHandle;
  try {
    // Opening a named pipe would wait for its writer for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "ELOOP", "ENXIO"].includes(codeOf(error))) return null;
    throw error;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  return null;
}

/** The size of a file; 0 where it went away meanwhile. */
export async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
