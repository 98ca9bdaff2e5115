/**
 * What other tools do, from their published formulas. Each gets what it can use at its best: where an item reports how far
 * it is, that share counts as done (a bar over units), except for the two that only ever see whole items. Left out is what
 * would only hurt them on short traces: rounding to whole seconds, and looks that are rarer than ours.
 */
import type { Method, Prediction, Predictor } from "./predictor.ts";
import type { Trace, TraceEvent } from "./trace.ts";

/** Tells what the simple tools see: so much of so many is done. */
abstract class Counter implements Predictor {
  protected readonly trace: Trace;
  protected readonly total: number;
  /** Items, those in flight by the share they reported. */
  protected done = 0;
  readonly #shares = new Map<number, number>();
  readonly #sees: "units" | "items";

  constructor(trace: Trace, sees: "units" | "items" = "units") {
    this.trace = trace;
    this.total = trace.items.length;
    this.#sees = sees;
  }

  on({ code, item, x, at }: TraceEvent): void {
    if (code === "p" && this.#sees === "items") return;
    const isEnd = code === "d" || code === "h" || (code === "f" && x === 1);
    if (!isEnd && code !== "p" && code !== "f") return;
    const before = this.#shares.get(item) ?? 0;
    const share = isEnd ? 1 : code === "p" ? x : 0;
    this.#shares.set(item, share);
    if (share === before) return;
    this.done += share - before;
    this.moved({ item, by: share - before });
    if (share > before) this.advance(at);
    else this.fellBack(at);
  }

  predict(at: number): Prediction | null {
    const seconds = this.secondsLeft(at);
    return seconds === null || !Number.isFinite(seconds) || seconds < 0 ? null : { median: seconds };
  }

  protected moved(_step: { readonly item: number; readonly by: number }): void {}
  protected advance(_at: number): void {}
  /** An attempt failed whose share was counted. */
  protected fellBack(_at: number): void {}
  protected abstract secondsLeft(at: number): number | null;
}

class Mean extends Counter {
  protected secondsLeft(at: number): number | null {
    return this.done === 0 ? null : (at / this.done) * (this.total - this.done);
  }
}

/** Normalised exponential average, as tqdm's class EMA. */
class Ema {
  #last = 0;
  #calls = 0;
  readonly #alpha = 0.3;

  push(value: number): number {
    this.#last = this.#alpha * value + (1 - this.#alpha) * this.#last;
    this.#calls += 1;
    return this.value;
  }

  get value(): number {
    return this.#calls === 0 ? 0 : this.#last / (1 - (1 - this.#alpha) ** this.#calls);
  }
}

class Tqdm extends Counter {
  readonly #items = new Ema();
  readonly #seconds = new Ema();
  readonly #stride = new Ema();
  #minimum = 0;
  #printedItems = 0;
  #printedAt = 0;

  protected override advance(at: number): void {
    const items = this.done - this.#printedItems;
    const seconds = at - this.#printedAt;
    // Its monitor lets a bar that was silent for 10 s print at the next item.
    if (seconds >= 10) this.#minimum = Math.min(1, this.#minimum);
    if (items < this.#minimum || seconds < 0.1) return;
    this.#items.push(items);
    this.#seconds.push(seconds);
    this.#minimum = seconds >= 10 ? (items * 0.1) / seconds : this.#stride.push((items * 0.1) / seconds);
    this.#printedItems = this.done;
    this.#printedAt = at;
  }

  protected secondsLeft(at: number): number | null {
    if (this.done === 0) return null;
    const rate = this.#seconds.value > 0 ? this.#items.value / this.#seconds.value : this.done / at;
    return rate > 0 ? (this.total - this.done) / rate : null;
  }
}

class Indicatif extends Counter {
  #single = 0;
  #double = 0;
  #since = 0;
  #previousAt = 0;
  #previousDone = 0;

  static #weight(age: number): number {
    return 0.1 ** (age / 15);
  }

