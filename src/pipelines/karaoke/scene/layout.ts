import type { Word } from "../lyrics/lyrics.ts";
import { DOTS_HEIGHT, dotsSize, isRoomBefore } from "./dots.ts";
import { toEven } from "./pixels.ts";
import { type Measure, placeRow } from "./place-row.ts";
import type { Page } from "./timeline.ts";
import { cutToken, type Direction, graphemesOf, type Token, tokensOf } from "./tokens.ts";

/** All in pixels of the picture. */
export interface LayoutSettings {
  readonly width: number;
  readonly height: number;
  readonly fontSize: number;
  readonly outline: number;
  readonly position: "top" | "middle" | "bottom";
  readonly align: "start" | "center" | "end";
  readonly fill: "sweep" | "word";
}

/** Where everything of a page stands. */
export interface PageLayout {
  readonly page: Page;
  /** Smaller than asked for where the page would not fit. */
  readonly fontSize: number;
  readonly rows: readonly Row[];
}

/** A line, or a part of one that was wrapped. The box has even sides and holds all that is drawn, outlines too. */
export interface Row {
  /** By its place in the page. */
  readonly line: number;
  readonly direction: Direction;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Of the letters, below `top`. */
  readonly baseline: number;
  /** By their place from left to right. */
  readonly tokens: readonly PlacedToken[];
}

export interface PlacedToken {
  readonly text: string;
  readonly direction: Direction;
  /** Of the letters, inside the row's box. */
  readonly left: number;
  readonly width: number;
  /** What fills with the token, its share of the gaps to its neighbours too: the cells of a row cover its box. */
  readonly cellLeft: number;
  readonly cellRight: number;
  /** In the order in which they are sung. */
  readonly segments: readonly Segment[];
}

/** A part of a token that fills evenly: from and to are pixels from where reading begins. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Parts of the picture's sides. */
const MARGIN = 0.05;
/** Parts of the font's size. */
const LINE_HEIGHT = 1.45;
const ASCENT = 1.2;
const DESCENT = 0.5;
/** What does not fit is set so much smaller, again and again. */
const SHRINK = 0.9;
const FONT_MIN = 6;
/** Widths grow almost as sizes do: by this much may they differ. */
const EVENNESS = 0.8;

/** Sets a page: wraps what is too long, and sets it smaller if it is too high. */
export function layOut(page: Page, settings: LayoutSettings, measure: Measure): PageLayout {
  const widths = page.lines.map((line) =>
    tokensOf(line).tokens.reduce((sum, { text }) => sum + measure(text, settings.fontSize), 0),
  );
  const room = settings.height * (1 - 2 * MARGIN);
  for (let fontSize = settings.fontSize; ; fontSize *= SHRINK) {
    const scale = fontSize / settings.fontSize;
    const sized = { ...settings, fontSize, outline: settings.outline * scale };
    const isLast = fontSize * SHRINK < FONT_MIN;
    const rowHeight = LINE_HEIGHT * fontSize;
    // Thousands of words are not set again and again at sizes at which they cannot fit.
    const leastRows = widths.reduce((sum, width) => sum + Math.max(1, (width * scale) / roomOf(sized)), 0);
    if (leastRows * EVENNESS * rowHeight > room && !isLast) continue;
    const placed = placeRows(page, wrapLines(page, sized, measure), sized, measure);
    const height = placed.reduce((sum, { above }) => sum + above + rowHeight, 0);
    if (height <= room || isLast) return { page, fontSize, rows: stack(placed, height, sized) };
  }
}

/** The pixels that a row of words may take. */
function roomOf({ width, fontSize, outline }: LayoutSettings): number {
  return Math.max(fontSize, width * (1 - 2 * MARGIN) - 2 * outline);
}

interface WrappedRow {
  readonly line: number;
  readonly direction: Direction;
  readonly tokens: readonly TimedToken[];
}

/** A token with what is known of it before it has a place. */
export interface TimedToken {
  readonly token: Token;
  readonly width: number;
  readonly segments: readonly Segment[];
}

function wrapLines(page: Page, settings: LayoutSettings, measure: Measure): readonly WrappedRow[] {
  const { fontSize, fill } = settings;
  const room = roomOf(settings);
  const space = measure(" ", fontSize);
  return page.lines.flatMap((line, index) => {
    const { direction, tokens } = tokensOf(line);
    const fitting = tokens.flatMap((token) => cutToFit(token, { room, fontSize, measure }));
    const rows: { line: number; direction: Direction; tokens: TimedToken[] }[] = [];
    let used = 0;
    for (const timed of timeTokens(fitting, { fill, fontSize, measure })) {
      const gap = timed.token.isSpaced ? space : 0;
      const row = rows.at(-1);
      if (row !== undefined && used + gap + timed.width <= room) {
        row.tokens.push(timed);
        used += gap + timed.width;
      } else {
        rows.push({ line: index, direction, tokens: [timed] });
        used = timed.width;
      }
    }
    return rows;
  });
}

