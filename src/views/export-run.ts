import type { BatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import type { ItemSnapshot } from "../core/item.ts";
import type { QueueState } from "../core/queue.ts";
import type { Batch } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { Worker } from "../engine/worker.ts";
import { type BatchExportProgress, toExportJob } from "./export-status.ts";

/** Callbacks are called this often at most. */
export const TELL_EVERY_MS = 100;
/** Until a store that did not answer is asked again. */
const RETRY_MS = 1_000;
/** Jobs that run at once and are looked at for the progress of all. */
const RUNNING_MAX = 100;

/** Hears of progress. What it throws is logged, and changes nothing else. */
export type Tell<Progress> = (progress: Progress) => void;

export interface ExportRunParts<Project> {
  readonly milepost: Milepost;
  readonly batch: Batch;
  readonly worker: Worker;
  /** Items that had ended before it began. */
  readonly before: Pick<BatchSnapshot["counts"], "completed" | "failed" | "cancelled">;
  readonly status: () => Promise<QueueState>;
  readonly tell: Tell<BatchExportProgress<Project>>;
}

/**
 * One batch export of this process: a worker on the queue, and what is told of it, from its start until no job is left, it is
 * stopped, or its view is closed. Holds nothing of the jobs themselves.
 */
export class ExportRun<Project> {
  /** Settles when it is over. @throws what made the worker give up */
  readonly over: Promise<void>;
  readonly #parts: ExportRunParts<Project>;
  readonly #startedAt: number;
  readonly #end = new AbortController();

  constructor(parts: ExportRunParts<Project>) {
    this.#parts = parts;
    this.#startedAt = parts.milepost.clock.now();
    this.over = this.#run();
    // Who does not wait for the end hears of it by the last call all the same.
    this.over.catch(() => {});
  }

  /** Ends it with what runs given back, and tells the last time. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.over;
  }

  /** Tells now, because the queue was paused or resumed. */
  async tellNow(): Promise<void> {
    const snapshot = await snapshotOrNull(this.#parts.batch);
    if (snapshot !== null) await this.#tell(snapshot);
  }

  async #run(): Promise<void> {
    const { worker, batch } = this.#parts;
    const gaveUp = worker.failed().then((error) => {
      throw error;
    });
    gaveUp.catch(() => {});
    try {
      await Promise.race([this.#follow(), gaveUp]);
    } finally {
      this.#end.abort();
      await worker.stop();
    }
    const last = await snapshotOrNull(batch);
    if (last !== null) await this.#tell(last);
  }

  /** Until no job is left: one that comes while the last one ends belongs to it too. */
  async #follow(): Promise<void> {
    const { batch } = this.#parts;
    const { signal } = this.#end;
    for (;;) {
      try {
        for await (const snapshot of batch.watch({ everyMs: TELL_EVERY_MS, signal })) {
          if (snapshot.endedAt === null && !signal.aborted) await this.#tell(snapshot);
        }
        const now = signal.aborted ? null : await snapshotOrNull(batch);
        if (now === null || now.endedAt !== null) return;
      } catch (error) {
        // The worker outlasts a store that does not answer for a while; so does what is told of it.
        if (!(error instanceof MilepostError && error.retryable) || signal.aborted) throw error;
        await new Promise<void>((resolve) => this.#parts.milepost.clock.after(RETRY_MS, resolve));
      }
    }
  }

  async #tell(snapshot: BatchSnapshot): Promise<void> {
    const { tell, status } = this.#parts;
    tell(await this.#progressOf(snapshot, await status()));
  }

  async #progressOf(snapshot: BatchSnapshot, queueStatus: QueueState): Promise<BatchExportProgress<Project>> {
    const { before } = this.#parts;
    const { counts, estimate } = snapshot;
    const running = await runningIn(this.#parts.batch);
    const [first] = running;
    // Ended jobs of before may have been deleted meanwhile.
    const completedJobs = Math.max(0, counts.completed - before.completed);
    const failedJobs = Math.max(0, counts.failed - before.failed);
    const ended = completedJobs + failedJobs + Math.max(0, counts.cancelled - before.cancelled);
    const totalJobs = counts.pending + counts.processing + ended;
    const inFlight = running.reduce((sum, { fraction }) => sum + fraction, 0);
    return {
      totalJobs,
      completedJobs,
      failedJobs,
      currentJob: first === undefined ? null : await this.#jobOf(first),
      queueStatus,
      overallStartTime: new Date(this.#startedAt),
      overallProgressPercentage: totalJobs === 0 ? 100 : Math.min(100, (100 * (ended + inFlight)) / totalJobs),
      estimatedCompletionTime: estimate?.finishAt ?? null,
    };
  }

  async #jobOf(item: ItemSnapshot) {
    const { milepost } = this.#parts;
    const now = await milepost.item(item.id).snapshot().catch(nullIfGone);
    return toExportJob<Project>(now ?? item, now?.estimate?.median ?? null, milepost.clock.now());
  }
}

async function runningIn(batch: Batch): Promise<readonly ItemSnapshot[]> {
  return (await batch.items({ state: "processing", limit: RUNNING_MAX }).catch(nullIfGone))?.items ?? [];
}

/** The batch now; null where it is not there. */
export async function snapshotOrNull(batch: Batch): Promise<BatchSnapshot | null> {
  return batch.snapshot().catch(nullIfGone);
}

/** Null for what is not there; anything else is thrown on. */
export function nullIfGone(error: unknown): null {
  if (error instanceof MilepostError && error.code === "NOT_FOUND") return null;
  throw error;
}
