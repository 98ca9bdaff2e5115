import type { BatchRow } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { type Json, toJsonText } from "../core/json.ts";
import { fractionOf, type ItemProgress, NO_PROGRESS, toItemProgress } from "../core/progress.ts";
import type { Control } from "../core/queue.ts";
import type { Timer } from "../ports/clock.ts";
import type { Lease, Report } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import type { Runner } from "./executor.ts";
import type { HandlerItem, Step } from "./pipeline.ts";
import type { ProgressSource, Recorder } from "./recorder.ts";
import { StageClock } from "./stage-clock.ts";

/** Why an attempt was told to end before its handler was done. */
export type Interruption = "stopped" | "lost" | "timed-out";

/** What the attempts of a worker share. */
export interface AttemptContext {
  readonly deps: Deps;
  readonly recorder: Recorder;
  /** Called once for an attempt that is told to end before its handler is done; again, if its lease is lost after that. */
  readonly onInterrupted: (attempt: Attempt) => void;
}

/**
 * One run of one item: the handler's `Step`, its progress on the way to the recorder, and its interruptions.
 *
 * ```
 * running ──(settle)──────────────▶ settled
 *    │ interrupt(stopped | lost | timed-out): signal aborted; the first one counts
 *    └─▶ interrupted ──(settle)───▶ settled
 * ```
 * Time does not count against the attempt's limit while its handler waits in `paused()`.
 */
export class Attempt implements Step, ProgressSource {
  readonly lease: Lease;
  readonly batch: BatchRow;
  readonly runner: Runner;
  readonly startedAt: number;
  /** Milliseconds of its work that were counted already, for the estimate. */
  countedMs = 0;
  isCached = false;
  readonly #context: AttemptContext;
  #controller: AbortController | null = null;
  #interruption: Interruption | null = null;
  #isSettled = false;
  #isStartDue = true;
  #isProgressDue = false;
  #progress: ItemProgress = NO_PROGRESS;
  #fraction = 0;
  #saved: string | null = null;
  /** Made when the first stage is entered. */
  #stages: StageClock | null = null;
  #haltedMs = 0;
  #haltedSince: number | null = null;
  #control: Control = "run";
  #onResume: (() => void)[] | null = null;
  #limit: Timer | null = null;
  #limitLeftMs = 0;
  #limitSince = 0;

  constructor(
    context: AttemptContext,
    of: { readonly lease: Lease; readonly batch: BatchRow; readonly runner: Runner },
  ) {
    this.#context = context;
    this.lease = of.lease;
    this.batch = of.batch;
    this.runner = of.runner;
    this.startedAt = context.deps.clock.now();
    if (of.batch.policy.timeoutMs !== null) this.#startLimit(of.batch.policy.timeoutMs);
  }

  get item(): number {
    return this.lease.item;
  }

  get interruption(): Interruption | null {
    return this.#interruption;
  }

  /** What the handler saved in this attempt and no commit has written yet, as JSON text. */
  get unsaved(): { readonly saved?: string } {
    return this.#saved === null ? {} : { saved: this.#saved };
  }

  /** Milliseconds that it has waited in `paused()`. */
  haltedMsAt(now: number): number {
    return this.#haltedMs + (this.#haltedSince === null ? 0 : Math.max(0, now - this.#haltedSince));
  }

  /** Milliseconds that it worked in each of its declared stages; null where it has none to compare. */
  stageMsAt(now: number): ReadonlyMap<string, number> | null {
    return this.#stages?.at(this.#workedMsAt(now)) ?? null;
  }

  handlerItem(): HandlerItem {
    const { lease, batch } = this;
    return {
      id: lease.id,
      key: lease.key,
      input: lease.input === null ? null : (JSON.parse(lease.input) as Json),
      size: lease.size,
      saved: lease.saved === null ? null : (JSON.parse(lease.saved) as Json),
      attempt: lease.attempt,
      batch: { id: batch.id, name: batch.name, options: batch.options },
    };
  }

  // What the handler sees.

