import { type Answer, answerOf } from "../core/answer.ts";
import type { BatchRow } from "../core/batch.ts";
import { estimateItem, estimateLeft, type Range } from "../core/estimator/estimate.ts";
import type { Facts } from "../core/estimator/model.ts";
import { splitItemNumber } from "../core/ids.ts";
import type { ItemRow } from "../core/item.ts";
import { FRACTION_ONE } from "../core/progress.ts";
import type { Evidence } from "../ports/evidence.ts";
import type { Deps } from "./deps.ts";
import { type Forecast, readSaved, readWork, type Saved } from "./learned.ts";
import { addRanges, amongRivals, placeInQueue, type QueuePlace, type Rivals } from "./rivals.ts";
import { ageOf, broughtUpTo } from "./standing.ts";

/** Estimates of one batch are made anew at most once in this time. */
const EVERY_MS = 250;
const KEPT_MAX = 200;
/** An estimate that was made with others of these than the batch has now is not shown any more. */
const STEADY = [
  "control",
  "isSealed",
  "epoch",
  "concurrency",
  "priority",
] as const satisfies readonly (keyof BatchRow)[];

/** A batch by itself, without what else its queue has to do. */
interface View {
  readonly evidence: Evidence;
  readonly saved: Saved;
  readonly facts: Facts & { readonly active: number };
  readonly isPaused: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface Judged {
  readonly row: BatchRow;
  readonly answer: Answer | null;
  readonly place: QueuePlace;
  /** Null where there is nothing to keep. */
  readonly forecast: Forecast | null;
}

/** A value and when it was asked for; asked for again within `EVERY_MS`, it is the same. */
interface Kept<T> {
  readonly at: number;
  readonly value: Promise<T | null>;
}

/**
 * Says when batches will end, from what the store knows of them. Nothing of an estimate lives here but a fraction of a second:
 * every process that looks at the same store says the same.
 */
export class Estimates {
  readonly #deps: Deps;
  readonly #views = new Map<number, Kept<View>>();
  readonly #judged = new Map<number, Kept<Judged>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The estimate for a batch that was just read, or why there is none; null once it has ended. Never throws. */
  async of(row: BatchRow): Promise<Answer | null> {
    if (row.endedAt !== null) return null;
    const judged = await this.#judge(row.number);
    if (judged === null) return null;
    if (STEADY.every((fact) => judged.row[fact] === row[fact])) return judged.answer;
    // What was said before is wrong at once, not only old.
    this.#judged.delete(row.number);
    this.#views.delete(row.number);
    return (await this.#judge(row.number))?.answer ?? null;
  }

  /** Where a batch stands in its queue; null where it is not known. */
  async placeOf(row: BatchRow): Promise<QueuePlace | null> {
    return row.endedAt === null ? ((await this.#judge(row.number))?.place ?? null) : null;
  }

  /** Seconds left of an item that runs; null while nothing is known. */
  async ofItem(item: ItemRow): Promise<Range | null> {
    if (item.state !== "processing" || item.startedAt === null) return null;
    const { batch, ordinal } = splitItemNumber(item.number);
    const view = await this.#view(batch);
    if (view === null) return null;
    const running = { id: ordinal, startedAt: item.startedAt / 1_000 };
    const age = ageOf(view.saved, running, this.#deps.clock.now() / 1_000);
    const fraction = item.fraction > 0 ? item.fraction / FRACTION_ONE : null;
    return estimateItem(view.facts, { id: ordinal, kind: item.kind ?? "", size: item.size, age, fraction });
  }

  /** The forecast as it stands, to be kept with the batch; null where there is nothing to keep. */
  async forecast(batch: number): Promise<Forecast | null> {
    return (await this.#judge(batch))?.forecast ?? null;
  }

  #judge(batch: number): Promise<Judged | null> {
    return this.#kept(this.#judged, batch, async () => {
      const view = await this.#view(batch);
      return view === null ? null : judge(view, await this.#rivalsOf(view));
    });
  }

  #view(batch: number): Promise<View | null> {
    return this.#kept(this.#views, batch, async () => {
      const evidence = await this.#deps.store.evidence(batch);
      return evidence === null ? null : viewOf(evidence, this.#deps.clock.now());
    });
  }

  async #rivalsOf({ evidence }: View): Promise<Rivals> {
    const { row, dedicated } = evidence;
    const rivals = { better: [], older: [], younger: [] } as Record<keyof Rivals, (Range | null)[]>;
    // Workers of its own leave it to no other.
    if (dedicated > 0) return rivals;
    for (const { number, priority } of evidence.rivals) {
      if (priority > row.priority) continue;
      const place = priority < row.priority ? "better" : number < row.number ? "older" : "younger";
      const view = await this.#view(number);
      if (view !== null) rivals[place].push(view.facts.workers > 0 ? estimateLeft(view.facts) : null);
    }
    return rivals;
  }

