import type { Line, Lyrics } from "../../src/pipelines/karaoke/lyrics/lyrics.ts";
import type { Tone } from "./melody.ts";

/** A song to try things on: words in time with a melody. */
export interface Song {
  readonly lyrics: Lyrics;
  readonly tones: readonly Tone[];
  readonly durationMs: number;
}

/** The song before its times: each line's syllables, one tone each. */
interface Text {
  readonly title: string;
  readonly lines: readonly (readonly string[])[];
}

/** Words of all kinds of writing. The English ones are Jane Taylor's (1806), the tune is older. */
export const TEXTS = {
  latin: {
    title: "The Star",
    lines: [
      ["Twin", "kle, ", "twin", "kle, ", "lit", "tle ", "star, "],
      ["How ", "I ", "won", "der ", "what ", "you ", "are! "],
      ["Up ", "a", "bove ", "the ", "world ", "so ", "high, "],
      ["Like ", "a ", "dia", "mond ", "in ", "the ", "sky. "],
    ],
  },
  arabic: {
    title: "نجمة",
    lines: [
      ["نجمة ", "صغيرة ", "في ", "السماء "],
      ["تضيء ", "لنا ", "كل ", "مساء "],
    ],
  },
  hebrew: {
    title: "כוכב",
    lines: [
      ["כוכב ", "קטן ", "מאיר ", "לי "],
      ["לילה ", "שלם ", "ושר ", "שיר "],
    ],
  },
  japanese: {
    title: "星",
    lines: [
      ["小", "さ", "な", "星", "が", "ひ", "かる"],
      ["夜", "の", "空", "で", "ひ", "とり", "きり"],
    ],
  },
  emoji: {
    title: "⭐",
    lines: [
      ["Shine ", "⭐ ", "on ", "🌙 ", "me, ", "👩‍🚀 ", "now "],
      ["Home ", "🏠 ", "is ", "🇩🇪 ", "far ", "🚀 ", "away "],
    ],
  },
} as const satisfies Readonly<Record<string, Text>>;

export type TextName = keyof typeof TEXTS;

/** Half tones above C of the four lines of the tune. */
const TUNE = [
  [0, 0, 7, 7, 9, 9, 7],
  [5, 5, 4, 4, 2, 2, 0],
  [7, 7, 5, 5, 4, 4, 2],
  [7, 7, 5, 5, 4, 4, 2],
] as const;

export interface SongOptions {
  /** Lines at most; default all. */
  readonly lines?: number;
  /** Milliseconds of a syllable; a line's last one lasts two. Default 400. */
  readonly beatMs?: number;
  /** Milliseconds before the first word and after the last. Default 1,000. */
  readonly silenceMs?: number;
}

/** Sets a text to the tune: one beat a syllable, the same song at every call. */
export function songOf(name: TextName, options: SongOptions = {}): Song {
  const { title, lines: texts }: Text = TEXTS[name];
  const { beatMs = 400, silenceMs = 1_000 } = options;
  const lines: Line[] = [];
  const tones: Tone[] = [];
  let at = silenceMs;
  for (const [row, syllables] of texts.slice(0, options.lines).entries()) {
    const startMs = at;
    const words = syllables.map((text, index) => {
      const isLast = index === syllables.length - 1;
      const word = { text: isLast ? text.trim() : text, startMs: at, endMs: at + beatMs * (isLast ? 2 : 1) };
      tones.push({ startMs: at, endMs: word.endMs, pitch: TUNE[row]?.[index] ?? 0 });
      at = word.endMs;
      return word;
    });
    lines.push({ words, startMs, endMs: at });
  }
  return { lyrics: { title, artist: "Milepost", lines }, tones, durationMs: at + silenceMs };
}
