/**
 * What the engine costs beside raw `node:sqlite` making the same row changes by hand, in turn A B A B, each measurement in a
 * process of its own. bench/README.md says what is measured and how to read it.
 *
 *   npm run bench -- engine [--items 1M] [--rounds 3] [--only create,drain,looks,start,beside,progress,growth] [--to 1M]
 *                           [--concurrency 100] [--samples 200] [--json | --markdown]
 */
import { parseArgs } from "node:util";
import { ratiosOfEngine, tablesOfEngine } from "./engine/report.ts";
import { ENGINE_PARTS, measureEngine } from "./engine/rounds.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toChoice, toCount } from "./options.ts";
import { renderReport, toStyle } from "./report.ts";
import { Workshop } from "./workshop.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "1M" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    to: { type: "string" },
    concurrency: { type: "string", default: "100" },
    samples: { type: "string", default: "200" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const settings = {
  items: toCount("items", values.items),
  rounds: toCount("rounds", values.rounds),
  concurrency: toCount("concurrency", values.concurrency),
  samples: toCount("samples", values.samples),
  growthTo: toCount("to", values.to ?? values.items),
};
const parts = toChoice("only", values.only, ENGINE_PARTS);

using workshop = new Workshop();
const runs = await measureEngine(workshop, parts, settings);
const report = {
  bench: "engine",
  machine: machineFacts(),
  versions: versionFacts(),
  settings,
  skipped: {},
  runs,
  ...ratiosOfEngine(runs),
};
process.stdout.write(renderReport(report, tablesOfEngine(runs, report), toStyle(values)));
