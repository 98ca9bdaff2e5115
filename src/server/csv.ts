import type { ItemSnapshot } from "../core/item.ts";

const COLUMNS = [
  "id",
  "key",
  "state",
  "stage",
  "fraction",
  "attempts",
  "crashes",
  "priority",
  "size",
  "kind",
  "startedAt",
  "endedAt",
  "errorCode",
  "errorMessage",
  "name",
] as const;

type Row = Readonly<Record<(typeof COLUMNS)[number], string | number | Date | null>>;

/** The first line of a table of items. */
export const CSV_HEADER = `${COLUMNS.join(",")}\r\n`;

/**
 * One item as a line of CSV (RFC 4180). A text that a spreadsheet would run as a formula gets `'` before it
 * (OWASP ASVS 1.2.10).
 */
export function toCsvLine(item: ItemSnapshot): string {
  const row: Row = {
    ...item,
    stage: item.progress.stage,
    errorCode: item.error?.code ?? null,
    errorMessage: item.error?.message ?? null,
  };
  return `${COLUMNS.map((column) => toCell(row[column])).join(",")}\r\n`;
}

function toCell(value: string | number | Date | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  if (value instanceof Date) return value.toISOString();
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
