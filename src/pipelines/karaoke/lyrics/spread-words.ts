import { LIMITS } from "../../../core/limits.ts";
import type { Word } from "./lyrics.ts";

// The spaces at which a line may be cut; others (no-break) belong to their word.
const SPACE = "[ \\t\\n\\u3000]";
/** A word with the spaces around it: those in front only at the text's start. */
const WORD = new RegExp(`${SPACE}*[^ \\t\\n\\u3000]+${SPACE}*`, "g");
/** The same, but of Han and Kana one letter, with the marks, small kana and punctuation that belong to it. */
const LETTER_OR_WORD = new RegExp(
  `${SPACE}*(?:[\\p{Ps}\\p{Pi}]*[\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}][\\p{M}\\p{Pe}\\p{Pf}\\p{Po}\\p{Pd}ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ]*|[^ \\t\\n\\u3000\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}]+)${SPACE}*`,
  "gu",
);
/** Letters that are a syllable or more each. */
const WIDE = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]/u;
const SILENT = /[\s\p{M}\p{Cf}]/u;

/** How long a line may take at most where nothing says when it ends. */
const SLOWEST = { baseMs: 1_000, perLetterMs: 200 } as const;

/**
 * The words of a text, one after the other over a time, each as long as its part of the letters (`weightOf`). Text that is longer than a
 * line may be comes back as one word, to be refused; text of spaces alone too.
 *
 * @param unit what is filled as one: what stands between spaces, or in Chinese and Japanese each letter too
 */
export function spreadWords(
  text: string,
  time: { readonly startMs: number; readonly endMs: number },
  unit: "word" | "letter",
): readonly Word[] {
  const { startMs, endMs } = time;
  // Of spaces alone the expressions would look for a word from each of them.
  const isWhole = text.length > LIMITS.lineLength || text.trim() === "";
  const pieces = isWhole ? [text] : (text.match(unit === "word" ? WORD : LETTER_OR_WORD) ?? []);
  const weights = pieces.map(weightOf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const timeAt = (weight: number): number => startMs + Math.round(((endMs - startMs) * weight) / total);
  let before = 0;
  return pieces.map((piece, index) => {
    const from = before;
    before += weights[index] ?? 0;
    return { text: piece, startMs: timeAt(from), endMs: timeAt(before) };
  });
}

/** When a text that begins at `startMs` is sung at the latest: 1 s, and 0.2 s for each of its letters. */
export function latestEnd(text: string, startMs: number): number {
  return startMs + SLOWEST.baseMs + SLOWEST.perLetterMs * weightOf(text.slice(0, LIMITS.lineLength));
}

/** Letters to be sung: marks and spaces do not count, Han, Kana and Hangul count twice; at least 1. */
function weightOf(text: string): number {
  let weight = 0;
  for (const letter of text) {
    if (letter > " " && letter < "\u007f") weight += 1;
    else if (!SILENT.test(letter)) weight += WIDE.test(letter) ? 2 : 1;
  }
  return Math.max(1, weight);
}