  get signal(): AbortSignal {
    // Made only when asked for: most short handlers never look, and a controller costs as much as a commit's share.
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#interruption !== null) this.#controller.abort(reasonOf(this.#interruption));
    }
    return this.#controller.signal;
  }

  stage(name: string, units: { readonly total?: number; readonly unit?: string } = {}): void {
    this.#requireRunning();
    this.#stages ??= new StageClock();
    this.#stages.enter(this.batch.stages, name, this.#workedMsAt(this.#context.deps.clock.now()));
    const { total = null, unit = null } = units;
    this.#advance({ stage: name, done: total === null ? null : 0, total, unit, message: this.#progress.message });
  }

  progress(done: number, total: number, unit?: string): void {
    this.#requireRunning();
    this.#advance({ ...this.#progress, done, total, ...(unit === undefined ? {} : { unit }) });
  }

  cached(): void {
    this.#requireRunning();
    this.isCached = true;
  }

  message(text: string): void {
    this.#requireRunning();
    this.#advance({ ...this.#progress, message: text });
  }

  save(data: Json): Promise<void> {
    return unhandledIsFine(this.#save(data));
  }

  paused(): Promise<void> {
    return unhandledIsFine(this.#paused());
  }

  async #save(data: Json): Promise<void> {
    this.#requireRunning();
    this.#saved = toJsonText(data, "saved data");
    const report = this.takeProgress();
    if (report === null) return;
    const result = await this.#context.recorder.report(report);
    if (!result.ok) {
      this.interrupt("lost");
      throw leaseLost(this.lease.key);
    }
  }

  async #paused(): Promise<void> {
    this.#requireRunning();
    while (this.#control === "pause" && this.#interruption === null) {
      this.#stopLimit();
      this.#haltedSince ??= this.#context.deps.clock.now();
      await new Promise<void>((resolve) => {
        this.#onResume ??= [];
        this.#onResume.push(resolve);
      });
      this.#resumeLimit();
    }
    if (this.#haltedSince !== null) this.#haltedMs = this.haltedMsAt(this.#context.deps.clock.now());
    this.#haltedSince = null;
    if (this.#interruption !== null) throw reasonOf(this.#interruption);
  }

  log(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#context.deps.logger.info(message, { item: this.lease.key, attempt: this.lease.attempt, ...details });
  }

  // What the engine does with it.

  /** Passes on what the operator wants now. */
  obey(control: Control): void {
    this.#control = control;
    if (control === "stop") this.interrupt("stopped");
    if (control === "run") this.#resume();
  }

  /** Aborts the handler. The first reason counts, but for a lost lease: then nothing may be reported any more. */
  interrupt(reason: Interruption): void {
    if (this.#isSettled || this.#interruption === "lost") return;
    if (this.#interruption !== null && reason !== "lost") return;
    this.#interruption = reason;
    this.#controller?.abort(reasonOf(reason));
    this.#resume();
    this.#context.onInterrupted(this);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Ends the handler's line: late calls throw, late progress is not written. */
  settle(): void {
    this.#isSettled = true;
    this.#stopLimit();
  }

  takeProgress(): Report | null {
    if (this.#isSettled || this.#interruption === "lost") return null;
    const { item, lease, startedAt } = this;
    const saved = this.unsaved;
    const isStartOnly = this.#isStartDue && !this.#isProgressDue && this.#saved === null;
    if (!this.#isStartDue && !this.#isProgressDue && this.#saved === null) return null;
    this.#isStartDue = false;
    this.#isProgressDue = false;
    this.#saved = null;
    if (isStartOnly) return { type: "start", item, lease, startedAt };
    return { type: "progress", item, lease, startedAt, progress: this.#progress, fraction: this.#fraction, ...saved };
  }

  onRefused(): void {
    this.interrupt("lost");
  }

  #advance(given: ItemProgress): void {
    const progress = toItemProgress(given);
    this.#progress = progress;
    // An attempt's fraction never goes back, even if a handler returns to an earlier stage.
    this.#fraction = Math.max(this.#fraction, fractionOf(this.batch.stages, progress));
    if (this.#isProgressDue) return;
    this.#isProgressDue = true;
    this.#context.recorder.touch(this);
  }

  #workedMsAt(now: number): number {
    return now - this.startedAt - this.haltedMsAt(now);
  }

  #resume(): void {
    for (const resume of this.#onResume?.splice(0) ?? []) resume();
  }

  #requireRunning(): void {
    if (this.#isSettled || this.#interruption === "lost") throw leaseLost(this.lease.key);
  }

  #startLimit(leftMs: number): void {
    this.#limitLeftMs = leftMs;
    this.#limitSince = this.#context.deps.clock.monotonic();
    this.#limit = this.#context.deps.clock.after(leftMs, () => this.interrupt("timed-out"));
  }

  #stopLimit(): void {
    if (this.#limit === null) return;
    this.#limit.cancel();
    this.#limit = null;
    this.#limitLeftMs -= this.#context.deps.clock.monotonic() - this.#limitSince;
  }

  #resumeLimit(): void {
    if (this.#isSettled || this.batch.policy.timeoutMs === null || this.#limit !== null) return;
    this.#startLimit(Math.max(1, this.#limitLeftMs));
  }
}

/** A handler that does not wait for a report must not end the process when its lease is lost; its signal tells it too. */
function unhandledIsFine(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}

function leaseLost(key: string): MilepostError {
  return new MilepostError(
    "LEASE_LOST",
    `this attempt of ${key} is over: it ended, or the item was cancelled, stopped or given to another worker`,
  );
}

function reasonOf(interruption: Interruption): Error {
  const text = {
    stopped: "the work was stopped",
    lost: "the lease was lost",
    "timed-out": "the attempt's time limit passed",
  }[interruption];
  return new DOMException(text, "AbortError");
}
