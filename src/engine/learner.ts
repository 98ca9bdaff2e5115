import { cellNameOf, type Ended, emptyTally, record, type Tally } from "../core/estimator/tally.ts";
import { splitItemNumber } from "../core/ids.ts";
import { addStageTimes, NO_STAGE_TIMES } from "../core/stage-times.ts";
import type { LearnedTexts } from "../ports/evidence.ts";
import type { Lease, Report } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import type { Estimates } from "./estimates.ts";
import { type Part, type Saved, withPart } from "./learned.ts";

/** One run of an item, as far as it says how long its like take. Times in milliseconds of the wall clock. */
export interface Run {
  readonly lease: Pick<Lease, "item" | "batch" | "size" | "kind">;
  readonly startedAt: number;
  /** There was nothing to do. */
  readonly isCached: boolean;
  /** What of its work was counted already. */
  countedMs: number;
  haltedMsAt(now: number): number;
  /** Of its work, by stage; null where there are no stages to compare. */
  stageMsAt(now: number): ReadonlyMap<string, number> | null;
}

/**
 * The wall clock counts whole milliseconds. What takes fewer than this is recorded by the mean of its like, which is right,
 * where each by itself is off by up to all of it; and a short item costs an addition.
 */
const SHORT_MS = 5;
/** A batch of which nothing ended is told of once in so many ticks. */
const QUIET_TICKS = 10;
/** Ranges of a batch are judged once it has worked for so long: of a shorter one nobody waits for the end. */
const FORECAST_AFTER_S = 5;
/** The wall clock went another way than the steady one by more than this: what was measured across is worth nothing. */
const JUMP_MS = 1_000;

/** Short attempts that are alike. */
interface Short {
  readonly kind: string;
  readonly size: number | null;
  count: number;
  ms: number;
}

/** What was seen of one batch since it was told last. */
class Gathered {
  tally: Tally = emptyTally();
  /** Of completed items that have stages: how many, and what they spent in each. */
  stagedItems = 0;
  stageMs = new Map<string, number>();
  /** By kind and octave of size. */
  short = new Map<string, Short>();
  halted: Record<string, number> = {};
  ended = 0;
  idleMs = 0;
  from = Number.POSITIVE_INFINITY;
  to = 0;
  /** When an item was completed here first: what had started before was among the first. */
  warmAt = Number.POSITIVE_INFINITY;
  /** Of this tick alone. */
  workedMs = 0;
  endedInTick = 0;
  isRunning = false;
  ticksQuiet = QUIET_TICKS;
  /** Working time of the batch at a moment of the wall clock, in seconds; null before it was told of first. */
  base: { readonly at: number; readonly active: number } | null = null;

  /** Seconds of working time at which something started. */
  activeAt(timeMs: number): number {
    const at = timeMs / 1_000;
    if (this.base === null) return Math.max(0, (timeMs - Math.min(this.from, timeMs)) / 1_000);
    return Math.max(0, this.base.active + at - this.base.at);
  }

  /** What short items have in common with others of this name. */
  shortOf({ kind, size }: Run["lease"]): Short {
    const name = kind === null && size === null ? "" : cellNameOf({ kind: kind ?? "", size });
    let short = this.short.get(name);
    if (short === undefined) {
      short = { kind: kind ?? "", size, count: 0, ms: 0 };
      this.short.set(name, short);
    }
    return short;
  }

  take(): Part {
    const startedActive = this.activeAt(this.to);
    for (const { ms, ...short } of this.short.values()) {
      record(this.tally, { ...short, outcome: "completed", seconds: ms / short.count / 1_000, startedActive });
    }
    this.tally.sums.idle = this.idleMs / 1_000;
    const worked = this.to > 0 ? { from: this.from / 1_000, to: this.to / 1_000 } : null;
    const seconds = Object.fromEntries([...this.stageMs].map(([name, ms]) => [name, ms / 1_000]));
    const stages = addStageTimes(NO_STAGE_TIMES, { items: this.stagedItems, seconds });
    const part = { tally: this.tally, stages, worked, halted: this.halted };
    this.tally = emptyTally();
    this.stagedItems = 0;
    this.stageMs = new Map();
    this.short = new Map();
    this.halted = {};
    this.ended = 0;
    this.idleMs = 0;
    this.from = Number.POSITIVE_INFINITY;
    this.to = 0;
    return part;
  }
}

