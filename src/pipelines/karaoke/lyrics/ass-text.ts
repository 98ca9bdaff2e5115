import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import type { Word } from "./lyrics.ts";
import { spreadWords } from "./spread-words.ts";

/** An event's time and place. */
interface EventPlace {
  readonly startMs: number;
  readonly endMs: number;
  readonly at: number;
  readonly source: string;
}

/** A row of an event's text: what stands between two `\N`. */
interface Row {
  readonly words: readonly Word[];
  readonly startMs: number;
  readonly endMs: number;
}

// The tags that count: a syllable's time, and the drawing mode, in which letters are no text.
const TAG = /\\(?:(k[fot]?|K)(-?)(\d{0,7}(?:\.\d{0,3})?)|p(\d{1,2})(?![\w.]))/g;
/** A hard break; a soft break; a space that does not break. */
const BREAKS: Readonly<Record<string, string>> = { N: "\n", n: " ", h: "\u00a0" };

/**
 * The rows of an event's text with the times of their syllables.
 *
 * `\k`, `\K`, `\kf`, `\ko`: hundredths of a second that the syllable behind takes, from where the one before ended; text before the first is there from
 * the start. `\kt`: hundredths after the event's start, where the next syllable begins. Without any of them the words share the event's time
 * by their letters. `\N` ends a row: the next one begins with its first syllable. All other tags and comments in braces are left out.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for negative times and rows without end
 */
export function parseAssText(text: string, event: EventPlace): readonly Row[] {
  const syllables = new Syllables(event);
  let from = 0;
  while (from < text.length) {
    const open = text.indexOf("{", from);
    // A brace that is never closed is text, as players show it.
    const close = open === -1 ? -1 : text.indexOf("}", open);
    if (close === -1) break;
    syllables.addText(text.slice(from, open));
    syllables.addTags(text.slice(open + 1, close));
    from = close + 1;
  }
  syllables.addText(text.slice(from));
  return syllables.finish();
}

/** Gathers the text of an event, tag by tag. */
class Syllables {
  readonly #event: EventPlace;
  /** Each with the breaks in it still as line feeds. */
  readonly #found: Word[] = [];
  #text = "";
  #startMs: number;
  #endMs: number;
  #hasTimes = false;
  #isDrawing = false;
  #parts = 0;

  constructor(event: EventPlace) {
    this.#event = event;
    this.#startMs = event.startMs;
    this.#endMs = event.startMs;
  }

  addText(text: string): void {
    if (this.#isDrawing || text === "") return;
    this.#text += text.replace(/\\([Nnh])/g, (_, kind: string) => {
      if (kind === "N") this.#count("rows");
      return BREAKS[kind] ?? "";
    });
  }

  addTags(tags: string): void {
    for (const [whole, kind, sign, digits = "", drawing] of tags.matchAll(TAG)) {
      if (drawing !== undefined) this.#isDrawing = drawing !== "0";
      if (kind === undefined) continue;
      const ms = Math.round(Number(digits === "." ? 0 : digits) * 10);
      if (sign === "-" && ms > 0) throw fileError(this.#event.source, this.#event.at, `${whole} is negative`);
      this.#endSyllable();
      this.#hasTimes = true;
      if (kind === "kt") this.#endMs = this.#event.startMs + ms;
      this.#startMs = this.#endMs;
      if (kind !== "kt") this.#endMs += ms;
    }
  }

  finish(): readonly Row[] {
    if (!this.#hasTimes) this.#endMs = this.#event.endMs;
    this.#endSyllable();
    const rows = splitRows(
      this.#found.flatMap((found) => spreadWords(found.text, found, this.#hasTimes ? "word" : "letter")),
    );
    const { startMs, endMs } = this.#event;
    return rows.map((words, index) => ({
      words,
      startMs: index === 0 ? startMs : (words[0]?.startMs ?? startMs),
      endMs: index === rows.length - 1 ? endMs : (words.at(-1)?.endMs ?? endMs),
    }));
  }

  #endSyllable(): void {
    if (this.#text === "") return;
    this.#count("syllables");
    this.#found.push({ text: this.#text, startMs: this.#startMs, endMs: this.#endMs });
    this.#text = "";
  }

  #count(what: "rows" | "syllables"): void {
    this.#parts += 1;
    if (this.#parts <= LIMITS.lineWords) return;
    throw fileError(this.#event.source, this.#event.at, `must have at most ${LIMITS.lineWords} ${what}`);
  }
}

/** Cuts words at the line feeds among the spaces around them. */
function splitRows(words: readonly Word[]): readonly (readonly Word[])[] {
  const rows: Word[][] = [[]];
  for (const word of words) {
    const text = word.text.trim();
    const [before = "", after = ""] = text === "" ? [word.text] : word.text.split(text);
    if (before.includes("\n")) rows.push([]);
    rows.at(-1)?.push({ ...word, text: word.text.replaceAll("\n", " ") });
    if (after.includes("\n")) rows.push([]);
  }
  return rows.filter((row) => row.some(({ text }) => text.trim() !== ""));
}
