/**
 * What the server costs over a bare one, each side in a fresh process with the load from another, in turn. bench/README.md says why
 * the two sides are comparable.
 *
 *   npm run bench -- http [--only status,fan-out] [--rounds 5] [--seconds 3] [--connections 50] [--listeners 1000] [--json | --markdown]
 */
import { parseArgs } from "node:util";
import type { Run } from "./case.ts";
import { fanOutRatios, fanOutTable, measureFanOut } from "./http/fan-out.ts";
import { measureStatus, statusRatios, statusTable } from "./http/status.ts";
import { machineFacts, versionFacts } from "./machine.ts";
import { toChoice, toCount } from "./options.ts";
import { ratiosOf, renderReport, toStyle } from "./report.ts";
import type { Table } from "./table.ts";
import { Workshop } from "./workshop.ts";

const PARTS = ["status", "fan-out"] as const;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "50" },
    listeners: { type: "string", default: "1000" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});
const parts = toChoice("only", values.only, PARTS);
const settings = {
  rounds: toCount("rounds", values.rounds),
  seconds: toCount("seconds", values.seconds),
  connections: toCount("connections", values.connections),
  listeners: toCount("listeners", values.listeners),
};

using workshop = new Workshop();
const runs: Run[] = [];
const tables: Table[] = [];
const found: Record<string, readonly number[]> = {};
if (parts.has("status")) {
  const status = await measureStatus(workshop, settings);
  runs.push(...status);
  Object.assign(found, statusRatios(status));
  tables.push(statusTable(status, ratiosOf(found).ratioSpreads));
}
if (parts.has("fan-out")) {
  const fanOut = await measureFanOut(workshop, settings);
  runs.push(...fanOut);
  Object.assign(found, fanOutRatios(fanOut));
  tables.push(fanOutTable(fanOut, ratiosOf(found).ratioSpreads));
}
const report = {
  bench: "http",
  machine: machineFacts(),
  versions: versionFacts(),
  settings,
  skipped: {},
  runs,
  ...ratiosOf(found),
};
process.stdout.write(renderReport(report, tables, toStyle(values)));
