import type { PlacedToken, TimedToken } from "./layout.ts";
import { toEven } from "./pixels.ts";
import type { Direction } from "./tokens.ts";

/** The width of a text at a font's size, both in pixels. */
export type Measure = (text: string, fontSize: number) => number;

export interface RowSettings {
  /** Of the picture. */
  readonly width: number;
  /** Part of the width that stays free at either side. */
  readonly margin: number;
  readonly align: "start" | "center" | "end";
  /** Width of a space. */
  readonly space: number;
  readonly outline: number;
}

/** Puts the tokens of a row beside each other, in the order in which they are seen, and the row in its place. */
export function placeRow(
  row: { readonly direction: Direction; readonly tokens: readonly TimedToken[] },
  settings: RowSettings,
): { readonly left: number; readonly width: number; readonly tokens: readonly PlacedToken[] } {
  const seen = toSeenOrder(row.tokens, row.direction);
  const gaps = seen.map((timed, index) => {
    const before = seen[index - 1];
    return before !== undefined && (timed.gapBefore || before.gapAfter) ? settings.space : 0;
  });
  const lettersWidth = seen.reduce((sum, { timed }, index) => sum + (gaps[index] ?? 0) + timed.width, 0);
  const x = startOf(lettersWidth, row.direction, settings);
  // Letters may reach a little beyond their own width.
  const pad = settings.outline + settings.space / 2;
  const left = toEven(Math.max(0, x - pad));
  const right = Math.min(toEven(settings.width), toEven(x + lettersWidth + pad + 1));
  let at = x - left;
  const lefts = seen.map(({ timed }, index) => {
    const tokenLeft = at + (gaps[index] ?? 0);
    at = tokenLeft + timed.width;
    return tokenLeft;
  });
  const tokens = seen.map(({ timed }, index) => ({
    text: timed.token.text,
    direction: timed.token.direction,
    left: lefts[index] ?? 0,
    width: timed.width,
    segments: timed.segments,
    cellLeft: index === 0 ? 0 : (lefts[index] ?? 0) - (gaps[index] ?? 0) / 2,
    cellRight:
      index === seen.length - 1 ? right - left : (lefts[index] ?? 0) + timed.width + (gaps[index + 1] ?? 0) / 2,
  }));
  return { left, width: Math.max(2, right - left), tokens };
}

function startOf(width: number, direction: Direction, settings: RowSettings): number {
  const margin = settings.width * settings.margin + settings.outline;
  const { align } = settings;
  if (align === "center") return (settings.width - width) / 2;
  const isLeft = (align === "start") === (direction === "ltr");
  return isLeft ? margin : settings.width - margin - width;
}

interface Seen {
  readonly timed: TimedToken;
  /** Whether a space stands to its left or its right. */
  readonly gapBefore: boolean;
  readonly gapAfter: boolean;
}

/**
 * From the order in which tokens are sung to that from left to right: runs of one direction stand in the line's direction, and
 * each run in its own (the reordering of the Unicode bidirectional algorithm for two levels, word by word).
 */
function toSeenOrder(tokens: readonly TimedToken[], direction: Direction): readonly Seen[] {
  const runs: { readonly direction: Direction; readonly tokens: TimedToken[] }[] = [];
  for (const timed of tokens) {
    const run = runs.at(-1);
    if (run?.direction === timed.token.direction) run.tokens.push(timed);
    else runs.push({ direction: timed.token.direction, tokens: [timed] });
  }
  const ordered = direction === "rtl" ? runs.toReversed() : runs;
  return ordered.flatMap((run) => {
    const isRtl = run.direction === "rtl";
    const seen = isRtl ? run.tokens.toReversed() : run.tokens;
    return seen.map((timed) => {
      const { isSpaced } = timed.token;
      const follower = tokens[tokens.indexOf(timed) + 1];
      const isFollowedBySpace = follower?.token.isSpaced === true;
      return {
        timed,
        gapBefore: isRtl ? isFollowedBySpace : isSpaced,
        gapAfter: isRtl ? isSpaced : isFollowedBySpace,
      };
    });
  });
}
