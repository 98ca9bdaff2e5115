import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { isUuid } from "../../core/ids.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { SearchProcesses } from "../../pipelines/documents/search-processes.ts";
import { isLeftover, isMarked, markedName } from "../../platform/process-mark.ts";
import { DOCUMENTS_QUEUE } from "../../views/documents.ts";
import { SESSION_OWNER } from "../session-cookie.ts";
import { batchIdsOf } from "./batch-ids.ts";
import { bytesOf, codeOf, namesIn, removeAll } from "./disk.ts";
import { Guards } from "./guards.ts";
import type { Holdings } from "./holdings.ts";

const OPERATOR = "operator";
const SESSION = "session-";
const INDEX = "library.db";
const LIST = ".documents";
/** Documents that are removed in one step; between two steps submissions have their turn. */
const STEP_DOCUMENTS = 10;
/** The operator and sessions; others may have batches, but send in nothing. */
const OWNER = new RegExp(`^(${SESSION_OWNER}[0-9a-f]{64})?$`);
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * The indexes of documents, one for each owner: `operator/library.db`, `session-<hash>/library.db`. Beside a session's lies a list for each
 * of its batches, `<batchId>.documents`, of the documents that the batch has, an SHA-256 a line; it is written before the batch is
 * submitted. What no batch has any more goes out of the index, and with the last batch the whole of it. The operator's stays.
 *
 * A list goes when its documents are gone, so that what a dead process began is done again from its beginning.
 */
export class IndexFolders {
  readonly #folder: string;
  readonly #milepost: Milepost;
  readonly #holdings: Holdings;
  readonly #guards: Guards;
  readonly #onError: (error: unknown) => void;
  /** Removing from an index takes as long as it takes, and its file may be busy: not here. */
  readonly #processes = new SearchProcesses({ atOnce: 1, waiting: Number.MAX_SAFE_INTEGER, timeLimitMs: null });

