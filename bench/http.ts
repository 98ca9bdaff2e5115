/**
 * What the server costs over a bare one, each side in a fresh process with the load from another, in turn. bench/README.md says why
 * the two sides are comparable.
 *
 *   npm run bench -- http [--only status] [--rounds 5] [--seconds 3] [--connections 50] [--json | --markdown]
 */
import { parseArgs } from "node:util";
import type { Run } from "./case.ts";
import { measureStatus, statusRatios, statusTable } from "./http/status.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toChoice, toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import type { Table } from "./table.ts";
import { Workshop } from "./workshop.ts";

const PARTS = ["status"] as const;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "50" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const parts = toChoice("only", values.only, PARTS);
const settings = {
  rounds: toCount("rounds", values.rounds),
  seconds: toCount("seconds", values.seconds),
  connections: toCount("connections", values.connections),
};

using workshop = new Workshop();
const runs: Run[] = [];
const tables: Table[] = [];
let ratios: ReturnType<typeof ratiosOf> = { ratios: {}, ratioSpreads: {} };
if (parts.has("status")) {
  runs.push(...(await measureStatus(workshop, settings)));
  ratios = ratiosOf(statusRatios(runs));
  tables.push(statusTable(runs, ratios.ratioSpreads));
}
const report = {
  bench: "http",
  machine: machineFacts(),
  versions: versionFacts(),
  settings,
  skipped: {},
  runs,
  ...ratios,
};
process.stdout.write(renderReport(report, tables, toStyle(values)));
