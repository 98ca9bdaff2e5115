import { randomUUID } from "node:crypto";
import { MilepostError } from "../core/errors.ts";
import type { ItemSnapshot } from "../core/item.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { DATE, requireOptions } from "../core/options.ts";
import { type Priority, toPriority } from "../core/priority.ts";
import { type QueueSnapshot, QueueState } from "../core/queue.ts";
import type { ItemState } from "../core/transitions.ts";
import type { Batch, ItemsPage } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { PipelineDefinition } from "../engine/pipeline.ts";
import { requireText } from "../engine/submit.ts";
import type { OpenOptions } from "../open-milepost.ts";
import { ExportRun, nullIfGone, snapshotOrNull, TELL_EVERY_MS, type Tell } from "./export-run.ts";
import {
  type BatchExportProgress,
  type ExportInput,
  type ExportJob,
  type ExportProgress,
  toExportJob,
} from "./export-status.ts";
import { ViewEngine } from "./view-engine.ts";

/** An export may take hours and begins anew after a crash: how often a process was killed around it says little about it. */
const CRASH_BUDGET = 20;

export interface ExportQueueOptions extends Pick<OpenOptions, "clock" | "logger"> {
  /**
   * What exports: a pipeline whose items' inputs are an `ExportInput`, whose stages are those of `ExportStatus`, and whose handler
   * awaits `step.paused()` before each frame. Other processes that are to work on the queue declare it under the same name.
   */
  readonly pipeline: PipelineDefinition | (() => Promise<PipelineDefinition>);
  /** Handed to the pipeline with each job that is added: the `settings` of its input. */
  readonly settings?: { readonly [name: string]: Json };
  /** Of the queue and of its batch; default `exports`. */
  readonly name?: string;
  /** Exports that this process makes at once; default 1. */
  readonly concurrency?: number;
  /** Attempts that may fail before an export fails; default 1. */
  readonly attempts?: number;
}

/**
 * A queue of exports in any store: a thin view over the engine. Its jobs are the items of one batch in one queue, both of its
 * name; a job's id is its item's. It holds nothing itself: whoever opens the same store sees the same queue, the command
 * line and other processes too, and after a crash the jobs that ran wait again.
 *
 * Jobs run by priority, the lowest number first, then in the order they were added, in this process from `startBatchExport` until none is left.
 * Whatever else works on the store's queues (`milepost work`) works on this one too.
 */
export class ExportQueue<Project> {
  readonly #milepost: Promise<Milepost>;
  readonly #engine: ViewEngine;
  readonly #options: ExportQueueOptions;
  readonly #name: string;
  #definition: Promise<PipelineDefinition> | null = null;
  #run: ExportRun<Project> | null = null;
  /** A batch export that is to begin later. */
  #plan: { readonly over: Promise<void>; readonly giveUp: () => void } | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param source the path of an SQLite file, `memory:`, or an open engine (which stays the caller's to close) */
  constructor(source: string | Milepost, options: ExportQueueOptions) {
    const { name = "exports", clock, logger } = options;
    this.#options = options;
    this.#name = requireText("the name of an export queue", name);
    const open = { ...(clock !== undefined && { clock }), ...(logger !== undefined && { logger }) };
    this.#engine = new ViewEngine(source, open);
    this.#milepost = this.#engine.milepost.then(recovered);
    // As in the engine: it is thrown by the first call.
    this.#milepost.catch(() => {});
  }

