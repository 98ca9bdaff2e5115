import { MilepostError } from "../core/errors.ts";
import { listOf, requireRule, requireWhole, TEXT } from "../core/options.ts";
import type { Batch } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import { requireText } from "../engine/submit.ts";
import { ViewEngine } from "./view-engine.ts";

/** States of an image in a job; `error` is the engine's `failed`. */
export const Status = { PENDING: "pending", PROCESSING: "processing", COMPLETED: "completed", ERROR: "error" } as const;
export type Status = (typeof Status)[keyof typeof Status];

/** How many images of a job are where: exact, disjoint but for the total. */
export interface JobProgress {
  readonly totalImages: number;
  readonly processedCount: number;
  readonly errorCount: number;
  /** Pending and processing. */
  readonly pendingCount: number;
}

/** The pipeline name of tracked jobs: no worker runs it. */
const TRACKED = "tracked";
/** Callers mark images in no order, so more of the file is at work than where the engine claims. */
const CACHE_MIB = 64;

/**
 * Durable progress of a job whose caller drives the loop: a thin view over the engine's batches and items.
 *
 * The instance keeps the tokens of what it won. A mark that comes too late (the image was taken over after this process was
 * thought dead) throws `LEASE_LOST` for one id; for a list, the ids that were recorded come back.
 */
export class ProgressTracker {
  readonly #engine: ViewEngine;

  /** @param source the path of an SQLite file, `memory:`, or an open engine (which stays the caller's to close) */
  constructor(source: string | Milepost) {
    this.#engine = new ViewEngine(source, { cacheMiB: CACHE_MIB });
  }

  /**
   * Makes a job, or finds it by name: new paths are added, known ones keep their state. `splits[i]` belongs to `imagePaths[i]`.
   * @throws {MilepostError} `INVALID_ARGUMENT` if the lists differ in length, or the name or an entry cannot be one
   */
  async createJob(name: string, imagePaths: readonly string[], splits: readonly string[]): Promise<string> {
    // A batch may do without a name, a job may not: it would be another one each time.
    requireText("name", name);
    if (!Array.isArray(imagePaths) || !Array.isArray(splits)) {
      throw new MilepostError("INVALID_ARGUMENT", "image paths and splits must be two lists of the same length");
    }
    if (imagePaths.length !== splits.length) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `splits must have one entry for each image path; found ${splits.length} for ${imagePaths.length}`,
      );
    }
    requireRule("splits", splits, listOf(TEXT));
    const milepost = await this.#engine.milepost;
    const items = imagePaths.map((key, index) => ({ key, input: splits[index] ?? null }));
    return (await milepost.submit({ pipeline: TRACKED, name, items })).id;
  }

  async getJobId(name: string): Promise<string | undefined> {
    const snapshot = await orUndefined((await this.#engine.milepost).batch(name).snapshot());
    return snapshot?.id;
  }

  /** Up to `limit` pending images as `[imageId, path, split]`, in the order in which they were added. */
  async getPendingImages(
    jobId: string,
    limit = 100,
  ): Promise<readonly (readonly [imageId: string, path: string, split: string])[]> {
    requireWhole("limit", limit, 0, Number.MAX_SAFE_INTEGER);
    const batch = await this.#job(jobId);
    const images: [string, string, string][] = [];
    for (let after: string | null = null; images.length < limit; ) {
      const size = Math.min(1_000, limit - images.length);
      const page = await batch.items({ state: "pending", limit: size, ...(after === null ? {} : { after }) });
      for (const item of page.items) images.push([item.id, item.key, String(item.input ?? "")]);
      after = page.nextCursor;
      if (after === null) break;
    }
    return images;
  }

  /** Returns the ids this instance won; another process may have won the others. */
  async markProcessing(ids: string | readonly string[]): Promise<readonly string[]> {
    return (await this.#engine.tracker()).start(typeof ids === "string" ? [ids] : ids);
  }

  /** @throws {MilepostError} `LEASE_LOST` for a single id that is not ours any more */
  async markCompleted(ids: string | readonly string[]): Promise<readonly string[]> {
    const tracker = await this.#engine.tracker();
    return this.#mark(ids, (list) => tracker.complete(list));
  }

  /** @throws {MilepostError} `LEASE_LOST` for a single id that is not ours any more */
  async markError(ids: string | readonly string[], message: string): Promise<readonly string[]> {
    const tracker = await this.#engine.tracker();
    return this.#mark(ids, (list) => tracker.fail(list, message));
  }

  /** The durability barrier: after it, a power cut loses nothing that was recorded before. Stamps the job. */
  async checkpoint(jobId: string): Promise<void> {
    await (await this.#job(jobId)).checkpoint();
  }

  /** Exact at any time; `{}` for an unknown job. */
  async getProgress(jobId: string): Promise<JobProgress | Record<string, never>> {
    const snapshot = await orUndefined((await this.#job(jobId)).snapshot());
    if (snapshot === undefined) return {};
    const { total, completed, failed, pending, processing } = snapshot.counts;
    return { totalImages: total, processedCount: completed, errorCount: failed, pendingCount: pending + processing };
  }

  /** Returns the work of processes that died to pending, at once; that of living ones stays. Returns how many of the job. */
  async resetStuckImages(jobId: string): Promise<number> {
    const milepost = await this.#engine.milepost;
    const batch = await this.#job(jobId);
    const before = (await batch.snapshot()).counts.processing;
    await milepost.reap();
    return Math.max(0, before - (await batch.snapshot()).counts.processing);
  }

  /** Gives back what is still held. Idempotent. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #mark(
    ids: string | readonly string[],
    mark: (list: readonly string[]) => Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    if (typeof ids !== "string") return mark(ids);
    const recorded = await mark([ids]);
    if (recorded.length === 1) return recorded;
    throw new MilepostError("LEASE_LOST", `image ${ids} was not recorded: it has ended, or another process holds it`);
  }

  async #job(jobId: string): Promise<Batch> {
    return (await this.#engine.milepost).batch(jobId);
  }
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof MilepostError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}
