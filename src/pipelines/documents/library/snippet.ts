import { wordsOf } from "../text/words.ts";

/** Characters of a snippet, at most. */
const SNIPPET_MAX = 240;
/** Of them in front of the first word that was looked for. */
const LEAD = 40;

export interface Snippet {
  readonly text: string;
  /** Where in the text the middle of the best place is. */
  readonly at: number;
}

/**
 * The place of a text that has the most of the wanted words, each counted once, and among equals has them closest together. Text as it
 * stands: whoever shows it must escape it.
 */
export function snippetOf(text: string, wanted: ReadonlySet<string>): Snippet {
  const hits = [...wordsOf(text)].filter(({ form }) => wanted.has(form));
  let best = { count: 0, span: 0, at: 0 };
  const inside = new Map<string, number>();
  let first = 0;
  for (const { form, end } of hits) {
    inside.set(form, (inside.get(form) ?? 0) + 1);
    // The window ends with this word and begins as late as it can without losing one.
    for (let begin = hits[first]; begin !== undefined; begin = hits[++first]) {
      const isNeeded = inside.get(begin.form) === 1;
      if (isNeeded && end - begin.start <= SNIPPET_MAX - 2 * LEAD) break;
      if (isNeeded) inside.delete(begin.form);
      else inside.set(begin.form, (inside.get(begin.form) ?? 0) - 1);
    }
    const start = hits[first]?.start ?? 0;
    const span = end - start;
    if (inside.size > best.count || (inside.size === best.count && span < best.span)) {
      best = { count: inside.size, span, at: start };
    }
  }
  return { text: cutAround(text, best.at), at: best.at + Math.floor(best.span / 2) };
}

function cutAround(text: string, at: number): string {
  let start = Math.max(0, Math.min(at - LEAD, text.length - SNIPPET_MAX));
  let end = Math.min(text.length, start + SNIPPET_MAX);
  // To the nearest ends of words, where there are spaces; never through the two halves of a character.
  const space = text.indexOf(" ", start);
  if (start > 0 && space >= 0 && space < at) start = space + 1;
  else if (start > 0 && isLowHalf(text, start)) start++;
  const last = text.lastIndexOf(" ", end);
  if (end < text.length && last > at) end = last;
  else if (end < text.length && isLowHalf(text, end)) end--;
  return `${start > 0 ? "…" : ""}${text.slice(start, end).trim()}${end < text.length ? "…" : ""}`;
}

function isLowHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
