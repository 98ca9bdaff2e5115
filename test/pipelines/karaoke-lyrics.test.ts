import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MilepostError } from "../../src/core/errors.ts";
import { decodeText } from "../../src/pipelines/karaoke/decode-text.ts";
import { readAssLyrics } from "../../src/pipelines/karaoke/lyrics/ass-lyrics.ts";
import { cleanText } from "../../src/pipelines/karaoke/lyrics/clean-text.ts";
import { readJsonLyrics } from "../../src/pipelines/karaoke/lyrics/json-lyrics.ts";
import { readLrcLyrics } from "../../src/pipelines/karaoke/lyrics/lrc-lyrics.ts";
import type { Line, Lyrics } from "../../src/pipelines/karaoke/lyrics/lyrics.ts";
import { toAssLyrics, toJsonLyrics, toLrcLyrics } from "../support/karaoke-songs.ts";

const READERS = { json: readJsonLyrics, lrc: readLrcLyrics, ass: readAssLyrics };
type Format = keyof typeof READERS;
const FORMATS = Object.keys(READERS) as Format[];

/** Text without what is a sign of some format, or ends a word. */
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
  .map((written) => cleanText(cleanText(written).replaceAll(/[[\]<>{}\\,: \u3000]/g, "")).trim())
  .filter((cleaned) => cleaned !== "");

/** Lyrics as every reader promises them; times are multiples of `stepMs`, lines end with their last word. */
function lyricsOf(stepMs: number): fc.Arbitrary<Lyrics> {
  const length = fc.integer({ min: 0, max: 2_000 / stepMs }).map((steps) => steps * stepMs);
  const word = fc.record({ text, pauseMs: fc.oneof(fc.constant(0), length), lengthMs: length, isJoined: fc.boolean() });
  const line = fc.record({
    startMs: fc.integer({ min: 0, max: 600_000 / stepMs }).map((steps) => steps * stepMs),
    words: fc.array(word, { minLength: 1, maxLength: 8 }),
  });
  return fc
    .record(
      { lines: fc.array(line, { minLength: 1, maxLength: 6 }), title: text, artist: text },
      { requiredKeys: ["lines"] },
    )
    .map(({ lines, ...about }) => ({ ...about, lines: lines.map(toLine).toSorted((a, b) => a.startMs - b.startMs) }));
}

function toLine(drawn: {
  readonly startMs: number;
  readonly words: readonly { text: string; pauseMs: number; lengthMs: number; isJoined: boolean }[];
}): Line {
  let at = drawn.startMs;
  const words = drawn.words.map(({ text: written, pauseMs, lengthMs, isJoined }, index) => {
    const startMs = at + pauseMs;
    at = startMs + lengthMs;
    const isLast = index === drawn.words.length - 1;
    return { text: isLast || isJoined ? written : `${written} `, startMs, endMs: at };
  });
  return { words, startMs: drawn.startMs, endMs: at };
}

/** What `Lyrics` promises. */
function expectSound(lyrics: Lyrics): void {
  expect(lyrics.lines.length).toBeGreaterThan(0);
  let lastStart = 0;
  for (const { words, startMs, endMs } of lyrics.lines) {
    const times = [startMs, ...words.flatMap((word) => [word.startMs, word.endMs]), endMs];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((ms) => Number.isInteger(ms) && ms >= lastStart)).toBe(true);
    lastStart = startMs;
    expect(words.length).toBeGreaterThan(0);
    for (const [index, word] of words.entries()) {
      expect(word.text.trim()).not.toBe("");
      expect(word.text).not.toMatch(/^ | {2}|[\r\n]/);
      if (index === words.length - 1) expect(word.text).not.toMatch(/ $/);
      expect(word.text).toBe(cleanText(word.text));
    }
  }
}

/** Lyrics that are sound, or an error with the file's name: nothing else. */
function expectReadOrRefused(format: Format, bytes: Buffer): "read" | "refused" {
  const source = `song.${format}`;
  try {
    expectSound(READERS[format](decodeText(bytes, source), source));
    return "read";
  } catch (error) {
    if (!(error instanceof MilepostError)) throw error;
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toMatch(new RegExp(`^song\\.${format}(?::[1-9]\\d*)?: `));
    expect(error.message.length).toBeLessThan(600);
    return "refused";
  }
}