  /**
   * Adds a job; it waits for `startBatchExport`, or is taken by one that is under way. Resolves with its id once it is durable.
   * @param priority lower runs sooner; names as everywhere
   * @throws {MilepostError} `INVALID_ARGUMENT` or `NOT_JSON` for anything that cannot be kept
   */
  async addToExportQueue(project: Project, outputPath: string, priority: Priority = 0): Promise<string> {
    const milepost = await this.#milepost;
    const item = { ...this.#itemFor(milepost, project, outputPath), priority: toPriority(priority) };
    const { name } = await this.#define(milepost);
    const { batch } = await milepost.submit({
      pipeline: name,
      queue: this.#name,
      name: this.#name,
      attempts: this.#options.attempts ?? 1,
      crashBudget: CRASH_BUDGET,
      items: [item],
    });
    return (await batch.item({ key: item.key }).snapshot()).id;
  }

  /**
   * Exports all that waits, and what is added meanwhile, in this process; resolves as soon as it has begun. Lifts a stop, and a
   * pause of a batch export that is over.
   * @param onProgress called ten times a second at most, and at the end
   * @param options `startAt`: this process begins then; until then `stopBatchExport` takes it back
   * @returns false if this view exports already, or will, or there is nothing to export
   */
  startBatchExport(
    onProgress: Tell<BatchExportProgress<Project>> = () => {},
    options: { readonly startAt?: Date } = {},
  ): Promise<boolean> {
    return this.#inTurn(async () => {
      requireOptions("startBatchExport", options, { startAt: DATE });
      if (this.#run !== null || this.#plan !== null) return false;
      const { clock } = await this.#milepost;
      const waitMs = options.startAt === undefined ? 0 : options.startAt.getTime() - clock.now();
      if (waitMs <= 0) return this.#start(onProgress);
      if ((await this.getQueueSize()) === 0) return false;
      const { promise: over, resolve, reject } = Promise.withResolvers<void>();
      over.catch(() => {});
      const begin = async (): Promise<void> => {
        this.#plan = null;
        // A timer may be early: then it waits on.
        await this.startBatchExport(onProgress, options);
        await this.finished();
      };
      const timer = clock.after(waitMs, () => void begin().then(resolve, reject));
      this.#plan = { over, giveUp: () => [timer.cancel(), resolve()] };
      return true;
    });
  }

  /** Resolves when the batch export of this view is over: none is left, or it was stopped. @throws what made it give up */
  async finished(): Promise<void> {
    await this.#plan?.over;
    await this.#run?.over;
  }

