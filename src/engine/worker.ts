import { MilepostError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { requireWhole } from "../core/options.ts";
import type { Report } from "../ports/store.ts";
import { Attempt, type AttemptContext } from "./attempt.ts";
import type { Batch } from "./batch.ts";
import { Claimer } from "./claimer.ts";
import type { Deps } from "./deps.ts";
import type { Estimates } from "./estimates.ts";
import { Executor, type Runner } from "./executor.ts";
import { Learner } from "./learner.ts";
import { Loop } from "./loop.ts";
import type { Pipeline } from "./pipeline.ts";
import type { ReadyLease } from "./ready-leases.ts";
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
const ORDERS_EVERY_MS = 50;
/** A lost hint costs this much time, never correctness. */
const POLL_EVERY_MS = 1_000;
/** What was seen of how long items take is told this often. */
const TELL_EVERY_MS = 1_000;
/** How long a stopping worker waits for a store that does not answer. */
const STORE_GRACE_MS = 3_000;
/** Reports that may wait for a commit before no further handler is started. */
const BACKLOG_MAX = LIMITS.claimItems;

/**
 * Claims items and runs their handlers until stopped.
 *
 * ```
 * working ──stop()──▶ stopping ──(handlers ended or aborted)──▶ stopped
 *    │ └──ordered to──▶ draining ──(handlers ended)──▶ stopping
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
  readonly #abortGraceMs: number;
  readonly #onStopped: () => Promise<void>;
  readonly #executor: Executor;
  readonly #context: AttemptContext;
  readonly #recorder: Recorder;
  readonly #claimer: Claimer;
  readonly #session: Session;
  readonly #learner: Learner;
  /** Not by item: one that was taken away and claimed again may be here twice until its first attempt has ended. */
  readonly #running = new Set<Attempt>();
  #ended = 0;
  #isPumping = false;
  #pumpAgain = false;
  #crashersRunning = 0;
  #failure: unknown = null;
  #isStopping = false;
  #isDraining = false;
  readonly #drained = Promise.withResolvers<void>();
  #stopped: Promise<void> | null = null;
  #unsubscribe: () => void = () => {};
  #loops: { readonly orders: Loop; readonly work: Loop; readonly telling: Loop } | null = null;
  readonly #onChange: (() => void)[] = [];

  private constructor(options: WorkerParts, session: Session) {
    this.#deps = options.deps;
    this.#pipelines = options.pipelines;
    this.#runnerOf = options.runnerOf;
    this.concurrency = options.concurrency ?? 1;
    this.#abortGraceMs = options.abortGraceMs ?? 5_000;
    this.#onStopped = options.onStopped;
    this.#recorder = new Recorder(options.deps, (error) => this.#fail(error));
    this.#executor = new Executor({
      deps: options.deps,
      graceMs: this.#abortGraceMs,
      onEnded: (attempt, report) => this.#finish(attempt, report),
    });
    const onInterrupted = (attempt: Attempt): void => this.#executor.interrupted(attempt);
    this.#context = { deps: options.deps, recorder: this.#recorder, onInterrupted };
    this.#session = session;
    this.#learner = new Learner(options.deps, options.estimates, this.concurrency);
    this.#claimer = new Claimer({
      deps: options.deps,
      session,
      recorder: this.#recorder,
      pipelines: options.pipelines,
      queues: options.queues ?? [],
      batch: options.batchNumber,
      concurrency: this.concurrency,
      running: this.#running,
      onDue: () => this.#lookForWork(),
    });
  }

  /** Opens the worker's session and starts to work. */
  static async start(options: WorkerParts): Promise<Worker> {
    const { concurrency = 1, leaseMs = 15_000, abortGraceMs = 5_000, deps } = options;
    requireWhole("concurrency", concurrency, 1, LIMITS.concurrency);
    requireWhole("leaseMs", leaseMs, LIMITS.leaseMinMs, LIMITS.leaseMaxMs);
    requireWhole("abortGraceMs", abortGraceMs, 0, LIMITS.leaseMaxMs);
    const pipelines = [...options.pipelines.keys()];
    const session = await Session.open({
      deps,
      concurrency,
      leaseMs,
      queues: options.queues ?? [],
      batch: options.batchNumber,
      pipelines,
    });
    const worker = new Worker(options, session);
    session.onLost = () => worker.#abandonAll();
    session.onFailed = (error) => worker.#fail(error);
    worker.#unsubscribe = deps.store.subscribe(() => worker.#lookForWork());
    worker.#loops = {
      orders: new Loop({ deps, everyMs: ORDERS_EVERY_MS, task: () => worker.#obeyOrders() }),
      work: new Loop({ deps, everyMs: POLL_EVERY_MS, task: async () => worker.#lookForWork() }),
      telling: new Loop({ deps, everyMs: TELL_EVERY_MS, task: () => worker.#tell(false) }),
    };
    return worker;
  }

  /** Items whose handler runs now. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Resolves with the error that made the worker give up (its store is gone, read-only or corrupt); never, while it works.
   * What ran was aborted and is not reported: it runs again once the store can be used.
   */
  async failed(): Promise<unknown> {
    while (this.#failure === null) await this.#changed();
    return this.#failure;
  }

  /** Resolves when the worker has left because an operator drained it, all that it ran having ended; else never. */
  drained(): Promise<void> {
    return this.#drained.promise;
  }

  /**
   * Resolves when nothing runs and nothing is ready to run; scheduled work and back-offs count as work to come.
   * @throws what made the worker give up
   */
  async idle(): Promise<void> {
    while (!this.#isIdle() && !this.#isStopping && this.#failure === null) await this.#changed();
    if (this.#failure !== null) throw this.#failure;
    await this.#recorder.flushed();
  }

  /**
   * Stops: claims nothing more, gives back what was not started, lets running handlers end for `graceMs` (default 0), then
   * aborts them and returns their items to pending with what they saved. Idempotent. While the store does not answer, it
   * waits some seconds for it; what could not be written then runs again.
   */
  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.graceMs ?? 0).finally(this.#onStopped);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<void> {
    const { clock } = this.#deps;
    this.#isStopping = true;
    this.#unsubscribe();
    await this.#loops?.work.stop();
    await this.#loops?.telling.stop();
    this.#claimer.stop();
    const grace = clock.after(graceMs, () => {
      for (const attempt of this.#running) attempt.interrupt("stopped");
    });
    const lastMs = graceMs + this.#abortGraceMs + STORE_GRACE_MS;
    const last = clock.after(lastMs, () => this.#recorder.abandon());
    while (this.#running.size > 0 || this.#isPumping) await this.#changed();
    grace.cancel();
    await this.#loops?.orders.stop();
    await this.#recorder.flushed();
    if (this.#failure === null) await this.#tell(true);
    last.cancel();
    await this.#session.close();
    this.#notify();
  }

  /** The store can be used no more: nothing may be started or reported. */
  #fail(error: unknown): void {
    if (this.#failure !== null || this.#isStopping) return;
    this.#failure = error;
    this.#deps.logger.error("the worker gives up: its store cannot be used", { error: String(error) });
    this.#recorder.abandon();
    this.#abandonAll();
    void this.stop().catch(() => {});
    this.#notify();
  }

  /** Lets what runs end, then stops. A session that is lost meanwhile changes nothing: the order was for this worker. */
  #drain(): void {
    if (this.#isDraining || this.#isStopping) return;
    this.#isDraining = true;
    this.#claimer.stop();
    void this.#leave();
  }

  async #leave(): Promise<void> {
    while (this.#running.size > 0 || this.#isPumping) await this.#changed();
    await this.stop();
    if (this.#failure === null) this.#drained.resolve();
  }

  /** True once nothing more may be started. */
  get #startsNothing(): boolean {
    return this.#isStopping || this.#isDraining;
  }

  #isIdle(): boolean {
    return this.#claimer.isIdle && this.#running.size === 0 && !this.#isPumping;
  }

  #lookForWork(): void {
    this.#claimer.hint();
    this.#pump();
  }

  /** Fills free slots; never runs twice at once, and looks again if it was called meanwhile. */
  #pump(): void {
    if (this.#isPumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#isPumping = true;
    // Most ends find enough claimed ahead: then nothing is waited for.
    if (this.#startAll()) void this.#claimAll().finally(() => this.#endPump());
    else this.#endPump();
  }

  #endPump(): void {
    this.#isPumping = false;
    this.#notify();
  }

  /** Starts what is ready. Returns whether something is to be claimed. */
  #startAll(): boolean {
    try {
      do {
        this.#pumpAgain = false;
        this.#startReady();
        if (this.#startsNothing || !this.#session.isCertain) return false;
        if (this.#claimer.wantsMore) return true;
      } while (this.#pumpAgain);
    } catch (error) {
      this.#fail(error);
    }
    return false;
  }

  async #claimAll(): Promise<void> {
    try {
      do {
        if (await this.#claimer.claim(this.#ended)) this.#pumpAgain = true;
      } while (this.#pumpAgain && this.#startAll());
      // What a claim brought that was under way when the worker was told to stop.
      if (this.#startsNothing) this.#claimer.giveBack();
    } catch (error) {
      if (!(error instanceof MilepostError && error.retryable)) this.#fail(error);
      else
        this.#deps.logger.warn("claiming failed and will be tried again", { code: error.code, error: error.message });
    }
  }

  #startReady(): void {
    while (!this.#startsNothing && this.#running.size < this.concurrency && this.#recorder.backlog < BACKLOG_MAX) {
      if (!this.#session.isCertain) {
        this.#claimer.giveBack();
        return;
      }
      // Items that already crashed a worker run one at a time, so that a poison item takes no neighbour down twice.
      const ready = this.#claimer.take(this.#crashersRunning > 0);
      if (ready === undefined) return;
      this.#run(ready);
    }
  }

  #run({ lease, batch, pipeline }: ReadyLease): void {
    const attempt = new Attempt(this.#context, { lease, batch, runner: this.#runnerOf(pipeline) });
    if (lease.crashes > 0) this.#crashersRunning += 1;
    if (lease.isSuspect) void this.#startSuspect(attempt);
    else this.#executor.start(attempt);
    // One that ended at once was never seen running by anybody.
    if (attempt.isSettled) return;
    this.#running.add(attempt);
    if (!lease.isSuspect) this.#recorder.touch(attempt);
  }

  /** Commits the start before the handler runs, so that a crash is counted. */
  async #startSuspect(attempt: Attempt): Promise<void> {
    const { lease, startedAt } = attempt;
    const started = await this.#recorder
      .report({ type: "start", item: lease.item, lease, startedAt })
      .catch(() => ({ ok: false }));
    if (!started.ok) attempt.interrupt("lost");
    // The worker may have been stopped, or have slept over it: the item may be another's by now, or its queue paused.
    else if (this.#startsNothing || !this.#session.isCertain) attempt.interrupt("stopped");
    this.#executor.start(attempt);
  }

  /** Takes an attempt's report, if it may have one, and frees its slot. The commit is not waited for. */
  #finish(attempt: Attempt, report: Report | null): void {
    const { lease } = attempt;
    if (report !== null) {
      this.#recorder.send(report);
      this.#learner.ended(attempt, report);
    }
    this.#running.delete(attempt);
    if (lease.crashes > 0) this.#crashersRunning -= 1;
    this.#ended += 1;
    if (this.#claimer.ready > 0 || !this.#claimer.isDry) this.#pump();
    // A free slot may wait for what this commit makes room for; while all are busy, nobody waits.
    if (this.#running.size < this.concurrency) this.#recorder.hurry();
    this.#notify();
  }

  #tell(isLast: boolean): Promise<void> {
    const isDry = this.#claimer.isDry && this.#claimer.ready === 0;
    return this.#learner.tell(this.#running, { isDry, isLast });
  }

  /** Reads what the operator wants and acts on it, then confirms, so that a pause can be acknowledged. */
  async #obeyOrders(): Promise<void> {
    const { store, clock } = this.#deps;
    const worker = this.#session.number;
    if (worker === null) return;
    const askedAt = clock.monotonic();
    const known = new Set(this.#running);
    this.#claimer.doubtAtTimes();
    const orders = await store.orders(worker, this.#session.confirmed);
    // A claim that was committed before a pause must have arrived, or its items would start after the pause was confirmed.
    await this.#claimer.arrived();
    if (this.#session.number !== worker) return;
    const wasCertain = this.#session.isCertain;
    this.#session.foundAlive(askedAt + orders.leftMs);
    if (orders.isDraining) this.#drain();
    this.#claimer.giveBackStale();
    if (orders.revision === this.#session.confirmed) return wasCertain ? undefined : this.#lookForWork();
    const controls = new Map(orders.held.map((held) => [held.item, held]));
    for (const attempt of this.#running) {
      const held = controls.get(attempt.item);
      if (held?.token === attempt.lease.token) attempt.obey(held.control);
      else if (known.has(attempt)) attempt.interrupt("lost");
    }
    // All of it, not only what is paused: the order of what was claimed ahead may have changed too.
    this.#claimer.giveBack();
    await this.#recorder.flushed();
    if (this.#session.number !== worker) return;
    await store.orders(worker, orders.revision);
    this.#session.confirmed = orders.revision;
    this.#lookForWork();
  }

  /** The session was reaped: others may have the items by now, so nothing of them may be reported. */
  #abandonAll(): void {
    for (const attempt of this.#running) attempt.interrupt("lost");
    this.#claimer.forget();
    if (this.#failure === null) this.#lookForWork();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #notify(): void {
    if (this.#onChange.length === 0) return;
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}

/** What a worker is made of. */
export interface WorkerParts extends WorkOptions {
  readonly deps: Deps;
  readonly estimates: Estimates;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly runnerOf: (pipeline: Pipeline) => Runner;
  readonly batchNumber: number | null;
  /** Ends what was made for this worker, once it has stopped. */
  readonly onStopped: () => Promise<void>;
}
