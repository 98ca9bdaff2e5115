import type { BatchRow } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { requireWhole } from "../core/retry-policy.ts";
import type { Timer } from "../ports/clock.ts";
import type { Lease } from "../ports/store.ts";
import { Attempt } from "./attempt.ts";
import type { Batch } from "./batch.ts";
import type { Deps } from "./deps.ts";
import { execute, type Runner } from "./executor.ts";
import { Loop } from "./loop.ts";
import type { Pipeline } from "./pipeline.ts";
import { ReadAhead } from "./read-ahead.ts";
import { Recorder } from "./recorder.ts";
import { Session } from "./session.ts";

export interface WorkOptions {
  /** Handlers that run at once; default: 1. */
  readonly concurrency?: number;
  /** Only these queues; default: all. */
  readonly queues?: readonly string[];
  /** Only this batch. */
  readonly batch?: Batch;
  /** After this many milliseconds without a heartbeat, others may take the items. Default 15,000. */
  readonly leaseMs?: number;
  /** How long a handler may take to end after it was aborted, in milliseconds. Default 5,000. */
  readonly abortGraceMs?: number;
}

/** Orders reach a busy worker at least this often; pause promises 250 ms. */
const ORDERS_EVERY_MS = 100;
/** A lost hint costs this much time, never correctness. */
const POLL_EVERY_MS = 1_000;
/** Reports that may wait for a commit before no further handler is started. */
const BACKLOG_MAX = 2 * LIMITS.claimItems;

/**
 * Claims items and runs their handlers until stopped.
 *
 * ```
 * working ──stop()──▶ draining ──(handlers ended or aborted)──▶ stopped
 *    │ session lost: every attempt is aborted unreported, a new session is opened
 * ```
 * A slot is free again as soon as its handler has ended; the report follows with the next group commit. Claims that
 * were not started are invisible to others but reserved, and go back on pause and stop.
 */
export class Worker {
  readonly concurrency: number;
  readonly #deps: Deps;
  readonly #pipelines: ReadonlyMap<string, Pipeline>;
  readonly #runnerOf: (pipeline: Pipeline) => Runner;
  readonly #queues: readonly string[];
  readonly #batch: number | null;
  readonly #abortGraceMs: number;
  readonly #recorder: Recorder;
  readonly #readAhead: ReadAhead;
  readonly #session: Session;
  readonly #ready: Lease[] = [];
  readonly #running = new Map<number, Attempt>();
  readonly #batches = new Map<number, BatchRow>();
  #nextReady = 0;
  #turn = 0;
  #ended = 0;
  #isPumping = false;
  #pumpAgain = false;
  #isDry = false;
  /** Rises with every hint that there may be work: one that comes while a claim is under way must not get lost. */
  #hints = 0;
  #claiming: Promise<boolean> | null = null;
  #crashersRunning = 0;
  #nextAt: number | null = null;
  #nextTimer: Timer | null = null;
  #isStopping = false;
  #stopped: Promise<void> | null = null;
  #unsubscribe: () => void = () => {};
  #loops: readonly Loop[] = [];
  readonly #onChange: (() => void)[] = [];

  private constructor(options: WorkerParts, session: Session) {
    this.#deps = options.deps;
    this.#pipelines = options.pipelines;
    this.#runnerOf = options.runnerOf;
    this.#queues = options.queues ?? [];
    this.#batch = options.batchNumber;
    this.concurrency = options.concurrency ?? 1;
    this.#abortGraceMs = options.abortGraceMs ?? 5_000;
    this.#recorder = new Recorder(options.deps);
    this.#readAhead = new ReadAhead(this.concurrency);
    this.#session = session;
  }

