import type { Run } from "../case.ts";
import { type Report, ratiosOf } from "../report.ts";
import { type ByRound, combine, map } from "../runs.ts";
import { summaryOf } from "../summary.ts";
import { showNumber, showSpread, type Table } from "../table.ts";
import { FIELD, MILEPOST } from "./field.ts";
import { lifeMs } from "./rounds.ts";

const PARTS = { create: "createMs", drain: "drainMs", life: null } as const;
type Part = keyof typeof PARTS;

function msOf(runs: readonly Run[], side: string, part: Part): ByRound {
  const figure = PARTS[part];
  const found = runs.flatMap((run) => {
    const ms = figure === null ? lifeMs(run.figures) : run.figures[figure];
    return run.side === side && ms !== undefined ? [[run.round, ms] as const] : [];
  });
  return new Map(found);
}

/** `drainToBullmq` and so on: Milepost's rate / the peer's; higher is better. */
export function ratiosOfPeers(runs: readonly Run[]): Pick<Report, "ratios" | "ratioSpreads"> {
  const ratios: Record<string, readonly number[]> = {};
  for (const { name } of FIELD) {
    for (const part of Object.keys(PARTS) as Part[]) {
      const peer = msOf(runs, name, part);
      const ratio = combine(peer, msOf(runs, MILEPOST.name, part), (theirs, ours) => theirs / ours);
      ratios[`${part}To${name.charAt(0).toUpperCase()}${name.slice(1)}`] = [...ratio.values()];
    }
  }
  return ratiosOf(ratios);
}

export function tablesOfPeers(
  runs: readonly Run[],
  report: Pick<Report, "settings" | "ratioSpreads">,
): readonly Table[] {
  const items = Number(report.settings.items);
  const measured = [MILEPOST, ...FIELD].filter(({ name }) => runs.some((run) => run.side === name));
  const rate = (name: string, part: Part): string =>
    showSpread(summaryOf([...map(msOf(runs, name, part), (ms) => items / ms).values()]), 1);
  const ratio = (name: string, part: string): string => {
    const spread = report.ratioSpreads[`${part}To${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    return spread === undefined ? "–" : showSpread(spread, 1);
  };
  return [
    {
      title: `${showNumber(items, 0)} items that do nothing, thousands a second: median (min–max)`,
      columns: ["", "create", "drain", "whole life", "Milepost ÷ it: drain", "whole life"],
      rows: measured.map(({ name, label }) => [
        label,
        ...(["create", "drain", "life"] as const).map((part) => rate(name, part)),
        ...["drain", "life"].map((part) => ratio(name, part)),
      ]),
    },
  ];
}
