import { overGroups, type Score } from "./metrics.ts";
import { SeededChance } from "./random.ts";

const ROUNDS = 2_000;

/** How many times lower `ours` is than `theirs` in the mean over groups, and the 90 % interval over traces drawn again. */
export function ratioOf(
  theirs: readonly Score[],
  ours: readonly Score[],
  measureOf: (score: Score) => number,
): { readonly ratio: number; readonly low: number; readonly high: number } {
  const pairs = theirs.map((score, index) => ({ group: score.group, score, own: ours[index] ?? score }));
  const groups = [...Map.groupBy(pairs, ({ group }) => group).values()];
  const of = (drawn: typeof pairs): number =>
    overGroups(
      drawn.map(({ score }) => score),
      measureOf,
    ) /
    overGroups(
      drawn.map(({ own }) => own),
      measureOf,
    );
  const chance = new SeededChance(1);
  const ratios = Array.from({ length: ROUNDS }, () =>
    of(
      groups.flatMap((members) =>
        members.map(() => members[chance.below(members.length)] ?? members[0]).filter((pair) => pair !== undefined),
      ),
    ),
  ).toSorted((a, b) => a - b);
  return { ratio: of(pairs), low: ratios[ROUNDS * 0.05] ?? Number.NaN, high: ratios[ROUNDS * 0.95] ?? Number.NaN };
}
