// Ranges of East Asian wide and full-width characters (Unicode 16, UAX #11) and of emoji that terminals draw wide.
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x2329, 0x232a],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x26a1, 0x26a1],
  [0x2705, 0x2705],
  [0x2728, 0x2728],
  [0x274c, 0x274c],
  [0x2753, 0x2755],
  [0x2757, 0x2757],
  [0x2795, 0x2797],
  [0x2b50, 0x2b50],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1b000, 0x1b2fb],
  [0x1f1e6, 0x1f1ff],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f7e0, 0x1f7eb],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];

const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]/u;
const ASCII = /^[\x20-\x7e]*$/;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Columns that `text` takes on a terminal. Expects escaped text without ANSI sequences (see `escapeText`). */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (ZERO.test(grapheme)) return 0;
  // A variation selector asks for the emoji form, which is wide.
  if (grapheme.includes("\ufe0f")) return 2;
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

/** Cuts `text` to at most `columns`, ending in `…` if something was cut. Never cuts through a character. */
export function truncate(text: string, columns: number, ellipsis = "…"): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - ellipsis.length;
  return room < 0 ? "" : take(text, room) + ellipsis;
}

/** Cuts the middle out, so that the start and the end (a file's extension) stay readable. */
export function truncateMiddle(text: string, columns: number, ellipsis = "…"): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - ellipsis.length;
  if (room < 0) return "";
  const tail = takeLast(text, Math.ceil((room * 2) / 3));
  return take(text, room - displayWidth(tail)) + ellipsis + tail;
}

function take(text: string, columns: number): string {
  let taken = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += graphemeWidth(segment);
    if (width > columns) break;
    taken += segment;
  }
  return taken;
}

function takeLast(text: string, columns: number): string {
  const segments = [...graphemes.segment(text)].map(({ segment }) => segment);
  let start = segments.length;
  let width = 0;
  while (start > 0) {
    width += graphemeWidth(segments[start - 1] ?? "");
    if (width > columns) break;
    start -= 1;
  }
  return segments.slice(start).join("");
}

/** Fills `text` with spaces up to `columns`, on the right or, for numbers, on the left. */
export function pad(text: string, columns: number, side: "right" | "left" = "right"): string {
  const fill = " ".repeat(Math.max(0, columns - displayWidth(text)));
  return side === "right" ? text + fill : fill + text;
}
