import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isLeftover, isMarked, isOwn, markedName } from "../platform/process-mark.ts";
import type { WireNewItem } from "../wire/submission.ts";
import { refusal } from "./problems.ts";

/** Lines are written in pieces of about this size. */
const PIECE_CHARACTERS = 262_144;
const ITEMS = "items.ndjson";
const KEPT = "submission.json";
/** Paths of entries that this process works on, whichever of its servers. */
const held = new Set<string>();
/** What the names of entries begin with: while they are written, and when they are whole. */
const PART = "part";
const WHOLE = "whole";

/** A long list of items on disk, whole, and what is to be done with it. */
export interface Spooled<Kept> {
  readonly kept: Kept;
  items(): AsyncGenerator<WireNewItem, void, undefined>;
  /** It was carried out, or will never be. */
  remove(): Promise<void>;
  /** It could not be carried out now; `left()` names it again. */
  leave(): void;
}

/**
 * Keeps long submissions on disk until they are carried out, so that a process that dies in the middle leaves no half of one:
 * what was kept whole is finished by the next, what was not is removed. An entry is a folder that is renamed when it is whole; its name
 * says which process has it.
 */
export class Spool<Kept> {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Writes all items and then what `describe` says of them. Resolves when it is durable; if `items` throws, nothing is left.
   */
  async keep(items: AsyncIterable<WireNewItem> | Iterable<WireNewItem>, describe: () => Kept): Promise<Spooled<Kept>> {
    const whole = join(this.#folder, markedName(WHOLE));
    const part = join(this.#folder, markedName(PART));
    await mkdir(part, { recursive: true, mode: 0o700 });
    held.add(part);
    try {
      await writeLines(join(part, ITEMS), items);
      const kept = describe();
      await writeFile(join(part, KEPT), JSON.stringify(kept), { mode: 0o600, flush: true });
      await sync(part);
      held.add(whole);
      await rename(part, whole);
      await sync(this.#folder);
      return entryOf(whole, kept);
    } catch (error) {
      held.delete(whole);
      await rm(part, { recursive: true, force: true });
      throw isFull(error)
        ? refusal("storage-full", "there is no room to keep so many items until they are added")
        : error;
    } finally {
      held.delete(part);
    }
  }

  /** The names of what dead processes, or this one, kept whole and did not carry out; halves of dead ones are removed. */
  async left(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const left: string[] = [];
    for (const name of names) {
      const path = join(this.#folder, name);
      if (!isMarked(name) || held.has(path) || !(isOwn(name) || (await isLeftover(this.#folder, name)))) continue;
      if (name.startsWith(`${WHOLE}.`)) left.push(name);
      else await rm(path, { recursive: true, force: true });
    }
    return left;
  }

  /** Takes over what is left under a name; null if another server did. */
  async take(name: string): Promise<Spooled<Kept> | null> {
    const mine = join(this.#folder, markedName(WHOLE));
    held.add(mine);
    try {
      // Of two servers that find it, one can rename it.
      await rename(join(this.#folder, name), mine);
    } catch {
      held.delete(mine);
      return null;
    }
    try {
      return entryOf(mine, JSON.parse(await readFile(join(mine, KEPT), "utf8")) as Kept);
    } catch (error) {
      held.delete(mine);
      throw error;
    }
  }
}

function entryOf<Kept>(folder: string, kept: Kept): Spooled<Kept> {
  return {
    kept,
    items: () => readLines(join(folder, ITEMS)),
    remove: async () => {
      await rm(folder, { recursive: true, force: true });
      held.delete(folder);
    },
    leave: () => void held.delete(folder),
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

async function writeLines(path: string, items: AsyncIterable<WireNewItem> | Iterable<WireNewItem>): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  let piece = "";
  for await (const item of items) {
    piece += `${JSON.stringify(item)}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    await file.appendFile(piece);
    piece = "";
  }
  await file.appendFile(piece);
  await file.sync();
}

/** Lines as JSON has them: what else ends a line for people, such as U+2028, stands in its texts as it is. */
async function* readLines(path: string): AsyncGenerator<WireNewItem, void, undefined> {
  let begun = "";
  for await (const piece of createReadStream(path, "utf8") as AsyncIterable<string>) {
    const text = begun + piece;
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      yield JSON.parse(text.slice(from, end)) as WireNewItem;
      from = end + 1;
    }
    begun = text.slice(from);
  }
}

/** Makes the names in a folder durable, where the system can. */
async function sync(folder: string): Promise<void> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch {
    // Windows opens no folders; its file system keeps names in a journal.
  } finally {
    await handle?.close();
  }
}
