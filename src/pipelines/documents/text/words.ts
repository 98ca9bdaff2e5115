/** A word of a text, in the form in which it is indexed and looked for. */
export interface Word {
  /** Normalised: case, accents and presentation forms do not count. */
  readonly form: string;
  /** Where it stands in the text, in UTF-16 units; the end is not part of it. */
  readonly start: number;
  readonly end: number;
  /** True for a piece of a script that is written without spaces: what follows it without a gap belongs to it. */
  readonly isPiece: boolean;
}

/** A run of a script that is written without spaces, or a word of any other. */
const RUNS =
  /(?<run>(?:[\p{Script=Han}\p{scx=Hira}\p{scx=Kana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*)+)|[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
const LETTERS = /\P{M}\p{M}*/gu;
/** Marks whose absence does not make another word: accents, points of Hebrew, vowels of Arabic and its stretching. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]/g;

/**
 * The words of a text in order. Scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) give
 * overlapping pairs of letters and, at the end of each run, its last letter alone, as Lucene's CJK analysis does: what a
 * dictionary makes of a run depends on what stands around it, so a query would be cut otherwise than the text.
 */
export function* wordsOf(text: string): Generator<Word> {
  for (const match of text.matchAll(RUNS)) {
    const start = match.index;
    if (match.groups?.run === undefined) {
      const form = normalised(match[0]);
      if (form !== "") yield { form, start, end: start + match[0].length, isPiece: false };
    } else yield* piecesOf(match[0], start);
  }
}

function* piecesOf(run: string, runStart: number): Generator<Word> {
  let previous: { readonly text: string; readonly start: number } | null = null;
  for (const match of run.matchAll(LETTERS)) {
    const letter = { text: match[0], start: runStart + match.index };
    if (previous !== null) yield piece(previous.text + letter.text, previous.start);
    previous = letter;
  }
  if (previous !== null) yield piece(previous.text, previous.start);
}

function piece(text: string, start: number): Word {
  return { form: text.normalize("NFKC").toLowerCase(), start, end: start + text.length, isPiece: true };
}

const PLAIN = /^[a-z0-9]*$/;

function normalised(word: string): string {
  const lower = word.toLowerCase();
  if (PLAIN.test(lower)) return lower;
  return lower.normalize("NFKD").replace(ACCENTS, "").toLowerCase().replace(/ς/g, "σ").normalize("NFC");
}
