import { MilepostError } from "../core/errors.ts";
import type { Timer } from "../ports/clock.ts";
import type { Report, ReportResult } from "../ports/store.ts";
import type { Deps } from "./deps.ts";

/** Something whose progress can be written: asked for its latest state only when a commit is about to be made. */
export interface ProgressSource {
  /** The report to write now, or null if nothing is new, or nothing may be written any more. */
  takeProgress(): Report | null;
  /** Told when the store refused it: the lease is lost. */
  onRefused(): void;
}

/** Longest wait of a progress report that no change of state takes along. Screens redraw ten times a second. */
const PROGRESS_EVERY_MS = 100;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 5_000;

/**
 * Group commit: writes all that has gathered since the last commit in one transaction, as soon as that one returned.
 *
 * State changes are written in the order in which they came and none is dropped: `report` resolves after its commit.
 * Progress is coalesced, the latest state of each source wins. While the store is out of reach everything waits and is
 * tried again; reports are safe to repeat because they carry their item's token.
 */
export class Recorder {
  readonly #deps: Deps;
  #reports: Report[] = [];
  /** Who waits for the report of the same index; null: nobody. */
  #waiters: (PromiseWithResolvers<ReportResult> | null)[] = [];
  #sources: ProgressSource[] = [];
  #isWriting = false;
  #timer: Timer | null = null;
  #timerIsSoon = false;
  readonly #onFailure: (error: unknown) => void;
  #isAbandoned = false;
  readonly #onIdle: (() => void)[] = [];

  /** @param onFailure called once when the store refuses for good (gone, read-only, corrupt): nothing can be written any more */
  constructor(deps: Deps, onFailure: (error: unknown) => void) {
    this.#deps = deps;
    this.#onFailure = onFailure;
  }

  /** Reports that wait for a commit. */
  get backlog(): number {
    return this.#reports.length;
  }

  /** Hands over a change of state. Resolves after its commit with what became of it. */
  report(report: Report): Promise<ReportResult> {
    const waiter = Promise.withResolvers<ReportResult>();
    this.#reports.push(report);
    this.#waiters.push(waiter);
    this.#schedule(true);
    return waiter.promise;
  }

  /** The same for a caller who does not wait. What cannot be written for good is told to `onFailure` alone. */
  send(report: Report): void {
    this.#reports.push(report);
    this.#waiters.push(null);
    this.#schedule(true);
  }

  /** Notes that `source` has something new to write. `soon`: a viewer waits for it (a start); else within 100 ms. */
  touch(source: ProgressSource, soon: boolean): void {
    this.#sources.push(source);
    this.#schedule(soon);
  }

  /** Gives up on what is not written yet: reports that wait are rejected, and so are later ones. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Resolves when nothing is left to write. */
  flushed(): Promise<void> {
    if (!this.#isWriting && this.#reports.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #schedule(soon: boolean): void {
    if (this.#isWriting || (this.#timer !== null && (this.#timerIsSoon || !soon))) return;
    this.#timer?.cancel();
    this.#timerIsSoon = soon;
    this.#timer = this.#deps.clock.after(soon ? 0 : PROGRESS_EVERY_MS, () => {
      this.#timer = null;
      void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    const reports = this.#reports;
    const waiters = this.#waiters;
    const touched = this.#sources;
    const sources: ProgressSource[] = [];
    this.#reports = [];
    this.#waiters = [];
    this.#sources = [];
    for (const source of touched) {
      const report = source.takeProgress();
      if (report === null) continue;
      reports.push(report);
      sources.push(source);
    }
    try {
      if (reports.length > 0) {
        const results = await this.#record(reports);
        for (let index = 0; index < results.length; index++) {
          const result = results[index];
          if (result === undefined) break;
          if (index < waiters.length) waiters[index]?.resolve(result);
          else if (!result.ok) sources[index - waiters.length]?.onRefused();
        }
      }
    } catch (error) {
      for (const waiter of waiters) waiter?.reject(error);
      for (const source of sources) source.onRefused();
      if (!this.#isAbandoned) this.#onFailure(error);
    }
    this.#isWriting = false;
    if (this.#reports.length > 0) this.#schedule(true);
    else {
      if (this.#sources.length > 0) this.#schedule(false);
      for (const resolve of this.#onIdle.splice(0)) resolve();
    }
  }

  async #record(reports: readonly Report[]): Promise<readonly ReportResult[]> {
    const { store, clock, logger } = this.#deps;
    for (let delayMs = RETRY_FIRST_MS; ; delayMs = Math.min(RETRY_MAX_MS, delayMs * 2)) {
      try {
        return await store.record(reports, clock.now());
      } catch (error) {
        if (this.#isAbandoned || !(error instanceof MilepostError && error.retryable)) throw error;
        logger.warn("the store does not answer; what was done is kept and written later", {
          code: error.code,
          reports: reports.length,
        });
        await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      }
    }
  }
}
