import { CONSTANTS } from "../../src/core/estimator/constants.ts";
import { overGroups, score } from "./metrics.ts";
import { milepost } from "./ours.ts";
import { middleOf } from "./report.ts";
import type { Trace } from "./trace.ts";
import { type Constant, withConstants } from "./variants.ts";

const FACTORS = [0.5, 1, 2] as const;

export interface ConstantCheck {
  readonly constant: Constant;
  /** Error over 10–75 % of a first run with half the value, the value, twice the value. */
  readonly errors: readonly number[];
  /** Each group judged with the factor that is best on the other groups. */
  readonly chosenOnOthers: number;
}

/** Asks of every constant of a first run what it is worth, and whether choosing it on other groups would have been better. */
export function checkConstants(traces: readonly Trace[]): ConstantCheck[] {
  const names = (Object.keys(CONSTANTS) as Constant[]).filter((name) => !/^(history|contention)/.test(name));
  const usual = traces.map((trace) => score(trace, milepost("")));
  const groups = [...new Set(traces.map(({ group }) => group))];
  return names.map((constant) => {
    const runs = FACTORS.map((factor) =>
      factor === 1
        ? usual
        : withConstants({ [constant]: CONSTANTS[constant] * factor }, () =>
            traces.map((trace) => score(trace, milepost(""))),
          ),
    );
    const held = groups.map((left) => {
      const errorOn = (isLeft: boolean) => (run: typeof usual) =>
        overGroups(
          run.filter(({ group }) => (group === left) === isLeft),
          middleOf,
        );
      const best = runs.toSorted((a, b) => errorOn(false)(a) - errorOn(false)(b))[0] ?? usual;
      return errorOn(true)(best);
    });
    return {
      constant,
      errors: runs.map((run) => overGroups(run, middleOf)),
      chosenOnOthers: held.reduce((sum, error) => sum + error, 0) / held.length,
    };
  });
}
