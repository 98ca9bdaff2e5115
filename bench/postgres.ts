/**
 * What the engine costs on PostgreSQL beside `pg` making the same row changes by hand, in turn A B A B, with the same number of
 * worker processes. bench/README.md says what is measured and how to read it.
 *
 *   npm run bench -- postgres [--items 100k] [--rounds 3] [--workers 2] [--concurrency 100] [--json | --markdown]
 */
import { parseArgs } from "node:util";
import type { Run } from "./case.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toCount } from "./options.ts";
import { startPostgres } from "./peers/postgres.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import { type ByRound, combine, figureByRound } from "./runs.ts";
import { summaryOf } from "./summary.ts";
import { showSpread } from "./table.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "100k" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    concurrency: { type: "string", default: "100" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  items: toCount("items", values.items),
  rounds: toCount("rounds", values.rounds),
  workers: toCount("workers", values.workers),
  concurrency: toCount("concurrency", values.concurrency),
};
const SIDES = { milepost: ["create", "drain"], raw: ["raw-create", "raw-drain"] } as const;
const CASES = ["create", "drain"] as const;

using workshop = new Workshop();
const server = await startPostgres();
const runs: Run[] = [];
try {
  for (let round = 0; round < settings.rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${settings.rounds}\n`);
    for (const [side, modules] of Object.entries(SIDES)) await measureLife(side, modules, round);
  }
} finally {
  await server.stop();
}

async function measureLife(side: string, modules: readonly [string, string], round: number): Promise<void> {
  const { items, workers, concurrency } = settings;
  const input = { location: server.location, schema: `bench_${side}_${round}`, items, workers, concurrency };
  for (const [index, module] of modules.entries()) {
    const figures = await workshop.measure(`postgres/${module}`, input);
    const name = CASES[index] ?? module;
    runs.push({ case: name, side, round, settings: { items, workers, concurrency }, figures });
    process.stderr.write(`  ${side} ${name}: ${JSON.stringify(figures)}\n`);
  }
}

const divide = (a: number, b: number): number => a / b;
const msOf = (name: string, side: string): ByRound => {
  if (name !== "life") return figureByRound(runs, { case: name, side }, "ms");
  return combine(msOf("create", side), msOf("drain", side), (create, drain) => create + drain);
};
const toRaw = (name: string): readonly number[] => [
  ...combine(msOf(name, "raw"), msOf(name, "milepost"), divide).values(),
];
const ratios = ratiosOf({ createToRaw: toRaw("create"), drainToRaw: toRaw("drain"), lifeToRaw: toRaw("life") });
const rates = (name: string, side: string): string =>
  showSpread(summaryOf([...msOf(name, side).values()].map((ms) => settings.items / ms)), 1);
const table = {
  title: `${settings.items} items that do nothing, ${settings.workers} worker processes, thousands a second: median (min–max)`,
  columns: ["", "Milepost", "raw pg, chunks of 1,000", "÷ raw"],
  rows: [...CASES, "life"].map((name) => [
    name === "life" ? "whole life" : name,
    rates(name, "milepost"),
    rates(name, "raw"),
    showSpread(summaryOf(toRaw(name)), 2),
  ]),
};
const report = {
  bench: "postgres",
  machine: machineFacts(),
  versions: { ...versionFacts(), server: server.about },
  settings,
  skipped: {},
  runs,
  ...ratios,
};
process.stdout.write(renderReport(report, [table], toStyle(values)));
