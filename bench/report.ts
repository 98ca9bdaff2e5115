import type { Run } from "./case.ts";
import type { Machine } from "./machine.ts";
import { type Summary, summaryOf } from "./summary.ts";
import { renderTable, type Table } from "./table.ts";

/** What `--json` prints, of every bench. Ratios are medians over the rounds, each of two sides of one round. */
export interface Report {
  readonly bench: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, number | string>>;
  /** What could not be measured, and why. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly runs: readonly Run[];
  readonly ratios: Readonly<Record<string, number>>;
  /** Median, minimum and maximum of the same. */
  readonly ratioSpreads: Readonly<Record<string, Summary>>;
}

export type ReportStyle = "json" | "markdown" | "text";

/** Ratios by name: those of all rounds in which both sides were measured; names without any are left out. */
export function ratiosOf(ratios: Readonly<Record<string, readonly number[]>>): Pick<Report, "ratios" | "ratioSpreads"> {
  const found = Object.entries(ratios).filter(([, values]) => values.length > 0);
  const spreads = found.map(([name, values]) => [name, summaryOf(values)] as const);
  return {
    ratios: Object.fromEntries(spreads.map(([name, spread]) => [name, spread.median])),
    ratioSpreads: Object.fromEntries(spreads),
  };
}

/** The report as it goes to stdout. */
export function renderReport(report: Report, tables: readonly Table[], style: ReportStyle): string {
  if (style === "json") return `${JSON.stringify(report)}\n`;
  const { machine, versions, settings, skipped } = report;
  const list = (facts: object): string =>
    Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  const memoryGb = (machine.memoryBytes / 2 ** 30).toFixed(0);
  const facts = [
    `${machine.processor}, ${machine.cores} cores, ${memoryGb} GB, ${machine.system}, load before ${machine.loadBefore.toFixed(2)}`,
    list(versions),
    list(settings),
    ...Object.entries(skipped).map(([name, reason]) => `not measured: ${name}: ${reason}`),
  ];
  const prefix = style === "markdown" ? "- " : "";
  const head = facts.map((fact) => `${prefix}${fact}\n`).join("");
  return [head, ...tables.map((table) => renderTable(table, style))].join("\n");
}

export function toStyle(flags: { readonly json: boolean; readonly markdown: boolean }): ReportStyle {
  if (flags.json) return "json";
  return flags.markdown ? "markdown" : "text";
}
