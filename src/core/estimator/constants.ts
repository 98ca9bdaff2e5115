/**
 * Every number that the estimator brings along, in one table: what work is usually like, before a batch or a history
 * says otherwise. `npm run bench -- eta --constants` halves and doubles each of them, and chooses each on all groups of
 * traces but one to be judged on that one. Variances are of natural logarithms of seconds.
 */
export const CONSTANTS = {
  /** Seconds grow with size to this power; recorded work ran from 0.24 to 1. */
  slope: 0.6,
  slopeVariance: 0.22 ** 2,
  /** The level of work that was never seen: as good as unknown. */
  levelVariance: 12 ** 2,
  /** How far the line of log seconds over log size may bend, and over what distance of log size (4 octaves). */
  bendVariance: 0.3,
  bendLength: 3,
  /** Offsets of kinds. */
  kindVariance: 0.4 ** 2,
  /** Single items around their place, worth `noiseItems` items. */
  noise: 0.6 ** 2,
  noiseItems: 3,
  /** Items of evidence before the log-normal's mean gives way to the observed one. */
  liftItems: 5,
  /** Deviation of an item's pace from the usual at its start, worth `paceItems` items. */
  paceVariance: 0.5 ** 2,
  paceItems: 3,
  /** Reports are taken at their word until about this many items have shown otherwise. */
  curveItems: 1,
  /** Size of a jump of the level within a batch. */
  jumpVariance: 0.2,
  /** What may still happen to the level before the end. */
  futureVariance: 0.05,
  /** Items without a failure, and without a hit in the cache, that are counted in before the first. */
  failureItems: 2,
  cacheItems: 2,
  /** The last items of each worker that are placed one by one. */
  tailItems: 3,
  /** Weight of a scenario: (elapsed + left) to minus this power; 1 by the argument in estimate.ts. */
  lengthPower: 1,
  /** The shown finish follows when it is off by this share of the range's width. */
  slack: 0.1,
  /** Of a history: how batches differ in level (worth `historyBatches` batches), slope, bend and kinds. */
  historyVariance: 0.3 ** 2,
  historyBatches: 2,
  historySlopeVariance: 0.1 ** 2,
  historyBendVariance: 0.05,
  historyKindVariance: 0.05,
  historyNoiseItems: 20,
  /** c times the workers make an item c to this power slower; and how uncertain that power is. */
  contention: 0.5,
  contentionVariance: 0.3 ** 2,
};
