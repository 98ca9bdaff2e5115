import type { Summary } from "./summary.ts";

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** In columns, the first to the left, numbers to the right. */
export function renderTable(table: Table, style: "markdown" | "text"): string {
  const { title, columns, rows } = table;
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const cells = (row: readonly string[]): readonly string[] =>
    widths.map((width, index) => (index === 0 ? (row[index] ?? "").padEnd(width) : (row[index] ?? "").padStart(width)));
  const lines = [columns, ...rows].map(cells);
  if (style === "text") return `${title}\n${lines.map((line) => `  ${line.join("  ").trimEnd()}\n`).join("")}`;
  const rule = widths.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  lines.splice(1, 0, rule);
  return `### ${title}\n\n${lines.map((line) => `| ${line.join(" | ")} |\n`).join("")}`;
}

/** `median (min–max)`, or a dash where nothing was measured. */
export function showSpread(spread: Summary, digits: number): string {
  if (Number.isNaN(spread.median)) return "–";
  const { median, min, max } = spread;
  return `${showNumber(median, digits)} (${showNumber(min, digits)}–${showNumber(max, digits)})`;
}

export function showNumber(value: number, digits: number): string {
  return Number.isNaN(value)
    ? "–"
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