  #kept<T>(all: Map<number, Kept<T>>, batch: number, make: () => Promise<T | null>): Promise<T | null> {
    const at = this.#deps.clock.monotonic();
    const known = all.get(batch);
    if (known !== undefined && at - known.at < EVERY_MS) return known.value;
    if (all.size >= KEPT_MAX) all.clear();
    const value = make().catch((error: unknown) => {
      // A batch can be shown without its estimate; a store that is out of reach shows itself to whoever asks it for more.
      this.#deps.logger.info("an estimate could not be made", { error: String(error) });
      return null;
    });
    all.set(batch, { at, value });
    return value;
  }
}

function viewOf(evidence: Evidence, now: number): View {
  const { row, running, tracked, held, queueControl, queueConcurrency } = evidence;
  const saved = readSaved(evidence.learned.batch);
  const left = Math.max(0, row.counts.pending + row.counts.processing - held);
  // Where everything that is left is on hold, it goes on when somebody lets it.
  const isPaused = row.control !== "run" || queueControl !== "run" || (left === 0 && held > 0);
  const live = Math.min(row.concurrency > 0 ? row.concurrency : tracked, queueConcurrency ?? Number.POSITIVE_INFINITY);
  const workers = isPaused && live === 0 ? usualWorkers(saved) : live;
  const standing = broughtUpTo(saved, {
    now: now / 1_000,
    left,
    isPaused,
    running: running.map(({ number, kind, size, fraction, startedAt }) => ({
      id: splitItemNumber(number).ordinal,
      kind: kind ?? "",
      size,
      fraction: fraction > 0 ? fraction / FRACTION_ONE : null,
      startedAt: (startedAt ?? now) / 1_000,
    })),
  });
  const history = readWork(evidence.learned.work);
  return { evidence, saved, facts: { ...standing, workers, history }, isPaused, now };
}

/** A paused batch may be nobody's for the moment; it will be worked on as before. */
function usualWorkers({ tally: { sums }, active }: Saved): number {
  return active > 0 ? Math.max(1, Math.round((sums.busy + sums.idle) / active)) : 0;
}

function judge({ evidence, saved, facts, isPaused, now }: View, rivals: Rivals): Judged {
  const { row } = evidence;
  const alone = facts.workers > 0 ? estimateLeft(facts) : null;
  const left = alone === null ? null : withTimes(amongRivals(alone, rivals), evidence, now);
  const others = rivals.better.length + rivals.older.length + rivals.younger.length;
  const terms = `${row.counts.total} ${facts.workers} ${others}`;
  const { shown: before, noted } = saved;
  const state = { shown: before, noted, terms, isOpen: !row.isSealed, isPaused, now: now / 1_000 };
  const { answer, shown } = answerOf({ ...facts, ...state }, left);
  const { active } = facts;
  const isGiven = row.endedAt === null && answer.estimate !== null && left !== null && shown !== null;
  return {
    row,
    answer: row.endedAt === null ? answer : null,
    place: placeInQueue(rivals),
    forecast: isGiven
      ? { shown, range: [active + left.low, active + left.high, terms], sharePassed: active / (active + left.median) }
      : null,
  };
}

/** Nothing starts before the batch's own time, and nothing has ended before the last back-off is over. */
function withTimes(range: Range | null, { row, readyAt }: Evidence, now: number): Range | null {
  if (range === null) return null;
  const delay = Math.max(0, ((row.startAt ?? now) - now) / 1_000);
  const least = Math.max(0, ((readyAt ?? now) - now) / 1_000);
  const { low, median, high } = addRanges(range, { low: delay, median: delay, high: delay });
  return { low: Math.max(low, least), median: Math.max(median, least), high: Math.max(high, least) };
}
