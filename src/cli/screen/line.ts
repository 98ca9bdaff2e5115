import { styleText } from "node:util";
import { displayWidth, truncate } from "../../format/width.ts";

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** A stretch of text in one style. The text is escaped already. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export type Line = readonly Span[];

export function span(text: string, style?: Style): Span {
  return style === undefined ? { text } : { text, style };
}

/** Writes a line in at most `columns` columns; with `isColored`, in its styles. */
export function paint(line: Line, columns: number, isColored: boolean): string {
  let room = columns;
  let painted = "";
  for (const { text, style } of line) {
    const fitting = truncate(text, room);
    room -= displayWidth(fitting);
    painted +=
      isColored && style !== undefined && fitting !== ""
        ? styleText(style, fitting, { validateStream: false })
        : fitting;
    if (fitting !== text) break;
  }
  return painted;
}