  constructor(parts: {
    readonly folder: string;
    /** For the flags of what is under way. */
    readonly guards: string;
    readonly milepost: Milepost;
    readonly holdings: Holdings;
    /** Told of an index that could not be looked after; the others are. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#folder = parts.folder;
    this.#guards = new Guards(parts.guards);
    this.#milepost = parts.milepost;
    this.#holdings = parts.holdings;
    this.#onError = parts.onError;
  }

  /** Where the owner's index lies or will lie. @throws {MilepostError} `NOT_FOUND` for whom there can be none */
  pathOf(owner: string): string {
    if (!OWNER.test(owner)) throw new MilepostError("NOT_FOUND", `${owner} has no index of documents`);
    return join(this.#folder, nameOf(owner), INDEX);
  }

  /** Submits a batch that will write these documents to the owner's index. */
  async submit<T>(
    owner: string,
    { batchId, documents }: { readonly batchId: string; readonly documents: readonly string[] },
    task: () => Promise<T>,
  ): Promise<T> {
    return this.#guards.submitting(nameOf(owner), async () => {
      const path = this.pathOf(owner);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      // Whoever stores the first document fills it; what SQLite puts beside it has the same mode.
      await append(path, "");
      // A line that a dead process did not finish ends here.
      if (owner !== "") await append(join(dirname(path), batchId + LIST), `\n${documents.join("\n")}\n`);
      return task();
    });
  }

  /** Counts what a session's index has come to. */
  async weigh(owner: string): Promise<void> {
    const folder = dirname(this.pathOf(owner));
    let bytes = 0;
    for (const name of await namesIn(folder)) bytes += await bytesOf(join(folder, name));
    this.#holdings.set(owner, "index", bytes);
  }

  /** Looks after the indexes of all sessions and counts anew what remains. */
  async sweep(): Promise<void> {
    await this.#guards.sweep();
    for (const name of await namesIn(this.#folder)) {
      if (isMarked(name)) {
        if (await isLeftover(this.#folder, name)) await removeAll(join(this.#folder, name));
      } else if (name.startsWith(SESSION)) {
        await this.tidy(SESSION_OWNER + name.slice(SESSION.length));
      }
    }
  }

  /**
   * Removes from a session's index what no batch of its has any more; without any batch, all of it. What is left undone, because documents
   * are just being submitted or the index fails, is done by a later sweep.
   */
  async tidy(owner: string): Promise<void> {
    if (owner === "") return;
    try {
      const isGone = (await this.#batchesOf(owner)).size === 0 && (await this.#removeUnused(owner));
      if (!isGone) await this.#removeLeft(owner);
    } catch (error) {
      this.#onError(error);
    }
    await this.weigh(owner);
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  /** Removes the index of a session without batches. False: it has one now. */
  async #removeUnused(owner: string): Promise<boolean> {
    let isGone = false;
    await this.#guards.removing(nameOf(owner), async () => {
      if ((await this.#batchesOf(owner)).size > 0) return;
      const gone = join(this.#folder, markedName(nameOf(owner)));
      await rename(dirname(this.pathOf(owner)), gone).catch((error: unknown) => {
        if (codeOf(error) !== "ENOENT") throw error;
      });
      await removeAll(gone);
      isGone = true;
    });
    return isGone;
  }

  /** Removes the documents of batches that are gone, step by step, but for those that another batch has too. */
  async #removeLeft(owner: string): Promise<void> {
    const folder = dirname(this.pathOf(owner));
    for (const list of (await this.#listsOf(owner)).gone) {
      const documents = [...(await documentsIn(join(folder, list)))];
      for (let done = 0; done < documents.length; done += STEP_DOCUMENTS) {
        const some = documents.slice(done, done + STEP_DOCUMENTS);
        if (!(await this.#guards.removing(nameOf(owner), () => this.#removeSome(owner, some)))) return;
      }
      await this.#guards.removing(nameOf(owner), async () => {
        // A batch may have come to have them meanwhile, or more of them.
        const isGone = (await this.#listsOf(owner)).gone.includes(list);
        const isSame = (await documentsIn(join(folder, list))).size === documents.length;
        if (isGone && isSame) await rm(join(folder, list), { force: true });
      });
    }
  }

  async #removeSome(owner: string, documents: readonly string[]): Promise<void> {
    const index = this.pathOf(owner);
    const had = new Set<string>();
    for (const list of (await this.#listsOf(owner)).had) {
      for (const sha256 of await documentsIn(join(dirname(index), list))) had.add(sha256);
    }
    for (const sha256 of documents) {
      if (had.has(sha256)) continue;
      await this.#processes.remove({ index }, sha256).catch((error: unknown) => {
        // Nothing was stored in it yet.
        if (codeOf(error) !== "NOT_FOUND") throw error;
      });
    }
  }

  /** The lists of a session's documents: of batches that it has, and of those that are gone. */
  async #listsOf(owner: string): Promise<{ readonly had: readonly string[]; readonly gone: readonly string[] }> {
    const batches = await this.#batchesOf(owner);
    const lists = (await namesIn(dirname(this.pathOf(owner)))).filter((name) => name.endsWith(LIST));
    const isHad = (list: string): boolean => batches.has(batchOf(list));
    return { had: lists.filter(isHad), gone: lists.filter((list) => !isHad(list) && isUuid(batchOf(list))) };
  }

  async #batchesOf(owner: string): Promise<ReadonlySet<string>> {
    return batchIdsOf(this.#milepost, { owner, queue: DOCUMENTS_QUEUE });
  }
}

function nameOf(owner: string): string {
  return owner === "" ? OPERATOR : SESSION + owner.slice(SESSION_OWNER.length);
}

function batchOf(list: string): string {
  return list.slice(0, -LIST.length);
}

async function documentsIn(path: string): Promise<ReadonlySet<string>> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  });
  return new Set(text.split("\n").filter((line) => SHA256.test(line)));
}

/** Makes the file, if there is none, and waits until it is on the disk with what was added. */
async function append(path: string, text: string): Promise<void> {
  const handle = await open(path, "a", 0o600);
  try {
    await handle.appendFile(text);
    if (text !== "") await handle.sync();
  } finally {
    await handle.close();
  }
}
