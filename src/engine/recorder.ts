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

/**
 * What nobody waits for is written this often while all hands are busy, and so are starts and progress, the first at once: a
 * commit costs as much for one report as for ten. Screens redraw no faster.
 */
const WRITE_EVERY_MS = 100;
/** What is due so soon after a commit joins it: timers come a little early, and another commit costs more than it brings. */
const ALONG_MS = 10;
/** So many reports are worth a commit of their own. */
const REPORTS_MANY = 100;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 5_000;

/**
 * Group commit: writes all that has gathered since the last commit in one transaction, as soon as that one returned.
 *
 * State changes are written in the order in which they came and none is dropped: `report` resolves after its commit. Where
 * nobody waits for them (`send`, while every handler is busy) they gather for 100 ms. Starts and progress are coalesced: the
 * latest state of each source is written about ten times a second, and nothing of one that has ended before. While the store
 * is out of reach everything waits and is tried again; reports are safe to repeat because they carry their item's token.
 */
export class Recorder {
  readonly #deps: Deps;
  #reports: Report[] = [];
  /** Who waits for the report of the same index; null: nobody. */
  #waiters: (PromiseWithResolvers<ReportResult> | null)[] = [];
  readonly #sources: ProgressSource[] = [];
  #isWriting = false;
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** True while somebody waits for what is to be written. */
  #isUrgent = false;
  #progressAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #timerAt = 0;
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
    this.hurry();
    return waiter.promise;
  }

  /**
   * The same for a caller who does not wait: it may stay in memory for 100 ms, and would run again after a crash. What cannot
   * be written for good is told to `onFailure` alone.
   */
  send(report: Report): void {
    this.#reports.push(report);
    this.#waiters.push(null);
    this.#schedule();
  }

  /** Notes that `source` has something new to write: at once if nothing of the kind was written lately, else within 100 ms. */
  touch(source: ProgressSource): void {
    this.#sources.push(source);
    this.#schedule();
  }

  /** Somebody waits for what is to be written: it is written as soon as the work at hand is done. */
  hurry(): void {
    this.#isUrgent = true;
    this.#schedule();
  }

  /** Gives up on what is not written yet: reports that wait are rejected, and so are later ones. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Resolves when nothing is left to write. */
  flushed(): Promise<void> {
    if (!this.#isWriting && this.#reports.length === 0) return Promise.resolve();
    this.hurry();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #schedule(): void {
    const dueAt = this.#dueAt();
    if (this.#isWriting || dueAt === null || (this.#timer !== null && this.#timerAt <= dueAt)) return;
    this.#timer?.cancel();
    this.#timerAt = dueAt;
    this.#timer = this.#deps.clock.after(Math.max(0, dueAt - this.#deps.clock.monotonic()), () => {
      this.#timer = null;
      void this.#write();
    });
  }

  /** When the next commit is to be made, on the monotonic clock; null: there is nothing to write. */
  #dueAt(): number | null {
    const progressAt = this.#sources.length === 0 ? null : this.#progressAt + WRITE_EVERY_MS;
    if (this.#reports.length === 0) return progressAt;
    if (this.#isUrgent || this.#reports.length >= REPORTS_MANY) return Number.NEGATIVE_INFINITY;
    const reportsAt = this.#writtenAt + WRITE_EVERY_MS;
    return progressAt === null ? reportsAt : Math.min(reportsAt, progressAt);
  }

  /** Adds what the sources have to report, unless such was written only just now. Returns whose reports these are. */
  #addProgress(reports: Report[]): readonly ProgressSource[] {
    const now = this.#writtenAt;
    if (this.#sources.length === 0 || now < this.#progressAt + WRITE_EVERY_MS - ALONG_MS) return [];
    const written: ProgressSource[] = [];
    for (const source of this.#sources.splice(0)) {
      const report = source.takeProgress();
      if (report === null) continue;
      reports.push(report);
      written.push(source);
    }
    if (written.length > 0) this.#progressAt = now;
    return written;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    this.#isUrgent = false;
    this.#writtenAt = this.#deps.clock.monotonic();
    const reports = this.#reports;
    const waiters = this.#waiters;
    this.#reports = [];
    this.#waiters = [];
    const sources = this.#addProgress(reports);
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
    this.#schedule();
    if (this.#reports.length === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
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