  protected override advance(at: number): void {
    if (at <= this.#previousAt) return;
    const seconds = at - this.#previousAt;
    const weight = Indicatif.#weight(seconds);
    this.#single = this.#single * weight + ((this.done - this.#previousDone) / seconds) * (1 - weight);
    const normal = this.#single / (1 - Indicatif.#weight(at - this.#since));
    this.#double = this.#double * weight + normal * (1 - weight);
    this.#previousAt = at;
    this.#previousDone = this.done;
  }

  /** A position that moves backwards starts it anew. */
  protected override fellBack(at: number): void {
    this.#single = 0;
    this.#double = 0;
    this.#since = at;
    this.#previousAt = at;
    this.#previousDone = this.done;
  }

  protected secondsLeft(at: number): number | null {
    const weight = Indicatif.#weight(at - this.#previousAt);
    const all = 1 - Indicatif.#weight(at - this.#since);
    const rate = (this.#double * weight + ((this.#single * weight) / all) * (1 - weight)) / all;
    return rate > 0 ? (this.total - this.done) / rate : null;
  }
}

class Rich extends Counter {
  readonly #samples: [number, number][] = [];
  /** All steps forward: steps back leave its speed as it is. */
  #gained = 0;

  protected override moved({ by }: { readonly by: number }): void {
    this.#gained += Math.max(0, by);
  }

  protected override advance(at: number): void {
    while (this.#samples[0] !== undefined && this.#samples[0][0] < at - 30) this.#samples.shift();
    this.#samples.push([at, this.#gained]);
    if (this.#samples.length > 1_000) this.#samples.shift();
  }

  protected secondsLeft(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return null;
    return ((this.total - this.done) * (last[0] - first[0])) / (last[1] - first[1]);
  }
}

const LONGEST_SLEEP = 1;

/** Computes anew at every end, and between ends each time it wakes from a sleep, which grows by a tenth until the next end. */
class Parallel extends Counter {
  #firstAt: number | null = null;
  #smoothed = 0;
  #eta: number | null = null;
  #sleep = 0.0002;
  #wakesAt = 0;

  override on(event: TraceEvent): void {
    this.#wakeUntil(event.at);
    super.on(event);
  }

  protected override advance(at: number): void {
    this.#compute(at);
    // Halved when a job has ended and again when the next has started.
    this.#sleep = this.#sleep / 4 + 1.5e-6;
    this.#wakesAt = at;
  }

  protected secondsLeft(at: number): number | null {
    this.#wakeUntil(at);
    return this.#eta;
  }

  #wakeUntil(at: number): void {
    while (this.#wakesAt <= at) {
      this.#compute(this.#wakesAt);
      this.#wakesAt += this.#sleep;
      if (this.#sleep < LONGEST_SLEEP) this.#sleep *= 1.1;
    }
  }

  #compute(at: number): void {
    if (this.done === 0) return;
    this.#firstAt ??= at;
    const share = this.done / this.total;
    const mean = (at - this.#firstAt) / this.done;
    if (this.#smoothed === 0) this.#smoothed = mean;
    this.#smoothed = (1 - share) * this.#smoothed + share * mean;
    const eta = (this.total - this.done) * this.#smoothed;
    // A rise of under 10 % is not shown.
    if (this.#eta === null || !(eta * 0.9 < this.#eta && this.#eta < eta)) this.#eta = eta;
  }
}

class CliProgress extends Counter {
  #samples: [number, number][] = [[0, 0]];
  #eta: number | null = null;

  protected override advance(at: number): void {
    this.#samples.push([at, this.done]);
    // The newest of `length` values against the oldest of the last ten.
    const oldest = this.#samples.at(-Math.min(10, this.#samples.length)) ?? [0, 0];
    this.#eta = ((this.total - this.done) * (at - oldest[0])) / (this.done - oldest[1]);
    this.#samples = this.#samples.slice(-10);
  }

  protected secondsLeft(): number | null {
    return this.#eta;
  }
}

class MeanItem extends Counter {
  readonly #running = new Map<number, number>();
  readonly #knowsWorkers: boolean;
  #workers: number;
  #seconds = 0;

  constructor(trace: Trace, knowsWorkers: boolean) {
    super(trace, knowsWorkers ? "units" : "items");
    this.#knowsWorkers = knowsWorkers;
    this.#workers = trace.workers;
  }

  override on(event: TraceEvent): void {
    const { code, item, at } = event;
    if (code === "c") this.#workers = event.x;
    if (code === "s") this.#running.set(item, at);
    if (code === "d" || code === "h" || code === "f") {
      this.#seconds += at - (this.#running.get(item) ?? at);
      this.#running.delete(item);
    }
    super.on(event);
  }

  protected secondsLeft(at: number): number | null {
    if (this.done === 0) return null;
    if (!this.#knowsWorkers) return (this.#seconds / this.done) * (this.total - this.done);
    // What runs counts on both sides: its seconds so far and the share it reported.
    let seconds = this.#seconds;
    for (const startedAt of this.#running.values()) seconds += at - startedAt;
    return ((seconds / this.done) * (this.total - this.done)) / this.#workers;
  }
}

class Bytes extends Counter {
  #bytesDone = 0;
  readonly #bytes: number;

  constructor(trace: Trace) {
    super(trace);
    this.#bytes = trace.items.reduce((sum, { size }) => sum + (size ?? 0), 0);
  }

  protected override moved({ item, by }: { readonly item: number; readonly by: number }): void {
    this.#bytesDone += by * (this.trace.items[item]?.size ?? 0);
  }

  protected secondsLeft(at: number): number | null {
    return this.#bytesDone <= 0 ? null : (at * (this.#bytes - this.#bytesDone)) / this.#bytesDone;
  }
}

export const BASELINES: readonly Method[] = [
  { name: "mean over all", source: "elapsed / done × left", start: (trace) => new Mean(trace) },
  {
    name: "tqdm",
    source: "tqdm 4.70.1, tqdm/std.py: EMA (0.3) of items and of seconds, update_to, format_meter; tqdm/_monitor.py",
    start: (trace) => new Tqdm(trace),
  },
  {
    name: "indicatif",
    source: "indicatif 0.18, src/state.rs: Estimator, 15 s for 90 % of the weight, smoothed twice",
    start: (trace) => new Indicatif(trace),
  },
  {
    name: "rich",
    source: "rich 15.0.0, rich/progress.py: Task.speed over the samples of the last 30 s, at most 1,000",
    start: (trace) => new Rich(trace),
  },
  {
    name: "GNU parallel",
    source:
      "GNU parallel 20221122, compute_eta, called as in drain_job_queue and reap_usleep; counted from the first end",
    start: (trace) => new Parallel(trace, "items"),
  },
  {
    name: "cli-progress",
    source: "cli-progress 3.12.0, lib/eta.js, buffer of 10",
    start: (trace) => new CliProgress(trace),
  },
  {
    name: "item mean × left / workers",
    source: "seconds inside items / done × left / workers, items in flight with their seconds and shares",
    start: (trace) => new MeanItem(trace, true),
  },
  {
    name: "item mean × left",
    source: "the same, workers forgotten",
    start: (trace) => new MeanItem(trace, false),
  },
  {
    name: "bytes",
    source: "curl 7, lib/progress.c: elapsed / bytes done × bytes left",
    start: (trace) => new Bytes(trace),
  },
];
