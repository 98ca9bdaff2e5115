import type { Trace, TraceEvent } from "./trace.ts";

/** Seconds left; the range only where the estimator gives one. */
export interface Prediction {
  readonly median: number;
  readonly low?: number;
  readonly high?: number;
}

/** One way of guessing the time left, fed event by event as a batch goes on. */
export interface Predictor {
  on(event: TraceEvent): void;
  /** Null while it has no answer. */
  predict(at: number): Prediction | null;
}

export interface Method {
  readonly name: string;
  /** Where its formula was published. */
  readonly source: string;
  start(trace: Trace): Predictor;
}
