import type { Run } from "./case.ts";

/** One number for each round in which it was measured. */
export type ByRound = ReadonlyMap<number, number>;

/** One figure of all runs of a case by one side; of runs with `items` items alone, where that is given. */
export function figureByRound(
  runs: readonly Run[],
  wanted: { readonly case: string; readonly side: string; readonly items?: number },
  figure: string,
): ByRound {
  const found = runs.filter(
    (run) =>
      run.case === wanted.case &&
      run.side === wanted.side &&
      (wanted.items === undefined || run.settings.items === wanted.items),
  );
  return new Map(found.map((run) => [run.round, run.figures[figure] ?? Number.NaN]));
}

/** A number of each round that both have. */
export function combine(a: ByRound, b: ByRound, toNumber: (a: number, b: number) => number): ByRound {
  const both = [...a].flatMap(([round, ofA]) => {
    const ofB = b.get(round);
    return ofB === undefined ? [] : [[round, toNumber(ofA, ofB)] as const];
  });
  return new Map(both);
}

export function map(numbers: ByRound, toNumber: (number: number) => number): ByRound {
  return new Map([...numbers].map(([round, number]) => [round, toNumber(number)]));
}
