/**
 * When a batch will end: the estimator, what it saves, and what it learns. How it works: docs/estimates.md.
 *
 * `BatchEstimator` is fed by events. Where several processes work one batch, each gathers `Statistics`, `merge` adds them up
 * and `estimateLeft` answers from the sums.
 */
export { type Answer, answerOf, type Estimate, type NoEstimateReason } from "./answer.ts";
export { BatchEstimator, type EstimatorState } from "./batch-estimator.ts";
export { estimateLeft, type Facts, type Prior, type Range } from "./estimate.ts";
export { emptyForecasts, type Forecasts, missedShare, note } from "./forecasts.ts";
export { type History, learn, priorOf } from "./history.ts";
export type { InFlight } from "./in-flight.ts";
export { estimateItem } from "./item-estimate.ts";
export { type Look, lookAt, type Running, type Standing } from "./look.ts";
export { merge } from "./merge.ts";
export { add, amongRivals, placeInQueue, type QueuePlace, type Rivals } from "./queue.ts";
export { addPart, type Forecast, fold, noteForecast, type Part, readHistory, readSaved, type Saved } from "./saved.ts";
export {
  clockAt,
  type Ended,
  emptyStatistics,
  noReports,
  noteReport,
  octaveOf,
  type ProgressReport,
  plan,
  recordEnd,
  type Sized,
  type Statistics,
  stepsReached,
  tick,
} from "./statistics.ts";
export { type Shown, steady } from "./steady.ts";
