/**
 * Every number that the estimator brings along: what work is usually like, before a batch or a history says otherwise.
 * `npm run bench -- eta --constants` halves and doubles each, and chooses each on all sorts of work but the one that is judged.
 * Variances are of natural logarithms of seconds.
 *
 * "Without: .211" in these files is the error over 10–75 % of a first run on the recorded batches without a mechanism, where all of
 * it has .157; "later" is with one earlier batch, where all has .129. `npm run bench -- eta` measures them.
 */
export const CONSTANTS = {
  /** What is usual counts as much as so many items of evidence. */
  usualItems: 3,
  /** Seconds grow with size to this power; recorded work ran from 0 to 1.2. */
  slope: 0.5,
  slopeVariance: 0.3 ** 2,
  /** How far the line of log seconds over log size bends at each place where it can. */
  bendVariance: 0.4,
  kindVariance: 0.4 ** 2,
  /** Single items around their place. */
  noise: 0.2,
  /** An item's pace around its reports, at its start. */
  paceVariance: 0.5 ** 2,
  /** How much longer items take that started cold; how far the batches lie apart in that, and the items of a batch. */
  cold: 0.3,
  coldVariance: 0.25,
  /** Weight of an unfinished item that runs longer than expected, against one that ended. */
  outlivedWeight: 1,
  /** Chance and size of a jump of the level within a batch. */
  jumpChance: 0.1,
  jumpVariance: 0.2,
  /** What may still happen to the level before the end. */
  futureVariance: 0.05,
  /** The last items, placed one by one. */
  tailItems: 48,
  /** Weight of a scenario: (elapsed + left) to minus this power. */
  lengthPower: 1,
  /** The shown finish follows when it is off by more than this share of the range's width. */
  slack: 1 / 8,
  /** How much the looks at a batch so far say of how wide its ranges must be, against what is usual. */
  ownWidth: 1,
  /** Between two batches: variance of the level, of each place, share of the evidence that stays. */
  historyLevel: 0.3 ** 2,
  historyChange: 0.05,
  historyKept: 0.7,
};
