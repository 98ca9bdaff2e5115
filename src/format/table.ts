import { displayWidth, pad, truncate, truncateMiddle } from "./width.ts";

export interface Column<Row> {
  readonly title: string;
  /** The cell's text, escaped already. */
  readonly cell: (row: Row) => string;
  readonly align?: "left" | "right";
  /** This column gives way where the table is wider than the terminal; its middle is cut out. */
  readonly isFlexible?: boolean;
}

/** Lines of a table: a title line, then one for each row, in columns two spaces apart. `columnsMax` null: any width. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  columnsMax: number | null,
): readonly string[] {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => column.cell(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => displayWidth(row[index] ?? ""))));
  const flexible = columns.findIndex((column) => column.isFlexible === true);
  const excess = columnsMax === null ? 0 : widths.reduce((sum, width) => sum + width + 2, -2) - columnsMax;
  if (excess > 0 && flexible >= 0) widths[flexible] = Math.max(8, (widths[flexible] ?? 0) - excess);
  return cells.map((row) => {
    const line = row.map((text, index) => {
      const width = widths[index] ?? 0;
      return pad(truncateMiddle(text, width), width, columns[index]?.align === "right" ? "left" : "right");
    });
    const text = line.join("  ").trimEnd();
    return columnsMax === null ? text : truncate(text, columnsMax);
  });
}
