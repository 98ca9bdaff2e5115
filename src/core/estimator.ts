/** Remaining time of a batch in seconds. */
export interface Estimate {
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** When the median falls due. */
  readonly finishAt: Date;
}

/** Recording an item takes this long however short its work is. */
const RECORDING_SECONDS = 10e-6;

/**
 * Mean time of an ended item × items left / handlers that can work on them, with a range that narrows as items end.
 *
 * The range is the mean ± 1.28 standard errors of an exponential item time (its deviation equals its mean): wide while few
 * items have ended. Null, never 0, while nothing has ended or nobody works. It knows neither sizes nor history.
 */
export function estimateMean(facts: {
  readonly ended: number;
  readonly busyMs: number;
  readonly concurrency: number;
  /** Items left, those in flight counted by what is left of them. */
  readonly left: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}): Estimate | null {
  if (facts.ended === 0 || facts.concurrency === 0 || facts.left <= 0) return null;
  const perItem = facts.busyMs / facts.ended / 1_000;
  const lanes = Math.min(facts.concurrency, Math.max(1, Math.ceil(facts.left)));
  const median = Math.max(perItem / lanes, RECORDING_SECONDS) * facts.left;
  const spread = 1.28 * Math.sqrt(1 / facts.ended + 1 / Math.max(1, facts.left));
  return {
    low: median / (1 + spread),
    median,
    high: median * (1 + spread),
    finishAt: new Date(facts.now + median * 1_000),
  };
}
