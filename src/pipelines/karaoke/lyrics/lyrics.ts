/**
 * The lyrics of a song, whatever format they came from. All times are whole milliseconds from the start of the video's song.
 *
 * What every reader guarantees:
 * - lines stand by their start; they may overlap (two singers);
 * - of one line: `startMs` ≤ first word's start, each word's start ≤ its end ≤ the next word's start, last word's end ≤ `endMs`;
 * - there is a line, and each line has a word; no text is empty, and a space stands only behind a word, never at a line's end.
 */
export interface Lyrics {
  readonly lines: readonly Line[];
  readonly title?: string;
  readonly artist?: string;
}

export interface Line {
  readonly words: readonly Word[];
  readonly startMs: number;
  readonly endMs: number;
  readonly singer?: string;
}

/** What is filled as one: a word or a syllable ("ka", "ra "). Where both times are equal it fills at once. */
export interface Word {
  /** In NFC; with its trailing space, if any. */
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}
