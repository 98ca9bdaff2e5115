import { type BatchSnapshot, toBatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { isUuid, itemNumberFrom, ordinalOf } from "../core/ids.ts";
import { FUNCTION, listOf, requireOptions, requireRule, TEXT } from "../core/options.ts";
import type { QueueSnapshot } from "../core/queue.ts";
import { learnedStages } from "../core/stage-times.ts";
import type { WorkerSnapshot } from "../core/worker-snapshot.ts";
import type { Clock } from "../ports/clock.ts";
import type { Reading } from "../ports/reading.ts";
import type { BatchSpec, Finding, ItemRef } from "../ports/store.ts";
import { Batch } from "./batch.ts";
import { notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import { type Drained, type DrainOptions, drain } from "./drain.ts";
import { Estimates } from "./estimates.ts";
import { Item } from "./item.ts";
import { readWork } from "./learned.ts";
import { Loop } from "./loop.ts";
import {
  BATCH_RULES,
  BATCHES_RULES,
  type BatchesFilter,
  type BatchesQuery,
  type BatchOptions,
  CLOSE_RULES,
  type CloseOptions,
  DRAIN_RULES,
  FILTER_RULES,
  PIPELINE_RULES,
  RETENTION_RULES,
  type RetentionOptions,
  SUBMIT_RULES,
  TRACK_RULES,
  type TrackOptions,
  WORK_RULES,
} from "./options.ts";
import { type Handler, type Pipeline, type PipelineDefinition, toPipeline } from "./pipeline.ts";
import { Queue } from "./queue.ts";
import { quietLogger } from "./quiet-logger.ts";
import { RemoteWorkers } from "./remote/remote-workers.ts";
import { Runners } from "./runners.ts";
import { type SubmitCounts, type SubmitOptions, toBatchSpec, writeSubmission } from "./submit.ts";
import { Tracker } from "./tracker.ts";
import { Worker, type WorkOptions } from "./worker.ts";
import { listWorkers } from "./worker-list.ts";

/** The batch that was submitted to, and what became of the items. `isNew`: it was made by this submission. */
export type SubmitResult = SubmitCounts & { readonly batch: Batch; readonly id: string; readonly isNew: boolean };

const REAP_EVERY_MS = 500;
const PRUNE_EVERY_MS = 600_000;
const PRUNE_STEP = 10;

/** The engine over one store: what is submitted to it is worked on by every process that works on the same store. */
export class Milepost {
  /** Where the store is, for people. */
  readonly location: string;
  /** Names the store from wherever it is reached: of two ways to one server it is the same. */
  readonly identity: string;
  /** By which it tells time; views go by the same. */
  readonly clock: Clock;
  readonly #deps: Deps;
  readonly #estimates: Estimates;
  readonly #retention: RetentionOptions | null;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #workers = new Set<Worker>();
  readonly #trackers = new Set<Tracker>();
  #remote: RemoteWorkers | null = null;
  #loops: readonly Loop[] = [];
  #closed: Promise<void> | null = null;

  /** For composition roots; everybody else calls `openMilepost`. */
  constructor(deps: Deps, options: { readonly retention?: RetentionOptions } = {}) {
    this.#deps = { ...deps, logger: quietLogger(deps.logger, deps.clock) };
    this.#estimates = new Estimates(this.#deps);
    this.#retention = options.retention ?? null;
    this.location = deps.store.location;
    this.identity = deps.store.identity ?? deps.store.location;
    this.clock = deps.clock;
  }

  /**
   * Declares a kind of work that this process can do; workers started later run it.
   * @throws {MilepostError} `HANDLER` or `INVALID_ARGUMENT`; `CONFLICT` for a name that is taken
   */
  pipeline(name: string, handler: Handler): void;
  pipeline(definition: PipelineDefinition): void;
  pipeline(given: string | PipelineDefinition, handler?: Handler): void {
    const definition =
      typeof given === "string" ? { name: given, ...(handler === undefined ? {} : { handler }) } : given;
    requireOptions("a pipeline", definition, PIPELINE_RULES);
    const pipeline = toPipeline(definition);
    if (this.#pipelines.has(pipeline.name)) {
      throw new MilepostError("CONFLICT", `there is a pipeline ${pipeline.name} already; give this one another name`);
    }
    this.#pipelines.set(pipeline.name, pipeline);
  }

  /**
   * Submits items as one batch. Resolves when all of them are durable. Idempotent by batch name and item key: the same
   * again adds nothing. Items may come from a stream; a million are never held in memory.
   * @throws {MilepostError} `INVALID_ARGUMENT`, `NOT_JSON`, `CONFLICT` (the name belongs to a batch of another pipeline, the id to
   * another batch, the request's key to another request or to one that is under way: `details.reason`)
   */
  async submit(options: SubmitOptions): Promise<SubmitResult> {
    this.#requireOpen();
    requireOptions("submit", options, SUBMIT_RULES);
    const spec = await this.#withLearnedStages(toBatchSpec(this.#deps, options, this.#pipelines.get(options.pipeline)));
    if (spec.name !== null) {
      const known = await this.#deps.store.batch({ owner: spec.owner, name: spec.name });
      if (known !== null && known.pipeline !== spec.pipeline) {
        throw new MilepostError(
          "CONFLICT",
          `batch ${spec.name} exists and is of pipeline ${known.pipeline}, not ${spec.pipeline}; choose another name`,
        );
      }
    }
    const written = await writeSubmission({
      deps: this.#deps,
      batch: spec,
      items: options.items,
      seal: options.seal ?? true,
      onVerdict: options.onVerdict,
      request: options.request,
    });
    const { number: _number, ...counts } = written;
    return { ...counts, batch: this.batch(written.id) };
  }

  /** Starts a worker for the pipelines declared so far. It works until `stop()` or `close()`. */
  async work(options: WorkOptions = {}): Promise<Worker> {
    this.#requireOpen();
    requireOptions("work", options, WORK_RULES);
    if (this.#pipelines.size === 0)
      throw new MilepostError("HANDLER", "declare a pipeline before you work: milepost.pipeline(name, handler)");
    const runners = new Runners(options.concurrency ?? 1);
    const pipelines = new Map(this.#pipelines);
    await this.reap();
    const worker: Worker = await Worker.start({
      ...options,
      deps: this.#deps,
      estimates: this.#estimates,
      pipelines,
      runnerOf: (pipeline) => runners.of(pipeline),
      batchNumber: options.batch === undefined ? null : await options.batch.number(),
      onStopped: async () => {
        this.#workers.delete(worker);
        await runners.close();
      },
    });
    await this.#keep(this.#workers, worker, () => worker.stop());
    this.#startLoops();
    return worker;
  }

  /** Opens a session for work that the caller runs itself and only reports. */
  async track(options: TrackOptions = {}): Promise<Tracker> {
    this.#requireOpen();
    requireOptions("track", options, TRACK_RULES);
    const onClosed = (closed: Tracker): void => void this.#trackers.delete(closed);
    const tracker = await Tracker.open(this.#deps, this.#estimates, { ...options, onClosed });
    await this.#keep(this.#trackers, tracker, () => tracker.close());
    this.#startLoops();
    return tracker;
  }

  /** Leases for workers that are no process of the engine. This process takes the items back from those that fall silent. */
  remoteWorkers(): RemoteWorkers {
    this.#requireOpen();
    this.#remote ??= new RemoteWorkers(this.#deps, this.#estimates);
    this.#startLoops();
    return this.#remote;
  }

  /** A queue by name; calls throw `NOT_FOUND` as long as nothing was submitted to it. */
  queue(name: string): Queue {
    requireRule("the name of a queue", name, TEXT);
    return new Queue(this.#deps, this.#estimates, name);
  }

  /** The queues of the store. */
  queues(): Promise<readonly QueueSnapshot[]> {
    this.#requireOpen();
    return this.#deps.store.queues();
  }

  /**
   * A batch by id, or by its name among those of `owner`. With an `owner`, the id of somebody else's batch is `NOT_FOUND` like one that
   * there is not: the store itself is asked for a batch of that owner, by this call and by whatever is done with what it returns.
   */
  batch(idOrName: string, options: BatchOptions = {}): Batch {
    this.#requireOpen();
    requireRule("the id or name of a batch", idOrName, TEXT);
    requireOptions("batch", options, BATCH_RULES);
    const ref = isUuid(idOrName) ? { id: idOrName, ...options } : { owner: options.owner ?? "", name: idOrName };
    return new Batch({ deps: this.#deps, estimates: this.#estimates, ref, what: `batch ${idOrName}` });
  }

  /** Batches, the newest first. */
  async batches(
    query: BatchesQuery = {},
  ): Promise<{ readonly batches: readonly BatchSnapshot[]; readonly nextCursor: string | null }> {
    this.#requireOpen();
    requireOptions("batches", query, BATCHES_RULES);
    const { after, endedSince, limit = 100, withEstimates = true, ...filter } = query;
    const own = filter.owner === undefined ? {} : { owner: filter.owner };
    const cursor = after === undefined ? null : await this.#deps.store.batch({ id: after, ...own });
    if (after !== undefined && cursor === null) throw notFound(`the cursor ${after}`);
    const rows = await this.#deps.store.batches({
      ...filter,
      limit,
      ...(endedSince === undefined ? {} : { endedSince: endedSince.getTime() }),
      ...(cursor === null ? {} : { before: cursor.number }),
    });
    const answers = withEstimates ? await Promise.all(rows.map((row) => this.#estimates.of(row))) : [];
    return {
      batches: rows.map((row, index) => toBatchSnapshot(row, answers[index] ?? null)),
      nextCursor: rows.length < limit ? null : (rows.at(-1)?.id ?? null),
    };
  }

  /** How many batches there are that a filter lets through. */
  async countBatches(filter: BatchesFilter = {}): Promise<number> {
    this.#requireOpen();
    requireOptions("countBatches", filter, FILTER_RULES);
    const { endedSince, ...rest } = filter;
    return this.#deps.store.countBatches({
      ...rest,
      ...(endedSince === undefined ? {} : { endedSince: endedSince.getTime() }),
    });
  }

  /**
   * The version of each of these batches by its id, without those that are not there; of all that have not ended, if none are named.
   * With an `owner`, only his. One read, however many they are: it tells which of them are worth one of their own.
   */
  async versions(ids?: readonly string[], options: BatchOptions = {}): Promise<ReadonlyMap<string, number>> {
    this.#requireOpen();
    if (ids !== undefined) requireRule("ids", ids, listOf(TEXT));
    requireOptions("versions", options, BATCH_RULES);
    return this.#deps.store.versions(ids ?? null, options.owner);
  }

  /** An item by its id alone; with an `owner`, one of his batches. */
  item(id: string, options: BatchOptions = {}): Item {
    this.#requireOpen();
    requireRule("the id of an item", id, TEXT);
    requireOptions("item", options, BATCH_RULES);
    return new Item(
      { deps: this.#deps, estimates: this.#estimates },
      `item ${id}`,
      async (): Promise<ItemRef | null> => {
        const ordinal = ordinalOf(id);
        const batch = ordinal === null ? null : await this.#deps.store.batch({ itemId: id, ...options });
        return batch === null || ordinal === null ? null : { number: itemNumberFrom(batch.number, ordinal) };
      },
    );
  }

  /** Every session of a worker or tracker, alive or not yet given up. `items`: how many of what each holds are told; default 0. */
  workers(options: { readonly items?: number } = {}): Promise<readonly WorkerSnapshot[]> {
    this.#requireOpen();
    return listWorkers(this.#deps, options.items ?? 0);
  }

  /**
   * Tells a worker, by its id, to claim nothing more and to leave once what it runs has ended. Resolves when it has confirmed
   * or, with `untilLeft`, left, or when the waiting is over: the answer says which. The order stands, for good.
   * @throws {MilepostError} `NOT_FOUND`; `CONFLICT` for a session that only tracks
   */
  async drain(workerId: string, options: DrainOptions = {}): Promise<Drained> {
    this.#requireOpen();
    requireOptions("drain", options, DRAIN_RULES);
    return drain(this.#deps, workerId, options);
  }

  /**
   * Calls `listener` after commits, of this process and of others: a hint that may come late, twice or for nothing.
   * `mayHaveEnded` is false where no batch has ended or gone with them. Returns how to leave.
   */
  subscribe(listener: (mayHaveEnded: boolean) => void): () => void {
    this.#requireOpen();
    requireRule("a listener", listener, FUNCTION);
    return this.#deps.store.subscribe(listener);
  }

  /** Reads from the store and writes to it, durably. @throws {MilepostError} `STORE_*`, saying why it cannot be used */
  async checkStore(): Promise<void> {
    this.#requireOpen();
    await this.#deps.store.checkpoint(null, this.#deps.clock.now());
    await this.#deps.store.queues();
  }

  /** Takes the items back from workers that died or fell silent, now rather than at the next look. Returns how many. */
  reap(): Promise<number> {
    this.#requireOpen();
    return this.#reap();
  }

  /** Deletes ended batches by age and count; returns their ids. */
  async prune(options: RetentionOptions = {}): Promise<readonly string[]> {
    this.#requireOpen();
    requireOptions("prune", options, RETENTION_RULES);
    const { olderThanMs = null, keep = null, ...filter } = options;
    const pruned: string[] = [];
    for (;;) {
      const step = await this.#deps.store.prune(
        { ...filter, olderThanMs, keep, limit: PRUNE_STEP },
        this.#deps.clock.now(),
      );
      pruned.push(...step);
      if (step.length < PRUNE_STEP) return pruned;
    }
  }

  /** What the store's operator should know of its condition; empty where there is nothing to know. */
  async diagnose(): Promise<readonly Reading[]> {
    this.#requireOpen();
    return (await this.#deps.store.diagnose?.()) ?? [];
  }

  /** Recounts everything and compares; an empty list says that all is as it must be. */
  verify(): Promise<readonly Finding[]> {
    this.#requireOpen();
    return this.#deps.store.verify({ repair: false });
  }

  /** `verify`, mending what can be mended; says what it mended. */
  repair(): Promise<readonly Finding[]> {
    this.#requireOpen();
    return this.#deps.store.verify({ repair: true });
  }

  /** Stops the workers, gives back what they hold, and closes the store. Idempotent. */
  async close(options: CloseOptions = {}): Promise<void> {
    requireOptions("close", options, CLOSE_RULES);
    this.#closed ??= this.#close(options);
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    // All at once: while a slow duty was waited for, workers would go on and start more.
    const ends = await Promise.allSettled([
      ...this.#loops.map((loop) => loop.stop()),
      ...[...this.#workers].map((worker) => worker.stop(options)),
      ...[...this.#trackers].map((tracker) => tracker.close()),
      ...(this.#remote === null ? [] : [this.#remote.stop()]),
    ]);
    await this.#deps.store.close();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** The pipeline's stages with the weights that earlier batches of the same work taught. */
  async #withLearnedStages(spec: BatchSpec): Promise<BatchSpec> {
    if (spec.stages.length < 2) return spec;
    const work = readWork(await this.#deps.store.history(spec.work));
    return work === null ? spec : { ...spec, stages: learnedStages(spec.stages, work.stages) };
  }

  /** Remembers what `close` must end; what was opened while it closed is ended at once. */
  async #keep<T>(kept: Set<T>, opened: T, end: () => Promise<void>): Promise<void> {
    if (this.#closed === null) {
      kept.add(opened);
      return;
    }
    await end();
    this.#requireOpen();
  }

  #reap(): Promise<number> {
    return this.#deps.store.reap(this.#deps.clock.now(), (session) => this.#deps.host.isDead(session));
  }

  #startLoops(): void {
    if (this.#loops.length > 0) return;
    const deps = this.#deps;
    const reaper = new Loop({ deps, everyMs: REAP_EVERY_MS, task: async () => void (await this.#reap()) });
    const retention = this.#retention;
    if (retention === null) this.#loops = [reaper];
    else
      this.#loops = [
        reaper,
        new Loop({ deps, everyMs: PRUNE_EVERY_MS, task: async () => void (await this.prune(retention)) }),
      ];
  }

  #requireOpen(): void {
    if (this.#closed !== null)
      throw new MilepostError("CLOSED", `the store ${this.location} was closed; open it again`);
  }
}
