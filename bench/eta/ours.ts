import type { History } from "../../src/core/estimator/history.ts";
import { BatchFollower } from "./follow-batch.ts";
import type { Method, Prediction, Predictor } from "./predictor.ts";
import type { Trace, TraceEvent, TraceItem } from "./trace.ts";

const NO_ITEM: TraceItem = { size: null, kind: "" };

/** Feeds Milepost's estimator as the engine does. */
class Milepost implements Predictor {
  readonly estimator: BatchFollower;
  readonly #trace: Trace;
  #workers: number;
  #isPaused = false;

  constructor(trace: Trace, history: History | null) {
    this.estimator = new BatchFollower(history);
    this.#trace = trace;
    this.#workers = trace.workers;
    for (const item of trace.items) this.estimator.add(item);
    this.#run(0);
  }

  on({ at, code, item, x }: TraceEvent): void {
    switch (code) {
      case "s":
        this.estimator.started(item, this.#trace.items[item] ?? NO_ITEM, at);
        break;
      case "p":
        this.estimator.progressed(item, x, at);
        break;
      case "d":
        this.estimator.ended(item, "completed", at);
        break;
      case "h":
        this.estimator.ended(item, "cached", at);
        break;
      case "f":
        this.estimator.ended(item, x === 1 ? "failed" : "retried", at);
        break;
      case "c":
        this.#workers = x;
        this.#run(at);
        break;
      case "P":
      case "R":
        this.#isPaused = code === "P";
        this.#run(at);
        break;
    }
  }

  predict(at: number): Prediction | null {
    return this.estimator.estimate(at).estimate;
  }

  #run(at: number): void {
    this.estimator.run({ workers: this.#workers, isPaused: this.#isPaused }, at);
  }
}

export function milepost(name: string, historyOf: (trace: Trace) => History | null = () => null): Method {
  return { name, source: "docs/estimates.md", start: (trace) => new Milepost(trace, historyOf(trace)) };
}

/** What `earlier` batches, run one after the other and looked at 200 times each, teach. */
export function historyFrom(earlier: readonly Trace[]): History | null {
  let history: History | null = null;
  for (const trace of earlier) {
    const player = new Milepost(trace, history);
    const end = trace.events.at(-1)?.at ?? 0;
    let look = 0;
    for (const event of trace.events) {
      for (; (look / 200) * end < event.at; look++) player.predict((look / 200) * end);
      player.on(event);
    }
    history = player.estimator.learn(end);
  }
  return history;
}
