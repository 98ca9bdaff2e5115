import type { Stage } from "./progress.ts";

/** What completed items spent in each of their stages. */
export interface StageTimes {
  readonly items: number;
  readonly seconds: Readonly<Record<string, number>>;
}

export const NO_STAGE_TIMES: StageTimes = { items: 0, seconds: {} };

/** The declared weights count as much as so many items. */
const DECLARED_ITEMS = 3;
/** Stages beyond these, and those of longer names, keep the weights that were declared. */
const STAGES_MAX = 16;
const NAME_MAX = 64;

/** Adds `weight` times what others spent. */
export function addStageTimes(to: StageTimes, from: StageTimes, weight = 1): StageTimes {
  const seconds = new Map(Object.entries(to.seconds));
  for (const [name, more] of Object.entries(from.seconds)) {
    const known = seconds.get(name);
    if (known === undefined && (seconds.size >= STAGES_MAX || name.length > NAME_MAX)) continue;
    seconds.set(name, (known ?? 0) + weight * more);
  }
  return { items: to.items + weight * from.items, seconds: Object.fromEntries(seconds) };
}

/**
 * The weights of a pipeline's stages for its next batch: shares of time as they were, with the declared ones as a prior. A batch
 * keeps the weights it was made with, so what it shows never goes back.
 */
export function learnedStages(declared: readonly Stage[], times: StageTimes): readonly Stage[] {
  const spent = declared.map(({ name }) => (Object.hasOwn(times.seconds, name) ? (times.seconds[name] ?? 0) : 0));
  const all = spent.reduce((sum, seconds) => sum + seconds, 0);
  if (!(all > 0) || spent.includes(0)) return declared;
  const weights = declared.reduce((sum, { weight }) => sum + weight, 0);
  const prior = (DECLARED_ITEMS * all) / times.items;
  return declared.map(({ name, weight }, index) => {
    const share = (prior * (weight / weights) + (spent[index] ?? 0)) / (prior + all);
    return { name, weight: Number(share.toPrecision(4)) };
  });
}
