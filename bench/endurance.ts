/**
 * Mixed load on one store for an hour: does memory stay where it was? Each minute's figures go to stderr. The ratio is the
 * median of the heap in use over the last quarter of the minutes / over the second quarter; the first warms up.
 *
 *   npm run bench -- endurance [--minutes 60] [--seed 1] [--between 50] [--json | --markdown]
 */
import { statSync } from "node:fs";
import { parseArgs } from "node:util";
import type { LoadInput } from "./endurance/load.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import { quantile } from "./summary.ts";
import { showNumber } from "./table.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    between: { type: "string", default: "50" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  minutes: toCount("minutes", values.minutes),
  seed: toCount("seed", values.seed),
  betweenMs: toCount("between", values.between),
};

using workshop = new Workshop();
const path = workshop.path("endurance.db");
const figures = await workshop.measure("endurance/load", { path, ...settings } satisfies LoadInput);
const storeBytes = statSync(path).size;
/** The median of a figure over the minutes of a quarter, 0 to 3. */
const quarter = (figure: string, number: number): number => {
  const minutes = Array.from({ length: settings.minutes }, (_, index) => index + 1);
  const inside = minutes.filter((minute) => Math.floor(((minute - 1) / settings.minutes) * 4) === number);
  return quantile(
    inside.map((minute) => figures[figure.replace("#", String(minute))] ?? Number.NaN),
    0.5,
  );
};
const ROWS = [
  ["heap in use, MB", "heap#Bytes", 1e6, 1],
  ["outside of the heap, MB", "external#Bytes", 1e6, 1],
  ["resident, MB", "rss#Bytes", 1e6, 0],
  ["timers and handles", "timers#", 1, 0],
] as const;
const table = {
  title: `${settings.minutes} minutes of mixed load: ${figures.batches} batches, ${figures.items} items; medians of quarters`,
  columns: ["", "first", "second", "third", "last", "last ÷ second"],
  rows: ROWS.map(([label, figure, unit, digits]) => [
    label,
    ...[0, 1, 2, 3].map((number) => showNumber(quarter(figure, number) / unit, digits)),
    showNumber(quarter(figure, 3) / quarter(figure, 1), 2),
  ]),
};
const report = {
  bench: "endurance",
  machine: machineFacts(),
  versions: versionFacts(),
  settings: { ...settings, storeBytes, findings: figures.findings ?? Number.NaN },
  skipped: {},
  runs: [{ case: "endurance", side: "milepost", round: 0, settings, figures }],
  ...ratiosOf({ heapGrowth: [quarter("heap#Bytes", 3) / quarter("heap#Bytes", 1)] }),
};
process.stdout.write(renderReport(report, [table], toStyle(values)));
