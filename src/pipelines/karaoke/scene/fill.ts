import type { PageLayout, PlacedToken, Row } from "./layout.ts";
import { toEven } from "./pixels.ts";
import { fractionAt, type Moment } from "./timeline.ts";

/** Pixels of a row's box that show the sung colour: even, disjoint, from left to right. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What of a row is sung at a time. */
export function sungSpans(row: Row, timeMs: number): readonly Span[] {
  const spans: Span[] = [];
  for (const token of row.tokens) {
    const span = sungOf(token, timeMs);
    const last = spans.at(-1);
    if (span === null) continue;
    if (last?.to === span.from) spans[spans.length - 1] = { from: last.from, to: span.to };
    else spans.push(span);
  }
  return spans;
}

/** Equal keys, equal pictures: what a page shows of its words and dots. A countdown counts, and so does each pixel of filling. */
export function frameKeyOf(moment: Moment | null, spans: readonly (readonly Span[])[]): string {
  if (moment === null) return "";
  const { page, opacity, countdown } = moment;
  const sung = spans.map((ofRow) => ofRow.map(({ from, to }) => `${from}-${to}`).join()).join(";");
  return `${page.index}/${opacity}/${countdown === null ? "" : `${countdown.line}.${countdown.left}`}/${sung}`;
}

/** The spans of all rows of a page. */
export function spansOf(layout: PageLayout, timeMs: number): readonly (readonly Span[])[] {
  return layout.rows.map((row) => sungSpans(row, timeMs));
}

/** Whole steps of two pixels, as the colours of H.264 pictures have half their resolution. */
function sungOf(token: PlacedToken, timeMs: number): Span | null {
  const { segments, left, width, direction } = token;
  let filled = 0;
  let isBegun = false;
  for (const { from, to, startMs, endMs } of segments) {
    const fraction = fractionAt(timeMs, startMs, endMs);
    if (timeMs >= startMs) isBegun = true;
    if (fraction > 0) filled = Math.max(filled, from + (to - from) * fraction);
  }
  const cellFrom = toEven(token.cellLeft);
  const cellTo = toEven(token.cellRight);
  if (!isBegun || filled <= 0) return null;
  if (filled >= width - 0.01) return { from: cellFrom, to: cellTo };
  const span =
    direction === "ltr"
      ? { from: cellFrom, to: Math.min(cellTo, toEven(left + filled)) }
      : { from: Math.max(cellFrom, toEven(left + width - filled)), to: cellTo };
  return span.to > span.from ? span : null;
}
