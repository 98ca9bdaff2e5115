import { meanOf, score } from "./metrics.ts";
import { historyFrom, milepost } from "./ours.ts";
import { SeededChance } from "./random.ts";
import { reschedule } from "./synthetic.ts";
import type { Trace } from "./trace.ts";

const BATCHES = 6;
const JUDGED = 4;

/** Coverage of the 80 % range per sort of work once six batches of it were learned from, and their mean. */
export function coverageAfterSix(traces: readonly Trace[]): {
  readonly each: Readonly<Record<string, number>>;
  readonly mean: number;
} {
  const each: Record<string, number> = {};
  for (const trace of traces.filter(({ items }) => items.length >= 60)) {
    const chance = new SeededChance(trace.items.length);
    const batches = Array.from({ length: BATCHES + JUDGED }, () =>
      reschedule(trace, { workers: 1 + chance.below(4), share: 0.5, chance }),
    ).filter((batch) => batch !== null);
    if (batches.length < BATCHES + JUDGED) continue;
    const history = historyFrom(batches.slice(0, BATCHES));
    const scores = batches.slice(BATCHES).map((batch) =>
      score(
        batch,
        milepost("", () => history),
      ),
    );
    each[trace.name] = meanOf(scores.flatMap(({ covered }) => covered.map(Number)));
  }
  return { each, mean: meanOf(Object.values(each)) };
}