describe("what was written is read back", () => {
  test("JSON, to the millisecond", () => {
    fc.assert(
      fc.property(lyricsOf(1), (lyrics) => {
        expect(readJsonLyrics(toJsonLyrics(lyrics), "song.json")).toEqual({
          ...lyrics,
          // A line of JSON begins with its first word.
          lines: lyrics.lines
            .map((line) => ({ ...line, startMs: line.words[0]?.startMs }))
            .toSorted((a, b) => (a.startMs ?? 0) - (b.startMs ?? 0)),
        });
      }),
    );
  });

  test("enhanced LRC, to the millisecond", () => {
    fc.assert(
      fc.property(lyricsOf(1), (lyrics) => {
        expect(readLrcLyrics(toLrcLyrics(lyrics), "song.lrc")).toEqual(lyrics);
      }),
    );
  });

  test("ASS, to the hundredth of a second", () => {
    fc.assert(
      fc.property(lyricsOf(10), (lyrics) => {
        const { artist: _, ...kept } = lyrics;
        expect(readAssLyrics(toAssLyrics(lyrics), "song.ass")).toEqual(kept);
      }),
    );
  });
});

describe("whatever is in a file, it is read or refused with its line", () => {
  const token = fc.oneof(
    fc.constantFrom(
      "[00:01.00]",
      "[00:07]",
      "[01:",
      "<00:02.5>",
      "<00:01.234>",
      "[offset:+100]",
      "[ti:x]",
      "[length:0:09]",
    ),
    fc.constantFrom(
      "[Events]",
      "[Fonts]",
      "Format: Start, End, Text",
      "Dialogue: 0,0:00:01.00,0:00:05.00,D,,0,0,0,,",
      ",fx,",
    ),
    fc.constantFrom("{\\k10}", "{\\kf}", "{\\kt5}", "{\\p1}", "{", "}", "\\N", "\\h", "0:00:03.00,"),
    fc.constantFrom('{"lines":[{"words":[', '{"text":"a","start":1,"end":2}', "]}]}", ",", "null", "-1", '"'),
    fc.constantFrom("\n", "\r\n", " ", "\u3000", "\u00a0", "\u202e", "世界", "نجمة", "\u0301"),
    fc.string({ unit: "binary", maxLength: 6 }),
  );

  test.each(FORMATS)("pieces of all formats as %s", (format) => {
    const outcomes = new Set<string>();
    const property = fc.property(fc.array(token, { maxLength: 24 }), (tokens) => {
      outcomes.add(expectReadOrRefused(format, Buffer.from(tokens.join(""))));
    });
    fc.assert(property, { numRuns: 2_000 });
    expect(outcomes).toContain("refused");
  });

  test.each(FORMATS)("changed %s", (format) => {
    const write = { json: toJsonLyrics, lrc: toLrcLyrics, ass: toAssLyrics }[format];
    const outcomes = new Set<string>();
    const change = fc.record({ at: fc.nat(10_000), length: fc.nat(6), by: token });
    const property = fc.property(lyricsOf(10), fc.array(change, { minLength: 1, maxLength: 3 }), (lyrics, changes) => {
      let changed = write(lyrics);
      for (const { at, length, by } of changes) {
        const from = at % (changed.length + 1);
        changed = changed.slice(0, from) + by + changed.slice(from + length);
      }
      outcomes.add(expectReadOrRefused(format, Buffer.from(changed)));
    });
    fc.assert(property, { numRuns: 500 });
    expect([...outcomes].toSorted()).toEqual(["read", "refused"]);
  });

  test.each(FORMATS)("random bytes as %s", (format) => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expectReadOrRefused(format, Buffer.from(bytes));
    });
    fc.assert(property, { numRuns: 500 });
  });
});

const EVENTS = "[Events]\n";
const EVENT = "Dialogue: 0,0:00:01.00,0:00:05.00,D,,0,0,0,,";

