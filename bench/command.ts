/**
 * `milepost run command` beside GNU parallel and xargs, whole commands from their start to their end, in turn: the program `true`
 * for each item, so that what is measured is what each of them adds. xargs records nothing and is the limit; parallel keeps a
 * job log, which it needs to go on after a crash. One that is not on the machine is named and skipped.
 *
 *   npm run bench -- command [--items 2k] [--rounds 5] [--jobs 2] [--json | --markdown]
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Run } from "./case.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { names } from "./names.ts";
import { toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import { type ByRound, combine, figureByRound } from "./runs.ts";
import { summaryOf } from "./summary.ts";
import { showSpread } from "./table.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "2k" },
    rounds: { type: "string", default: "5" },
    jobs: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  items: toCount("items", values.items),
  rounds: toCount("rounds", values.rounds),
  jobs: toCount("jobs", values.jobs),
};

using workshop = new Workshop();
const list = workshop.path("items.txt");
const store = workshop.path("command.db");
const log = workshop.path("joblog.txt");
const jobs = String(settings.jobs);
const cli = [workshop.path("src/cli/main.js"), "run", "command", "true", "--from-file", list, "--store", store];
const SIDES: Readonly<Record<string, readonly string[]>> = {
  milepost: [process.execPath, ...cli, "--concurrency", jobs],
  parallel: ["parallel", "--will-cite", "-j", jobs, "--joblog", log, "-a", list, "true"],
  xargs: ["xargs", "-a", list, "-P", jobs, "-n", "1", "true"],
};

/** Milliseconds of a whole command. @throws {Error} if it fails; it has said why on stderr. */
function timeOf(side: string, [program = "", ...args]: readonly string[]): number {
  const startedAt = performance.now();
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${side} ended with status ${status}`, { cause: error });
  return performance.now() - startedAt;
}

writeFileSync(list, [...names(settings.items), ""].join("\n"));
const isThere = (program = ""): boolean => spawnSync(program, ["--version"]).error === undefined;
const missing = Object.entries(SIDES).filter(([, [program]]) => !isThere(program));
const runs: Run[] = [];
for (let round = 0; round < settings.rounds; round++) {
  for (const [side, command] of Object.entries(SIDES)) {
    if (missing.some(([name]) => name === side)) continue;
    const figures = { ms: timeOf(side, command) };
    runs.push({ case: "command", side, round, settings: { items: settings.items, jobs: settings.jobs }, figures });
    process.stderr.write(`round ${round + 1}: ${side} ${JSON.stringify(figures)}\n`);
  }
  workshop.removeStore(store);
}
const ms = (side: string): ByRound => figureByRound(runs, { case: "command", side }, "ms");
const over = (side: string): readonly number[] => [...combine(ms(side), ms("milepost"), (a, b) => a / b).values()];
const ratios = ratiosOf({ rateToParallel: over("parallel"), rateToXargs: over("xargs") });
const table = {
  title: `\`true\` for ${settings.items} items, ${jobs} at once: median (min–max)`,
  columns: ["", "ms", "Milepost's rate ÷ its rate"],
  rows: Object.keys(SIDES).flatMap((side) => {
    const times = [...ms(side).values()];
    return times.length === 0 ? [] : [[side, showSpread(summaryOf(times), 0), showSpread(summaryOf(over(side)), 2)]];
  }),
};
const skipped = Object.fromEntries(missing.map(([name, [program]]) => [name, `no program ${program} on this machine`]));
const report = {
  bench: "command",
  machine: machineFacts(),
  versions: versionFacts(),
  settings,
  skipped,
  runs,
  ...ratios,
};
process.stdout.write(renderReport(report, [table], toStyle(values)));
