import { mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Milepost } from "../../engine/milepost.ts";
import { isLeftover, isMarked, markedName } from "../../platform/process-mark.ts";
import { DOCUMENTS_QUEUE } from "../../views/documents.ts";
import { SESSION_OWNER } from "../callers.ts";
import { bytesOf, codeOf, namesIn, removeAll } from "./disk.ts";
import type { Holdings } from "./holdings.ts";

const OPERATOR = "operator";
const SESSION = "session-";
const INDEX = "library.db";

/**
 * The indexes of documents, one for each owner: `operator/library.db`, `session-<hash>/library.db`. A session's index goes when the last
 * of its batches of documents has gone; the operator's stays.
 */
export class IndexFolders {
  readonly #folder: string;
  readonly #milepost: Milepost;
  readonly #holdings: Holdings;
  /** Submissions of batches that will write to an owner's index; no index is removed meanwhile. */
  readonly #underWay = new Map<string, number>();
  /** Indexes that are looked after; no batch is submitted meanwhile. */
  readonly #looks = new Map<string, Promise<void>>();

  constructor(parts: { readonly folder: string; readonly milepost: Milepost; readonly holdings: Holdings }) {
    this.#folder = parts.folder;
    this.#milepost = parts.milepost;
    this.#holdings = parts.holdings;
  }

  /** Where the owner's index lies or will lie. */
  pathOf(owner: string): string {
    return join(this.#folder, nameOf(owner), INDEX);
  }

  /** Submits a batch that will write to the owner's index. */
  async submit<T>(owner: string, task: () => Promise<T>): Promise<T> {
    for (let look = this.#looks.get(owner); look !== undefined; look = this.#looks.get(owner))
      await look.catch(() => {});
    this.#underWay.set(owner, (this.#underWay.get(owner) ?? 0) + 1);
    try {
      await mkdir(dirname(this.pathOf(owner)), { recursive: true, mode: 0o700 });
      // Whoever stores the first document fills it; what SQLite puts beside it has the same mode.
      await (await open(this.pathOf(owner), "a", 0o600)).close();
      return await task();
    } finally {
      const left = (this.#underWay.get(owner) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(owner);
      else this.#underWay.set(owner, left);
    }
  }

  /** Counts what a session's index has come to. */
  async weigh(owner: string): Promise<void> {
    const folder = dirname(this.pathOf(owner));
    let bytes = 0;
    for (const name of await namesIn(folder)) bytes += await bytesOf(join(folder, name));
    this.#holdings.set(owner, "index", bytes);
  }

  /** Removes the indexes of sessions that have no batch of documents any more; what remains is counted anew. */
  async sweep(): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      if (isMarked(name)) {
        if (await isLeftover(this.#folder, name)) await removeAll(join(this.#folder, name));
      } else if (name.startsWith(SESSION)) {
        const owner = SESSION_OWNER + name.slice(SESSION.length);
        const look = this.#underWay.has(owner) ? this.weigh(owner) : this.#removeUnused(owner);
        this.#looks.set(owner, look);
        await look.finally(() => this.#looks.delete(owner));
      }
    }
  }

  async #removeUnused(owner: string): Promise<void> {
    const { batches } = await this.#milepost.batches({ owner, queue: DOCUMENTS_QUEUE, limit: 1 });
    if (batches.length > 0) return this.weigh(owner);
    const folder = dirname(this.pathOf(owner));
    const gone = join(this.#folder, markedName(nameOf(owner)));
    await rename(folder, gone).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
    await removeAll(gone);
    this.#holdings.set(owner, "index", 0);
  }
}

function nameOf(owner: string): string {
  return owner === "" ? OPERATOR : SESSION + owner.slice(SESSION_OWNER.length);
}
