import type { Milepost } from "../../engine/milepost.ts";
import { SESSION_OWNER } from "../session-cookie.ts";
import type { ServerLimits } from "../settings.ts";
import type { BatchFolders } from "./batch-folders.ts";
import type { Holdings } from "./holdings.ts";
import type { HoldingsLog } from "./holdings-log.ts";
import type { IndexFolders } from "./index-folders.ts";
import type { Uploads } from "./uploads.ts";

/**
 * Keeps the folder of files clean: at the start and each `sweepEveryMs` after it,
 *
 * - batches of sessions that ended longer ago than `retentionMs` are deleted; running ones never, and those of the CLI, the
 *   library and operators stay until they are pruned;
 * - folders of batches that are not in the store any more are removed, whoever deleted them;
 * - documents that no batch of a session has any more go out of its index, and with the last batch the index itself;
 * - uploads that came longer ago than `retentionMs` and that no batch uses are removed;
 * - what processes that are dead left half-done is finished, if part of it was recorded, or removed.
 *
 * What this process has under way is left alone.
 */
export class Sweeper {
  readonly #milepost: Milepost;
  readonly #limits: ServerLimits;
  readonly #holdings: Holdings;
  readonly #log: HoldingsLog;
  readonly #uploads: Uploads;
  readonly #batches: BatchFolders;
  readonly #indexes: IndexFolders;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly milepost: Milepost;
    readonly limits: ServerLimits;
    readonly holdings: Holdings;
    readonly log: HoldingsLog;
    readonly uploads: Uploads;
    readonly batches: BatchFolders;
    readonly indexes: IndexFolders;
    /** Told of a sweep that failed, but for the first. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#milepost = parts.milepost;
    this.#limits = parts.limits;
    this.#holdings = parts.holdings;
    this.#log = parts.log;
    this.#uploads = parts.uploads;
    this.#batches = parts.batches;
    this.#indexes = parts.indexes;
    this.#onError = parts.onError;
  }

  /** Sweeps once and begins to do so again and again. @throws what the first sweep throws */
  async start(): Promise<void> {
    await this.sweep();
    this.#timer = setInterval(() => {
      // A store or a disk that is out of reach may be found again by the next one.
      this.sweep().catch(this.#onError);
    }, this.#limits.sweepEveryMs).unref();
  }

  /** One after the other: who asks during a sweep gets one that begins after it. */
  sweep(): Promise<void> {
    const next = this.#sweeping.catch(() => {}).then(() => this.#sweepOnce());
    this.#sweeping = next;
    return next;
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#sweeping.catch(() => {});
  }

  async #sweepOnce(): Promise<void> {
    await this.#milepost.prune({ olderThanMs: this.#limits.retentionMs, ownerPrefix: SESSION_OWNER });
    await this.#log.sweep();
    await this.#holdings.recount(async () => {
      await this.#batches.sweep();
      await this.#indexes.sweep();
      await this.#uploads.sweep(Date.now());
    });
  }
}