  /** Opens the worker's session and starts to work. */
  static async start(options: WorkerParts): Promise<Worker> {
    const { concurrency = 1, leaseMs = 15_000, deps } = options;
    requireWhole("concurrency", concurrency, 1, LIMITS.concurrency);
    requireWhole("leaseMs", leaseMs, LIMITS.leaseMinMs, LIMITS.leaseMaxMs);
    const session = await Session.open({ deps, concurrency, leaseMs, queues: options.queues ?? [] });
    const worker = new Worker(options, session);
    session.onLost = () => worker.#abandonAll();
    worker.#unsubscribe = deps.store.subscribe(() => worker.#lookForWork());
    worker.#loops = [
      new Loop({ deps, everyMs: ORDERS_EVERY_MS, task: () => worker.#obeyOrders() }),
      new Loop({ deps, everyMs: POLL_EVERY_MS, task: async () => worker.#lookForWork() }),
    ];
    return worker;
  }

  /** Items whose handler runs now. */
  get running(): number {
    return this.#running.size;
  }

  /** Acts on the operator's orders now rather than at the next look. */
  async obey(): Promise<void> {
    await this.#obeyOrders();
  }

  /** Resolves when nothing runs and nothing is ready to run; scheduled work and back-offs count as work to come. */
  async idle(): Promise<void> {
    while (
      !(
        this.#isDry &&
        this.#running.size === 0 &&
        this.#ready.length === this.#nextReady &&
        this.#nextAt === null &&
        !this.#isPumping
      )
    ) {
      if (this.#isStopping) return;
      await new Promise<void>((resolve) => this.#onChange.push(resolve));
    }
    await this.#recorder.flushed();
  }

  /**
   * Stops: claims nothing more, gives back what was not started, lets running handlers end for `graceMs` (default 0), then
   * aborts them and returns their items to pending with what they saved. Idempotent.
   */
  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.graceMs ?? 0);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#unsubscribe();
    this.#nextTimer?.cancel();
    await this.#loops[1]?.stop();
    this.#giveBack();
    const grace = this.#deps.clock.after(graceMs, () => {
      for (const attempt of this.#running.values()) attempt.interrupt("stopped");
    });
    while (this.#running.size > 0 || this.#isPumping)
      await new Promise<void>((resolve) => this.#onChange.push(resolve));
    grace.cancel();
    await this.#loops[0]?.stop();
    await this.#recorder.flushed();
    await this.#session.close();
    this.#notify();
  }

  #lookForWork(): void {
    this.#isDry = false;
    this.#hints += 1;
    this.#pump();
  }

  /** Fills free slots; never runs twice at once, and looks again if it was called meanwhile. */
  #pump(): void {
    if (this.#isPumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#isPumping = true;
    void this.#pumpAll().finally(() => {
      this.#isPumping = false;
      this.#notify();
    });
  }

  async #pumpAll(): Promise<void> {
    try {
      do {
        this.#pumpAgain = false;
        await this.#startReady();
        this.#claiming = this.#claim();
        if (await this.#claiming) this.#pumpAgain = true;
        this.#claiming = null;
      } while (this.#pumpAgain && !this.#isStopping);
    } catch (error) {
      const code = error instanceof MilepostError ? error.code : "UNEXPECTED";
      this.#deps.logger.warn("claiming failed and will be tried again", { code, error: String(error) });
    }
  }

  async #startReady(): Promise<void> {
    while (!this.#isStopping && this.#running.size < this.concurrency && this.#recorder.backlog < BACKLOG_MAX) {
      const index = this.#nextStartable();
      const lease = this.#ready[index];
      if (lease === undefined) return;
      const batch = this.#batches.get(lease.batch) ?? (await this.#readBatch(lease.batch));
      // While the batch was read, the list may have been given back or abandoned.
      if (this.#ready[index] !== lease) continue;
      this.#takeReady(index);
      const pipeline = batch === null ? undefined : this.#pipelines.get(batch.pipeline);
      if (batch !== null && pipeline !== undefined) this.#run(lease, batch, pipeline);
    }
  }

  /** Items that already crashed a worker run one at a time, so that a poison item takes no neighbour down twice. */
  #nextStartable(): number {
    if (this.#crashersRunning === 0) return this.#nextReady;
    for (let index = this.#nextReady; index < this.#ready.length; index++) {
      if (this.#ready[index]?.crashes === 0) return index;
    }
    return this.#ready.length;
  }

  #takeReady(index: number): void {
    if (index === this.#nextReady) this.#nextReady += 1;
    else this.#ready.splice(index, 1);
    if (this.#nextReady === this.#ready.length) {
      this.#ready.length = 0;
      this.#nextReady = 0;
    }
  }

  async #readBatch(number: number): Promise<BatchRow | null> {
    const batch = await this.#deps.store.batch({ number });
    if (batch === null) return null;
    if (this.#batches.size >= 100) this.#batches.clear();
    this.#batches.set(number, batch);
    return batch;
  }

  /** Claims what the window has room for. True if something came. */
  async #claim(): Promise<boolean> {
    const { clock, store } = this.#deps;
    if (this.#isStopping || this.#isDry || this.#session.number === null) return false;
    const waiting = this.#ready.length - this.#nextReady;
    const limit = this.#readAhead.room({
      running: this.#running.size,
      waiting,
      ended: this.#ended,
      now: clock.monotonic(),
    });
    if (limit === 0) return false;
    const worker = this.#session.number;
    const hints = this.#hints;
    const claimed = await store.claim({
      worker,
      queues: this.#queues,
      pipelines: [...this.#pipelines.keys()],
      ...(this.#batch === null ? {} : { batch: this.#batch }),
      limit,
      now: clock.now(),
      turn: this.#turn++,
    });
    if (this.#session.number !== worker) return false;
    this.#ready.push(...claimed.leases);
    if (this.#isStopping) this.#giveBack();
    this.#isDry = claimed.leases.length < limit && hints === this.#hints;
    this.#scheduleNext(claimed.nextAt);
    return claimed.leases.length > 0;
  }

  #scheduleNext(nextAt: number | null): void {
    if (nextAt === this.#nextAt) return;
    this.#nextAt = nextAt;
    this.#nextTimer?.cancel();
    if (nextAt === null) return;
    const delayMs = Math.max(1, nextAt - this.#deps.clock.now());
    // Longer waits are covered by the slow poll.
    if (delayMs < POLL_EVERY_MS) this.#nextTimer = this.#deps.clock.after(delayMs, () => this.#lookForWork());
  }

  #run(lease: Lease, batch: BatchRow, pipeline: Pipeline): void {
    const attempt = new Attempt({ deps: this.#deps, recorder: this.#recorder, lease, batch });
    this.#running.set(lease.item, attempt);
    if (lease.crashes > 0) this.#crashersRunning += 1;
    void this.#finish(attempt, pipeline);
  }

  async #finish(attempt: Attempt, pipeline: Pipeline): Promise<void> {
    const { lease, startedAt } = attempt;
    try {
      if (lease.isSuspect) {
        const started = await this.#recorder.report({ type: "start", item: lease.item, lease, startedAt });
        if (!started.ok) attempt.interrupt("lost");
      } else this.#recorder.touch(attempt, true);
      const runner = this.#runnerOf(pipeline);
      const report =
        attempt.interruption === "lost"
          ? null
          : await execute({ deps: this.#deps, attempt, runner, graceMs: this.#abortGraceMs });
      attempt.settle();
      if (report !== null) this.#send(attempt, this.#recorder.report({ item: lease.item, lease, ...report }));
    } catch (error) {
      this.#deps.logger.error("an attempt could not be run", { item: lease.key, error: String(error) });
      attempt.settle();
    }
    if (this.#running.get(lease.item) === attempt) this.#running.delete(lease.item);
    if (lease.crashes > 0) this.#crashersRunning -= 1;
    this.#ended += 1;
    if (this.#ready.length > this.#nextReady || !this.#isDry) this.#pump();
    this.#notify();
  }

  #send(attempt: Attempt, recorded: Promise<{ readonly ok: boolean }>): void {
    recorded.catch((error) => {
      // The item stays with this session and comes back when that ends; the handler runs again.
      this.#deps.logger.error("a result could not be written", { item: attempt.lease.key, error: String(error) });
    });
  }

  /** Reads what the operator wants and acts on it, then confirms, so that a pause can be acknowledged. */
  async #obeyOrders(): Promise<void> {
    const worker = this.#session.number;
    if (worker === null) return;
    const { store } = this.#deps;
    // A claim that was committed before a pause must have arrived, or its items would start after the pause was confirmed.
    await this.#claiming;
    const running = [...this.#running.values()];
    const orders = await store.orders(worker, null);
    if (orders.revision === this.#session.confirmed) return;
    const controls = new Map(orders.held.map((held) => [held.item, held]));
    for (const attempt of running) {
      const held = controls.get(attempt.item);
      if (held === undefined || held.token !== attempt.lease.token) attempt.interrupt("lost");
      else attempt.obey(held.control);
    }
    // All of it, not only what is paused: the order of what was claimed ahead may have changed too.
    this.#giveBack();
    await this.#recorder.flushed();
    await store.orders(worker, orders.revision);
    this.#session.confirmed = orders.revision;
    this.#lookForWork();
  }

  /** Returns what was claimed and not started; for everybody else it was pending all the time. */
  #giveBack(): void {
    const waiting = this.#ready.splice(0).slice(this.#nextReady);
    this.#nextReady = 0;
    for (const lease of waiting) {
      const report = this.#recorder.report({ type: "release", item: lease.item, lease, startedAt: null });
      report.catch((error) => this.#deps.logger.warn("a claim could not be given back", { error: String(error) }));
    }
  }

  /** The session was reaped: others may have the items by now, so nothing of them may be reported. */
  #abandonAll(): void {
    for (const attempt of this.#running.values()) attempt.interrupt("lost");
    this.#ready.length = 0;
    this.#nextReady = 0;
    this.#lookForWork();
  }

  #notify(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}

/** What a worker is made of. */
export interface WorkerParts extends WorkOptions {
  readonly deps: Deps;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly runnerOf: (pipeline: Pipeline) => Runner;
  readonly batchNumber: number | null;
}