// Time that grows with the square of the length would be minutes for these: that they end at all is the test.
describe("malice ends soon", () => {
  const many = (piece: string, bytes: number): string => piece.repeat(Math.floor(bytes / Buffer.byteLength(piece)));

  test.each([
    ["["],
    ["[00:01]"],
    ["<00:01>a"],
    ["[00:00:00.00"],
    ["[-00:"],
    ["[ti:"],
    ["[ti:x]"],
    ["[[a:"],
    ["[00:01]x "],
    ["x", " "],
    ["[00:01]", " "],
    ["[00:01]", " a"],
    ["[00:01]", "a"],
    ["[00:01]", "世"],
    ["[00:01]", "\u0316\u0301"],
    ["[00:01][00:02][00:03]<00:02>", "a<00:03>"],
  ])("a line of LRC: %j %j", (head, piece = head) => {
    expectReadOrRefused("lrc", Buffer.from(head + many(piece, 250_000)));
  });

  test.each([
    [EVENTS, "["],
    [EVENTS, ","],
    [`${EVENTS}Format: `, "Start, "],
    [EVENTS + EVENT, "{"],
    [EVENTS + EVENT, "}"],
    [EVENTS + EVENT, "{}"],
    [EVENTS + EVENT, "{\\k1}a"],
    [`${EVENTS + EVENT}{`, "\\k1"],
    [`${EVENTS + EVENT}{\\k`, "1"],
    [EVENTS + EVENT, "a\\N"],
    [EVENTS + EVENT, "\\n"],
    [EVENTS + EVENT, " "],
  ])("a line of ASS: %j %j", (head, piece) => {
    expectReadOrRefused("ass", Buffer.from(head + many(piece, 250_000)));
  });

  test.each([
    ["", "[", ""],
    ["", '{"lines":', ""],
    ['{"lines":[', "{},", "0]}"],
    ['{"lines":[[', "[],", "0]]}"],
    ['{"lines":[{"words":[', "{},", "0]}]}"],
    ['{"lines":[{"words":[]}],"', "\\u0061", '":0}'],
    ['{"lines":[{"words":[],"x":', '{"x":', ""],
  ])("a file of JSON: %j %j", (head, piece, tail) => {
    expectReadOrRefused("json", Buffer.from(head + many(piece, 2_000_000) + tail));
  });

  test.each([
    ["lrc", "", "\n"],
    ["lrc", "", "[00:01]\n"],
    ["lrc", "", "[ti:x]\n"],
    ["ass", EVENTS, "[Events]\n"],
    ["ass", EVENTS, `${EVENT}\n`],
    ["ass", EVENTS, `${EVENT}{\\k1}a\\Nb\r`],
  ] as const)("2 MiB of lines of %s: %j %j", (format, head, piece) => {
    expectReadOrRefused(format, Buffer.from(head + many(piece, 2_097_152)));
  });

  test("a line of 8 MiB is refused", () => {
    const long = many("la ", 8_388_608);
    const message = /^song\.\w+:2: must be at most 262144 characters long; found 8\d{6}$/;
    expect(() => readLrcLyrics(`[ti:x]\n[00:01]${long}`, "song.lrc")).toThrow(message);
    expect(() => readAssLyrics(EVENTS + EVENT + long, "song.ass")).toThrow(message);
    const word = { text: long, start: 0, end: 1 };
    expect(() => readJsonLyrics(`{\n"lines":${JSON.stringify([{ words: [word] }])}}`, "song.json")).toThrow(
      /^song\.json:2: lines\[0\]\.words\[0\]\.text: Too big/,
    );
  });

  test.each(FORMATS)("100,000 lines of %s are read", (format) => {
    const lines = Array.from({ length: 100_000 }, (_, index) => ({
      startMs: index * 100,
      endMs: index * 100 + 90,
      words: [{ text: `line ${index}`, startMs: index * 100, endMs: index * 100 + 90 }],
    }));
    const write = { json: toJsonLyrics, lrc: toLrcLyrics, ass: toAssLyrics }[format];
    expect(READERS[format](write({ lines }), `song.${format}`).lines).toHaveLength(100_000);
  });

  test("what repeats may not grow beyond the bounds", () => {
    const line = `${"[00:01]".repeat(2_000)}${"<00:02>a".repeat(1_000)}\n`;
    expect(() => readLrcLyrics(line, "song.lrc")).toThrow("song.lrc:1: there must be at most 1000000 times");
    expect(() => readJsonLyrics(`{\n"lines":[${"{},".repeat(1_401_000)}0]}`, "song.json")).toThrow(
      "song.json:2: must have at most 1401000 objects and lists",
    );
    expect(() => readLrcLyrics("[00:01]".repeat(4_001), "song.lrc")).toThrow(
      "song.lrc:1: must have at most 4000 times",
    );
    expect(() => readLrcLyrics("[00:01]a\n".repeat(200_001), "song.lrc")).toThrow(
      "song.lrc:200001: lyrics must have at most 200000 lines",
    );
    expect(() => readLrcLyrics(`[00:01]${"a ".repeat(2_001)}`, "song.lrc")).toThrow(
      "song.lrc:1: a line must have at most 2000 words",
    );
    expect(() => readLrcLyrics(`[00:01]${"a".repeat(1_001)}`, "song.lrc")).toThrow(
      "song.lrc:1: a word must have at most 1000 characters",
    );
    expect(() => readLrcLyrics(`[00:01]${"世".repeat(10_001)}`, "song.lrc")).toThrow(
      /^song\.lrc:1: a word must have at most/,
    );
    expect(() => readLrcLyrics(`[00:01]${`${"a".repeat(999)} `.repeat(11)}`, "song.lrc")).toThrow(
      /^song\.lrc:1: a word must/,
    );
  });
});
