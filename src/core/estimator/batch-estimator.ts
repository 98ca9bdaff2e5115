import { type Answer, answerOf } from "./answer.ts";
import { emptyForecasts, type Forecasts, missedShare, note } from "./forecasts.ts";
import { type History, learn } from "./history.ts";
import type { InFlight } from "./in-flight.ts";
import {
  clockAt,
  type Ended,
  emptyStatistics,
  noReports,
  noteReport,
  type ProgressReport,
  plan,
  recordEnd,
  type Sized,
  type Statistics,
  tick,
} from "./statistics.ts";
import type { Shown } from "./steady.ts";

/** What is saved with a batch: plain JSON, under 16 KB however large the batch. */
export interface EstimatorState {
  readonly version: 1;
  readonly statistics: Statistics;
  readonly forecasts: Forecasts;
  readonly shown: Shown | null;
}

interface Running extends Sized {
  readonly startedActive: number;
  fraction: number | null;
  readonly reports: (ProgressReport | null)[];
}

/**
 * Follows one batch and says when it will end.
 *
 * Deterministic: the same events and questions at the same times give the same answers. Times (`now`) are seconds since
 * 1970 and must not go back; one that does counts as no time. Its state is saved without the items in flight, which the
 * store knows: `restore` takes them, and goes on as if nothing had happened.
 *
 * Not thread-safe and not shared between processes: where several work one batch, each gathers `Statistics` and the owner of
 * the batch's row adds them up with `merge`.
 *
 * @example
 * const estimator = new BatchEstimator();
 * estimator.add({ kind: "jpeg", size: 84_000 });
 * estimator.run({ workers: 2, isPaused: false }, 0);
 * estimator.started(1, { kind: "jpeg", size: 84_000 }, 0);
 * estimator.progressed(1, 0.5, 3);
 * estimator.estimate({ now: 3, isOpen: false }).estimate?.median; // about 3 seconds
 */
export class BatchEstimator {
  readonly #statistics: Statistics;
  readonly #forecasts: Forecasts;
  readonly #history: History | null;
  readonly #running = new Map<number, Running>();
  #shown: Shown | null;

  /** `history`: what earlier batches of the pipeline taught. */
  constructor(history: History | null = null, state: EstimatorState | null = null) {
    const copy = structuredClone(state);
    this.#history = history;
    this.#statistics = copy?.statistics ?? emptyStatistics();
    this.#forecasts = copy?.forecasts ?? emptyForecasts();
    this.#shown = copy?.shown ?? null;
  }

  /** Goes on from what was saved; `inFlight` are the items that still run, with their ages and reports at `now`. */
  static restore(from: {
    readonly state: EstimatorState;
    readonly history: History | null;
    readonly inFlight: readonly (InFlight & { readonly reports?: readonly (ProgressReport | null)[] })[];
    readonly now: number;
  }): BatchEstimator {
    const estimator = new BatchEstimator(from.history, from.state);
    const { active } = clockAt(estimator.#statistics, from.now);
    for (const { id, kind, size, age, fraction, reports = [] } of from.inFlight) {
      estimator.#running.set(id, { kind, size, fraction, startedActive: active - age, reports: [...reports] });
    }
    return estimator;
  }

  /** A copy of what must be saved. */
  save(): EstimatorState {
    const { version } = this.#statistics;
    return structuredClone({
      version,
      statistics: this.#statistics,
      forecasts: this.#forecasts,
      shown: this.#shown,
    });
  }

  /** An item that can run was added, released from a hold, or is to be retried after its end. */
  add(item: Sized): void {
    plan(this.#statistics, item, 1);
  }

  /** A pending item was removed, cancelled or held. */
  remove(item: Sized): void {
    plan(this.#statistics, item, -1);
  }

  /** How the batch goes on from `now`: items that can run at once over all processes, and whether it is paused. */
  run(how: { readonly workers: number; readonly isPaused: boolean }, now: number): void {
    tick(this.#statistics, { ...how, at: now });
  }

  started(id: number, item: Sized, now: number): void {
    this.#advance(now);
    const { active } = this.#statistics.clock;
    this.#running.set(id, { ...item, startedActive: active, fraction: null, reports: noReports() });
  }

  /** `fraction` of the item is done, 0 to 1. Unknown items are ignored: their start was not told. */
  progressed(id: number, fraction: number, now: number): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.fraction = Math.min(1, Math.max(0, fraction));
    if (!(fraction > 0 && fraction < 1)) return;
    const age = clockAt(this.#statistics, now).active - running.startedActive;
    noteReport(running.reports, { fraction, age });
  }

  /**
   * An attempt ended: `failed` for good, `retried` when the item will run again, `cached` when there was nothing to do.
   * `seconds`, if the caller measured them, else the working time since its start.
   */
  ended(id: number, end: { readonly outcome: Ended["outcome"]; readonly seconds?: number }, now: number): void {
    this.#advance(now);
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    const seconds = end.seconds ?? this.#statistics.clock.active - running.startedActive;
    recordEnd(this.#statistics, { ...running, outcome: end.outcome, seconds });
  }

  /** A running item was cancelled or given back: `isLeft` tells whether it will run again. */
  released(id: number, isLeft: boolean, now: number): void {
    this.#advance(now);
    const running = this.#running.get(id);
    this.#running.delete(id);
    if (running !== undefined && !isLeft) plan(this.#statistics, running, -1);
  }

  /** Items in flight at `now`. */
  inFlight(now: number): InFlight[] {
    const { active } = clockAt(this.#statistics, now);
    return [...this.#running].map(([id, { kind, size, fraction, startedActive }]) => ({
      id,
      kind,
      size,
      fraction,
      age: Math.max(0, active - startedActive),
    }));
  }

  /** Never negative, never NaN, never 0 while items are left; null with a reason rather than a guess. */
  estimate(at: { readonly now: number; readonly isOpen: boolean }): Answer {
    const facts = { statistics: this.#statistics, inFlight: this.inFlight(at.now), history: this.#history };
    const { answer, shown } = answerOf({ ...facts, ...at, shown: this.#shown });
    this.#shown = shown;
    const range = answer.estimate ?? answer.afterResume;
    const { active } = clockAt(this.#statistics, at.now);
    if (range !== null) note(this.#forecasts, { active, low: range.low, high: range.high });
    return answer;
  }

  /** The history after this batch; call it once, when the batch has ended at `now`. */
  learn(now: number): History | null {
    this.#advance(now);
    const missed = missedShare(this.#forecasts, this.#statistics.clock.active);
    return learn(this.#history, { statistics: this.#statistics, missed });
  }

  #advance(now: number): void {
    tick(this.#statistics, { ...this.#statistics.clock, at: now });
  }

  /** Items not settled yet, those in flight included. */
  get left(): number {
    return this.#statistics.left;
  }
}