/**
 * Gathers what a process's runs teach of how long items take, in memory, and tells the store about once a second.
 *
 * Each process tells what it saw itself; the store's sums are those of all. What was not told yet is lost in a crash, and so is
 * what a store does not take: estimates are worth less than work.
 */
export class Learner {
  readonly #deps: Deps;
  readonly #estimates: Estimates;
  readonly #concurrency: number;
  readonly #batches = new Map<number, Gathered>();
  #last: { readonly number: number; readonly gathered: Gathered } | null = null;
  #tickAt: number;
  #wallLead: number;
  /** Runs that began before this were measured by a clock that jumped. */
  #steadySince = 0;

  constructor(deps: Deps, estimates: Estimates, concurrency: number) {
    this.#deps = deps;
    this.#estimates = estimates;
    this.#concurrency = concurrency;
    this.#tickAt = deps.clock.now();
    this.#wallLead = this.#tickAt - deps.clock.monotonic();
  }

  /** Takes in how a run ended; a release says nothing of how long it takes. `now`: where the report does not say when. */
  ended(run: Run, report: Report, now = run.startedAt): void {
    if (report.type !== "complete" && report.type !== "fail") return;
    const { lease, startedAt } = run;
    const gathered = this.#of(lease.batch);
    const endedAt = report.endedAt ?? now;
    const haltedMs = run.haltedMsAt(endedAt);
    const ms = endedAt - startedAt - haltedMs;
    gathered.ended += 1;
    gathered.endedInTick += 1;
    if (startedAt < this.#steadySince || ms < 0) return;
    gathered.workedMs += ms - run.countedMs;
    if (startedAt < gathered.from) gathered.from = startedAt;
    if (endedAt > gathered.to) gathered.to = endedAt;
    const isFirst = startedAt < gathered.warmAt;
    if (report.type === "complete" && !run.isCached) gathered.warmAt = Math.min(gathered.warmAt, endedAt);
    if (report.type === "complete" && ms < SHORT_MS && !run.isCached) {
      const short = gathered.shortOf(lease);
      short.count += 1;
      short.ms += ms;
      return;
    }
    if (haltedMs > 0) gathered.halted[splitItemNumber(lease.item).ordinal] = 0;
    const stageMs = report.type === "complete" && !run.isCached ? run.stageMsAt(endedAt) : null;
    if (stageMs !== null) {
      gathered.stagedItems += 1;
      for (const [name, of] of stageMs) gathered.stageMs.set(name, (gathered.stageMs.get(name) ?? 0) + of);
    }
    record(gathered.tally, {
      kind: lease.kind ?? "",
      size: lease.size,
      outcome: outcomeOf(run, report),
      seconds: ms / 1_000,
      startedActive: gathered.activeAt(startedAt),
      isFirst,
    });
  }

  /**
   * Tells the store what was seen. To be called about once a second, and once more (`isLast`) at the end.
   * @param running everything that runs now
   * @param isDry whether free workers find nothing to do: then they are no gap between items
   */
  async tell(running: Iterable<Run>, how: { readonly isDry: boolean; readonly isLast?: boolean }): Promise<void> {
    this.#toll(running, how.isDry);
    for (const [batch, gathered] of [...this.#batches]) {
      const isOver = !gathered.isRunning && gathered.ended === 0;
      gathered.ticksQuiet = gathered.ended > 0 ? QUIET_TICKS : gathered.ticksQuiet + 1;
      if (gathered.ticksQuiet < QUIET_TICKS && !isOver && how.isLast !== true) continue;
      gathered.ticksQuiet = 0;
      // Told once more when nothing is left here: the batch may have ended with the last commit.
      if (isOver) this.#forget(batch);
      await this.#tellOf(batch, gathered);
    }
  }

  #forget(batch: number): void {
    this.#batches.delete(batch);
    this.#last = null;
  }

  #of(batch: number): Gathered {
    if (this.#last?.number === batch) return this.#last.gathered;
    let gathered = this.#batches.get(batch);
    if (gathered === undefined) {
      gathered = new Gathered();
      this.#batches.set(batch, gathered);
    }
    this.#last = { number: batch, gathered };
    return gathered;
  }

  /** Counts what ran since the last tick, and shares the time in which workers were idle among the batches. */
  #toll(running: Iterable<Run>, isDry: boolean): void {
    const { clock } = this.#deps;
    const now = clock.now();
    const lead = now - clock.monotonic();
    const hasJumped = Math.abs(lead - this.#wallLead) > JUMP_MS;
    this.#wallLead = lead;
    if (hasJumped) this.#steadySince = now;
    const spanMs = hasJumped ? 0 : Math.max(0, now - this.#tickAt);
    this.#tickAt = now;
    for (const gathered of this.#batches.values()) gathered.isRunning = false;
    for (const run of running) this.#tollRun(run, now);
    let weights = 0;
    let workedMs = 0;
    for (const gathered of this.#batches.values()) {
      if (hasJumped) gathered.workedMs = 0;
      weights += weightOf(gathered);
      workedMs += gathered.workedMs;
    }
    const idleMs = isDry ? 0 : Math.max(0, this.#concurrency * spanMs - workedMs);
    for (const gathered of this.#batches.values()) {
      if (weights > 0) gathered.idleMs += (idleMs * weightOf(gathered)) / weights;
      gathered.workedMs = 0;
      gathered.endedInTick = 0;
    }
  }

  #tollRun(run: Run, now: number): void {
    const gathered = this.#of(run.lease.batch);
    gathered.isRunning = true;
    if (run.startedAt < this.#steadySince || run.startedAt > now) return;
    const haltedMs = run.haltedMsAt(now);
    const ms = now - run.startedAt - haltedMs;
    if (ms > run.countedMs) {
      gathered.from = Math.min(gathered.from, now - (ms - run.countedMs));
      gathered.to = now;
      gathered.workedMs += ms - run.countedMs;
      run.countedMs = ms;
    }
    if (haltedMs > 0) gathered.halted[splitItemNumber(run.lease.item).ordinal] = haltedMs / 1_000;
  }

  async #tellOf(batch: number, gathered: Gathered): Promise<void> {
    const { store, logger } = this.#deps;
    const part = gathered.take();
    try {
      const isLong = gathered.base !== null && gathered.base.active >= FORECAST_AFTER_S;
      const forecast = isLong ? await this.#estimates.forecast(batch) : null;
      let after: Saved | null = null;
      await store.learn(batch, (known): LearnedTexts => {
        const { saved, texts } = withPart(known, part, forecast);
        after = saved;
        return texts;
      });
      gathered.base = baseOf(after);
    } catch (error) {
      logger.warn("what a second taught of how long items take is lost", { error: String(error) });
    }
  }
}

function outcomeOf(run: Run, report: Report & { readonly type: "complete" | "fail" }): Ended["outcome"] {
  if (report.type === "complete") return run.isCached ? "cached" : "completed";
  return report.retryAt === null ? "failed" : "retried";
}

function baseOf(saved: Saved | null): Gathered["base"] {
  return saved === null || saved.at === null ? null : { at: saved.at, active: saved.active };
}

/** Items that took less than the clock can tell count a little all the same. */
function weightOf(gathered: Gathered): number {
  return gathered.workedMs + 1e-3 * gathered.endedInTick;
}