  /** Keeps the queue, and halts what runs at its next frame. False if nothing is running. */
  pauseBatchExport(): Promise<boolean> {
    return this.#inTurn(async () => {
      if ((await this.getQueueStatus()) !== QueueState.RUNNING) return false;
      const changed = await (await this.#queue()).pause();
      await this.#run?.tellNow();
      return changed > 0;
    });
  }

  /** Goes on after a pause, with the next frame of the same file. False if it is not paused. */
  resumeBatchExport(): Promise<boolean> {
    return this.#inTurn(async () => {
      if ((await this.getQueueStatus()) !== QueueState.PAUSED) return false;
      const changed = await (await this.#queue()).resume();
      await this.#run?.tellNow();
      return changed > 0;
    });
  }

  /**
   * Aborts what runs, which waits again then, and starts nothing more; its half files are removed. `startBatchExport` goes on.
   * False if it is neither running, nor paused, nor about to start.
   */
  stopBatchExport(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#giveUpPlan()) return true;
      const status = await this.getQueueStatus();
      if (status !== QueueState.RUNNING && status !== QueueState.PAUSED) return false;
      const changed = await (await this.#queue()).stop();
      await this.#run?.end();
      return changed > 0;
    });
  }

  /** Removes every job that waits; what runs goes on. Returns how many. */
  async clearQueue(): Promise<number> {
    const batch = (await this.#milepost).batch(this.#name);
    return (await batch.clear().catch(nullIfGone)) ?? 0;
  }

  /** Removes a job that waits. False for one that runs or has ended, and for an unknown id. */
  async removeJobFromQueue(jobId: string): Promise<boolean> {
    const item = (await this.#milepost).batch(this.#name).item(jobId);
    try {
      return (await item.clear()) > 0;
    } catch (error) {
      if (error instanceof MilepostError && (error.code === "NOT_FOUND" || error.code === "CONFLICT")) return false;
      throw error;
    }
  }

  /** `running` while a job runs, or one waits and a worker is there for it; of whatever process. */
  async getQueueStatus(): Promise<QueueState> {
    const milepost = await this.#milepost;
    const queue = await (await this.#queue()).snapshot().catch(nullIfGone);
    if (queue === null) return QueueState.IDLE;
    if (queue.state !== QueueState.IDLE) return queue.state;
    return (await this.#isServed(milepost, queue)) ? QueueState.RUNNING : QueueState.IDLE;
  }

  /** How many jobs wait. */
  async getQueueSize(): Promise<number> {
    const batch = (await this.#milepost).batch(this.#name);
    return (await snapshotOrNull(batch))?.counts.pending ?? 0;
  }

  /** The job of this id; undefined for an unknown one. */
  async getJob(jobId: string): Promise<ExportJob<Project> | undefined> {
    const milepost = await this.#milepost;
    const item = await milepost.batch(this.#name).item(jobId).snapshot().catch(nullIfGone);
    return item === null ? undefined : toExportJob(item, item.estimate?.median ?? null, milepost.clock.now());
  }

  getCompletedJobs(): Promise<readonly ExportJob<Project>[]> {
    return this.#jobs("completed");
  }

  getFailedJobs(): Promise<readonly ExportJob<Project>[]> {
    return this.#jobs("failed");
  }

  /**
   * Exports one project now, whatever waits in the queue, and resolves with the job when that has ended, well or badly. It is a batch of
   * its own in the store, in the queue `<name>-direct`.
   * @param onProgress called ten times a second at most, and at the end
   */
  async exportVideo(
    project: Project,
    outputPath: string,
    onProgress: Tell<ExportProgress> = () => {},
  ): Promise<ExportJob<Project>> {
    const milepost = await this.#milepost;
    const item = this.#itemFor(milepost, project, outputPath);
    const { name } = await this.#define(milepost);
    const { batch } = await milepost.submit({
      pipeline: name,
      queue: `${this.#name}-direct`,
      attempts: this.#options.attempts ?? 1,
      crashBudget: CRASH_BUDGET,
      items: [item],
    });
    const tell = this.#safely(onProgress);
    const read = async (): Promise<ExportJob<Project>> => {
      const now = await batch.item({ key: item.key }).snapshot();
      return toExportJob(now, now.estimate?.median ?? null, milepost.clock.now());
    };
    const worker = await milepost.work({ batch });
    const gaveUp = worker.failed().then((error) => {
      throw error;
    });
    gaveUp.catch(() => {});
    const follow = async (): Promise<void> => {
      for await (const { endedAt } of batch.watch({ everyMs: TELL_EVERY_MS })) {
        if (endedAt === null) tell((await read()).progress);
      }
    };
    try {
      await Promise.race([follow(), gaveUp]);
    } finally {
      await worker.stop();
    }
    const job = await read();
    tell(job.progress);
    return job;
  }

  /** Ends a batch export of this view, giving back what runs; the jobs stay as they are, for whoever opens the store next. Idempotent. */
  async close(): Promise<void> {
    await this.#turn;
    this.#giveUpPlan();
    await this.#run?.end();
    await this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(onProgress: Tell<BatchExportProgress<Project>>): Promise<boolean> {
    const milepost = await this.#milepost;
    const batch = milepost.batch(this.#name);
    const snapshot = await snapshotOrNull(batch);
    if (snapshot === null || snapshot.counts.pending + snapshot.counts.processing === 0) return false;
    await this.#define(milepost);
    await milepost.queue(this.#name).resume();
    const run = new ExportRun<Project>({
      milepost,
      batch,
      worker: await milepost.work({ queues: [this.#name], concurrency: this.#options.concurrency ?? 1 }),
      before: snapshot.counts,
      status: () => this.getQueueStatus(),
      tell: this.#safely(onProgress),
    });
    this.#run = run;
    const forget = (): void => {
      if (this.#run === run) this.#run = null;
    };
    run.over.then(forget, forget);
    return true;
  }

  #giveUpPlan(): boolean {
    const plan = this.#plan;
    this.#plan = null;
    plan?.giveUp();
    return plan !== null;
  }

  async #queue() {
    return (await this.#milepost).queue(this.#name);
  }

  #itemFor(milepost: Milepost, project: Project, outputPath: string) {
    requireText("outputPath", outputPath, LIMITS.keyBytes - KEY_TAIL_BYTES);
    if ((typeof project !== "object" || project === null) && typeof project !== "string") {
      throw new MilepostError("INVALID_ARGUMENT", `project must be an object or a text; found ${typeof project}`);
    }
    const { settings } = this.#options;
    const input: ExportInput = {
      project: project as Json,
      outputPath,
      baseFolder: process.cwd(),
      createdAt: milepost.clock.now(),
      ...(settings !== undefined && { settings }),
    };
    // The same export may be asked for again, and is another job then.
    return { key: `${outputPath} ${randomUUID()}`, input };
  }

  /** Declares the pipeline where its engine does not know it yet. */
  async #define(milepost: Milepost): Promise<PipelineDefinition> {
    const { pipeline } = this.#options;
    this.#definition ??= (typeof pipeline === "function" ? pipeline() : Promise.resolve(pipeline)).then(
      (definition) => {
        try {
          milepost.pipeline(definition);
        } catch (error) {
          // Another view of this engine, or its owner, was first.
          if (!(error instanceof MilepostError && error.code === "CONFLICT")) throw error;
        }
        return definition;
      },
    );
    return this.#definition;
  }

  async #isServed(milepost: Milepost, queue: QueueSnapshot): Promise<boolean> {
    if (queue.pending === 0) return false;
    const { name } = await this.#define(milepost);
    return (await milepost.workers()).some(
      ({ concurrency, queues, pipelines, batchId, isDraining }) =>
        concurrency > 0 &&
        batchId === null &&
        !isDraining &&
        (queues.length === 0 || queues.includes(this.#name)) &&
        (pipelines === null || pipelines.includes(name)),
    );
  }

  async #jobs(state: ItemState): Promise<readonly ExportJob<Project>[]> {
    const now = (await this.#milepost).clock.now();
    const jobs: ExportJob<Project>[] = [];
    for await (const item of this.#items(state)) jobs.push(toExportJob(item, null, now));
    return jobs;
  }

  async *#items(state: ItemState): AsyncGenerator<ItemSnapshot> {
    const batch: Batch = (await this.#milepost).batch(this.#name);
    for (let after: { readonly after?: string } | null = {}; after !== null; ) {
      const page: ItemsPage | null = await batch.items({ state, limit: LIMITS.pageItems, ...after }).catch(nullIfGone);
      yield* page?.items ?? [];
      after = page === null || page.nextCursor === null ? null : { after: page.nextCursor };
    }
  }

  /** A callback that hurts nobody, whatever it throws, now or later. */
  #safely<Progress>(callback: Tell<Progress>): Tell<Progress> {
    const log = (error: unknown): void =>
      this.#options.logger?.warn("a callback of an export threw", { error: String(error) });
    return (progress) => {
      try {
        Promise.resolve(callback(progress)).catch(log);
      } catch (error) {
        log(error);
      }
    };
  }

  /** One order after another: what one of them finds is so until it is done. */
  #inTurn<T>(order: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(order);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** What a key bears after its output path: a space and a UUID. */
const KEY_TAIL_BYTES = 37;

/** What ran in processes that died waits again before anybody looks. */
async function recovered(milepost: Milepost): Promise<Milepost> {
  await milepost.reap();
  return milepost;
}
