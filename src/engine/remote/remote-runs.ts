import type { Stage } from "../../core/progress.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Report } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import type { Estimates } from "../estimates.ts";
import { Learner, type Run } from "../learner.ts";
import { StageClock } from "../stage-clock.ts";

/** One run of an item by a worker outside the process, as far as its calls tell of it. */
export class RemoteRun implements Run {
  readonly lease: Run["lease"];
  readonly startedAt: number;
  countedMs = 0;
  isCached = false;
  readonly worker: number;
  #haltedMs = 0;
  #haltedSince: number | null = null;
  /** By the steady clock, for its time limit: the wall clock may be set meanwhile. */
  #spentMs: number;
  #goingSince: number | null;
  readonly #stages = new StageClock();

  constructor(worker: number, lease: Run["lease"], started: { readonly at: number; readonly clock: Clock }) {
    this.worker = worker;
    this.lease = lease;
    this.startedAt = started.at;
    this.#spentMs = Math.max(0, started.clock.now() - started.at);
    this.#goingSince = started.clock.monotonic();
  }

  /** Hears whether it waits in a pause. */
  halt(isHalted: boolean, clock: Clock): void {
    this.#haltedMs = this.haltedMsAt(clock.now());
    this.#haltedSince = isHalted ? clock.now() : null;
    this.#spentMs = this.spentMs(clock);
    this.#goingSince = isHalted ? null : clock.monotonic();
  }

  /** Milliseconds of its time limit that it has used. */
  spentMs(clock: Clock): number {
    return this.#spentMs + (this.#goingSince === null ? 0 : clock.monotonic() - this.#goingSince);
  }

  enter(stages: readonly Stage[], name: string, now: number): void {
    this.#stages.enter(stages, name, this.workedMsAt(now));
  }

  haltedMsAt(now: number): number {
    return this.#haltedMs + (this.#haltedSince === null ? 0 : Math.max(0, now - this.#haltedSince));
  }

  workedMsAt(now: number): number {
    return now - this.startedAt - this.haltedMsAt(now);
  }

  stageMsAt(now: number): ReadonlyMap<string, number> | null {
    return this.#stages.at(this.workedMsAt(now));
  }
}

/**
 * What this process heard of the runs of workers outside, for estimates and time limits alone: nothing else depends on it. A
 * process that started meanwhile knows of a run what the item itself says.
 */
export class RemoteRuns {
  readonly #deps: Deps;
  readonly #learner: Learner;
  readonly #runs = new Map<string, RemoteRun>();

  constructor(deps: Deps, estimates: Estimates) {
    this.#deps = deps;
    this.#learner = new Learner(deps, estimates, 0);
  }

  /** The run of a lease, made where it was not known. */
  of(lease: { readonly token: number } & Run["lease"], worker: number, startedAt: number): RemoteRun {
    const key = keyOf(lease.item, lease.token);
    let run = this.#runs.get(key);
    if (run === undefined) {
      run = new RemoteRun(worker, lease, { at: startedAt, clock: this.#deps.clock });
      this.#runs.set(key, run);
    }
    return run;
  }

  find(item: number, token: number): RemoteRun | undefined {
    return this.#runs.get(keyOf(item, token));
  }

  /** Takes in a report that was recorded. */
  reported(run: RemoteRun, report: Report, now: number): void {
    this.#learner.ended(run, report, now);
    if (report.lease !== null && report.type !== "progress") this.forget(report.item, report.lease.token);
  }

  forget(item: number, token: number): void {
    this.#runs.delete(keyOf(item, token));
  }

  /** Tells the store what was seen; to be called about once a second. */
  async tell(isLast: boolean): Promise<void> {
    // At the end nothing is kept anyway, and whoever closes must not depend on the store's answer.
    if (!isLast) await this.#dropGone();
    await this.#learner.tell(this.#runs.values(), { isDry: true, isLast });
  }

  /** Forgets the runs of sessions that ended. */
  async #dropGone(): Promise<void> {
    if (this.#runs.size === 0) return;
    const sessions = new Set((await this.#deps.store.sessions()).map(({ number }) => number));
    for (const [key, run] of this.#runs) if (!sessions.has(run.worker)) this.#runs.delete(key);
  }
}

function keyOf(item: number, token: number): string {
  return `${item} ${token}`;
}
