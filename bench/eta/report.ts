import { FRACTIONS, meanOf, medianOf, overGroups, type Score } from "./metrics.ts";

/** One line of the table of a method over a set of traces. */
export interface Summary {
  readonly method: string;
  readonly errors: readonly number[];
  /** Mean error at 10, 25, 50 and 75 %. */
  readonly middle: number;
  readonly coverage: number | null;
  readonly width: number | null;
  readonly jump: number;
  readonly reversals: number;
  readonly usefulFrom: number;
  readonly broken: number;
}

export const middleOf = (score: Score): number => meanOf(score.errors.slice(1, 5));

export function summarise(method: string, scores: readonly Score[]): Summary {
  const covered = scores.flatMap((score) => score.covered.map(Number));
  return {
    method,
    errors: FRACTIONS.map((_, index) => overGroups(scores, ({ errors }) => errors[index] ?? 1)),
    middle: overGroups(scores, middleOf),
    coverage: covered.length === 0 ? null : meanOf(covered),
    width: covered.length === 0 ? null : meanOf(scores.flatMap(({ widths }) => widths)),
    jump: overGroups(scores, ({ jump }) => jump),
    reversals: medianOf(scores.map(({ reversals }) => reversals)),
    usefulFrom: overGroups(scores, ({ usefulFrom }) => usefulFrom),
    broken: scores.reduce((sum, { broken }) => sum + broken, 0),
  };
}

export function tableOf(summaries: readonly Summary[]): string {
  const share = (value: number | null): string => (value === null ? "none" : value.toFixed(2).replace(/^0/, ""));
  const head = `${"".padEnd(28)}   5 %  10 %  25 %  50 %  75 %  90 %  10–75 %  covered  width  jump  turns  useful  broken`;
  const lines = summaries.map((line) =>
    [
      line.method.padEnd(28),
      line.errors.map((error) => share(error).padStart(6)).join(""),
      line.middle.toFixed(3).replace(/^0/, "").padStart(9),
      share(line.coverage).padStart(9),
      share(line.width).padStart(7),
      line.jump.toFixed(1).padStart(6),
      line.reversals.toFixed(0).padStart(7),
      share(line.usefulFrom).padStart(8),
      String(line.broken).padStart(8),
    ].join(""),
  );
  return [head, ...lines].join("\n");
}

/** Mean error over 10–75 % of each group. */
export function groupTableOf(rows: readonly { readonly method: string; readonly scores: readonly Score[] }[]): string {
  const groups = [...new Set(rows.flatMap(({ scores }) => scores.map(({ group }) => group)))];
  const width = Math.max(28, ...groups.map((group) => group.length + 2));
  const columns = rows.map(({ method, scores }) => ({ method, by: Map.groupBy(scores, ({ group }) => group) }));
  const head = `${"".padEnd(width)}${columns.map(({ method }) => method.padStart(Math.max(10, method.length + 2))).join("")}`;
  const lines = groups.map((group) => {
    const cells = columns.map(({ method, by }) =>
      meanOf((by.get(group) ?? []).map(middleOf))
        .toFixed(3)
        .replace(/^0/, "")
        .padStart(Math.max(10, method.length + 2)),
    );
    return `${group.padEnd(width)}${cells.join("")}`;
  });
  return [head, ...lines].join("\n");
}
