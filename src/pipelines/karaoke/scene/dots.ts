import { toEven } from "./pixels.ts";
import type { Direction } from "./tokens.ts";

/** Parts of the font's size: a dot's radius, from one dot to the next, from the dots to the word that they count down to. */
const RADIUS = 0.16;
const STEP = 0.6;
const GAP = 0.3;
/** Parts of the font's size above the letters' baseline: the middle of dots before a row, and of those above it. */
const MIDDLE = 0.35;
const ABOVE = 1.5;
/** What a row that has its dots above it needs more of height, in parts of the font's size. */
export const DOTS_HEIGHT = 0.6;

/** Dots side by side, in pixels. */
export interface DotsSize {
  readonly width: number;
  readonly height: number;
  readonly radius: number;
  readonly step: number;
}

export function dotsSize(count: number, fontSize: number, outline: number): DotsSize {
  const [radius, step] = [RADIUS * fontSize, STEP * fontSize];
  const height = toEven(2 * (radius + outline) + 4);
  return { width: toEven((count - 1) * step + 2 * (radius + outline) + 4), height, radius, step };
}

/** Where a row stands from left to right. */
interface RowPlace {
  readonly direction: Direction;
  readonly left: number;
  readonly width: number;
}

interface Place {
  readonly fontSize: number;
  /** Of the picture. */
  readonly width: number;
}

/** True if all dots of a countdown stand before the row's first word: on its left, or of one that runs to the left on its right. */
export function isRoomBefore(row: RowPlace, all: Pick<DotsSize, "width">, { fontSize, width }: Place): boolean {
  const free = row.direction === "ltr" ? row.left : width - row.left - row.width;
  return free >= fontSize * GAP + all.width;
}

/** Before the row's first word, where all dots fit, else above the row. They go out one by one, those nearest the word last. */
export function placeDots(
  row: RowPlace & { readonly top: number; readonly baseline: number },
  { left, all }: { readonly left: Pick<DotsSize, "width" | "height">; readonly all: Pick<DotsSize, "width"> },
  place: Place,
): { readonly left: number; readonly top: number } {
  const { fontSize } = place;
  const topAt = (above: number): number =>
    toEven(Math.max(0, row.top + row.baseline - fontSize * above - left.height / 2));
  if (!isRoomBefore(row, all, place))
    return { left: toEven(Math.max(0, row.left + (row.width - left.width) / 2)), top: topAt(ABOVE) };
  const gap = fontSize * GAP;
  const start = row.direction === "ltr" ? row.left - gap - left.width : row.left + row.width + gap;
  return { left: toEven(start), top: topAt(MIDDLE) };
}
