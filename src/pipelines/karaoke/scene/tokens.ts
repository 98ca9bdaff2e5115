import type { Line, Word } from "../lyrics/lyrics.ts";

export type Direction = "ltr" | "rtl";

/** A piece of a line that is drawn as one, so that its letters join: what stands between two places where a row may end. */
export interface Token {
  readonly text: string;
  readonly direction: Direction;
  /** Whether a space stands before it, if it is not the first of its row. */
  readonly isSpaced: boolean;
  readonly parts: readonly Part[];
}

/** What of a token belongs to one word, as offsets in the token's text. */
export interface Part {
  readonly word: Word;
  readonly from: number;
  readonly to: number;
}

const RTL = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const STRONG = /\p{L}/u;
/** Written without spaces: a row may end between any two of these. */
const FREE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々〆]/u;
/** No row begins with these, none ends with those. */
const NOT_FIRST = /^[\p{Pe}\p{Pf}\p{Po}ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ]/u;
const NOT_LAST = /[\p{Ps}\p{Pi}]$/u;
const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/** The way of the first letter that has one. */
function directionOf(text: string): Direction | null {
  for (const character of text) {
    if (RTL.test(character)) return "rtl";
    if (STRONG.test(character)) return "ltr";
  }
  return null;
}

/** What a reader sees as single characters. */
export function graphemesOf(text: string): readonly string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** The way a whole line runs, and its tokens in the order in which they are sung. */
export function tokensOf(line: Line): { readonly direction: Direction; readonly tokens: readonly Token[] } {
  const text = line.words.map((word) => word.text).join("");
  const direction = directionOf(text) ?? "ltr";
  const owners = ownersOf(line.words);
  const tokens: Token[] = [];
  let inherited = direction;
  for (const { text: piece, start, isSpaced } of piecesOf(text)) {
    // What has no way of its own (digits, marks) goes with what stands before it.
    inherited = directionOf(piece) ?? inherited;
    tokens.push({ text: piece, direction: inherited, isSpaced, parts: partsOf(owners, start, start + piece.length) });
  }
  return { direction, tokens };
}

/** Cuts a token between two of its graphemes into one that is at most `length` UTF-16 units long and the rest. */
export function cutToken(token: Token, length: number): readonly [Token, Token] {
  const cut = (from: number, to: number): readonly Part[] =>
    token.parts
      .filter((part) => part.from < to && part.to > from)
      .map((part) => ({ word: part.word, from: Math.max(part.from, from) - from, to: Math.min(part.to, to) - from }));
  return [
    { ...token, text: token.text.slice(0, length), parts: cut(0, length) },
    { ...token, isSpaced: false, text: token.text.slice(length), parts: cut(length, token.text.length) },
  ];
}

interface Piece {
  readonly text: string;
  readonly start: number;
  readonly isSpaced: boolean;
}

function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let piece = "";
  let start = 0;
  let isSpaced = false;
  let before = "";
  const end = (next: number): void => {
    if (piece !== "") pieces.push({ text: piece, start, isSpaced });
    if (piece !== "") isSpaced = false;
    piece = "";
    start = next;
  };
  for (const { segment, index } of graphemes.segment(text)) {
    if (/^\s/u.test(segment)) {
      end(index + segment.length);
      isSpaced = true;
    } else {
      if (piece !== "" && mayBreak(before, segment)) end(index);
      if (piece === "") start = index;
      piece += segment;
    }
    before = segment;
  }
  end(text.length);
  return pieces;
}

function mayBreak(before: string, after: string): boolean {
  if (!FREE.test(before) && !FREE.test(after)) return false;
  return !NOT_FIRST.test(after) && !NOT_LAST.test(before);
}

interface Owner {
  readonly word: Word;
  readonly from: number;
  readonly to: number;
}

function ownersOf(words: readonly Word[]): readonly Owner[] {
  let from = 0;
  return words.map((word) => {
    const owner = { word, from, to: from + word.text.length };
    from = owner.to;
    return owner;
  });
}

function partsOf(owners: readonly Owner[], from: number, to: number): readonly Part[] {
  let low = 0;
  let high = owners.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((owners[middle]?.to ?? 0) <= from) low = middle + 1;
    else high = middle;
  }
  const parts: Part[] = [];
  for (let index = low; index < owners.length; index++) {
    const owner = owners[index];
    if (owner === undefined || owner.from >= to) break;
    parts.push({ word: owner.word, from: Math.max(owner.from, from) - from, to: Math.min(owner.to, to) - from });
  }
  return parts;
}