interface Fitting {
  readonly room: number;
  readonly fontSize: number;
  readonly measure: Measure;
}

/** Cuts what is longer than a whole row into pieces that are not. */
function cutToFit(token: Token, { room, fontSize, measure }: Fitting): readonly Token[] {
  const pieces: Token[] = [];
  let rest = token;
  while (measure(rest.text, fontSize) > room) {
    const graphemes = graphemesOf(rest.text);
    if (graphemes.length < 2) break;
    let low = 1;
    let high = graphemes.length - 1;
    // The longest beginning that fits, at least one grapheme.
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (measure(graphemes.slice(0, middle).join(""), fontSize) <= room) low = middle;
      else high = middle - 1;
    }
    const [first, second] = cutToken(rest, graphemes.slice(0, low).join("").length);
    pieces.push(first);
    rest = second;
  }
  return [...pieces, rest];
}

/** Gives each part of a token its pixels and its share of its word's time, by width. */
function timeTokens(
  tokens: readonly Token[],
  {
    fill,
    fontSize,
    measure,
  }: { readonly fill: "sweep" | "word"; readonly fontSize: number; readonly measure: Measure },
): readonly TimedToken[] {
  const measured = tokens.map((token) => {
    const width = measure(token.text, fontSize);
    const edges = token.parts.map(({ to }) =>
      to >= token.text.length ? width : Math.min(width, measure(token.text.slice(0, to), fontSize)),
    );
    return { token, width, edges };
  });
  const widths = new Map<Word, number>();
  for (const { token, edges } of measured) {
    token.parts.forEach(({ word }, index) => {
      const part = Math.max(0, (edges[index] ?? 0) - (edges[index - 1] ?? 0));
      widths.set(word, (widths.get(word) ?? 0) + part);
    });
  }
  const done = new Map<Word, number>();
  return measured.map(({ token, width, edges }) => {
    const segments = token.parts.map(({ word }, index) => {
      const from = edges[index - 1] ?? 0;
      const to = Math.max(from, edges[index] ?? 0);
      const before = done.get(word) ?? 0;
      done.set(word, before + to - from);
      if (fill === "word") return { from, to, startMs: word.startMs, endMs: word.startMs };
      const whole = widths.get(word) || 1;
      const lasts = word.endMs - word.startMs;
      return {
        from,
        to,
        startMs: word.startMs + (lasts * before) / whole,
        endMs: word.startMs + (lasts * (before + to - from)) / whole,
      };
    });
    return { token, width, segments };
  });
}

type PlacedRow = Pick<Row, "line" | "direction" | "left" | "width" | "tokens"> & {
  /** Pixels that stay free above it for dots that do not fit before it. */
  readonly above: number;
};

function placeRows(
  { countdowns }: Page,
  wrapped: readonly WrappedRow[],
  settings: LayoutSettings,
  measure: Measure,
): readonly PlacedRow[] {
  const { width, align, fontSize, outline } = settings;
  const space = measure(" ", fontSize);
  return wrapped.map((row, index) => {
    const { line, direction } = row;
    const placed = { line, direction, ...placeRow(row, { width, margin: MARGIN, align, space, outline }) };
    const countdown = wrapped[index - 1]?.line === line ? undefined : countdowns.find((each) => each.line === line);
    const dots = countdown && dotsSize(countdown.dots, fontSize, outline);
    const isAbove = dots !== undefined && !isRoomBefore(placed, dots, settings);
    return { ...placed, above: isAbove ? DOTS_HEIGHT * fontSize : 0 };
  });
}

/** @param whole the height of all rows */
function stack(placed: readonly PlacedRow[], whole: number, settings: LayoutSettings): readonly Row[] {
  const { height, fontSize, outline, position } = settings;
  const step = LINE_HEIGHT * fontSize;
  const margin = height * MARGIN;
  let next = position === "top" ? margin : position === "bottom" ? height - margin - whole : (height - whole) / 2;
  return placed.map(({ above, ...row }) => {
    const baseline = next + above + step * 0.72;
    next += above + step;
    const top = toEven(baseline - ASCENT * fontSize - outline);
    const bottom = toEven(baseline + DESCENT * fontSize + outline + 1);
    return {
      ...row,
      top,
      height: bottom - top,
      baseline: baseline - top,
    };
  });
}
