/**
 * When a batch will end: the estimator, what it saves, and what it learns. How it works: docs/estimates.md.
 *
 * `BatchEstimator` is fed by events. Where several processes work one batch, each gathers `Statistics`, `merge` adds them up
 * and `estimateLeft` answers from the sums.
 */
export {
  type Answer,
  BatchEstimator,
  type Estimate,
  type EstimatorState,
  type NoEstimateReason,
} from "./batch-estimator.ts";
export { estimateLeft, type Facts, type Prior, type Range } from "./estimate.ts";
export { emptyForecasts, type Forecasts, missedShare, note } from "./forecasts.ts";
export { type History, learn, priorOf } from "./history.ts";
export type { InFlight } from "./in-flight.ts";
export { estimateItem } from "./item-estimate.ts";
export { merge } from "./merge.ts";
export { placeInQueue, type QueuePlace } from "./queue.ts";
export {
  clockAt,
  type Ended,
  emptyStatistics,
  type ProgressReport,
  plan,
  recordEnd,
  type Sized,
  type Statistics,
  tick,
} from "./statistics.ts";
export { type Shown, steady } from "./steady.ts";
