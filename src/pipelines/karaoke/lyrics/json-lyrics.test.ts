import { expect, test } from "vitest";
import { readJsonLyrics } from "./json-lyrics.ts";

const line = (...words: readonly (readonly [string, number, number])[]) => ({
  words: words.map(([text, start, end]) => ({ text, start, end })),
});
const read = (value: unknown, indent = 0) => readJsonLyrics(JSON.stringify(value, null, indent), "song.lyrics.json");

test("seconds become milliseconds; lines stand by their start, and may overlap", () => {
  const second = { ...line(["la", 2, 4.0006]), singer: "Ann" };
  expect(read({ title: "T", artist: "A", lines: [line(["lo", 3, 5]), second] })).toEqual({
    title: "T",
    artist: "A",
    lines: [
      { startMs: 2_000, endMs: 4_001, singer: "Ann", words: [{ text: "la", startMs: 2_000, endMs: 4_001 }] },
      { startMs: 3_000, endMs: 5_000, words: [{ text: "lo", startMs: 3_000, endMs: 5_000 }] },
    ],
  });
});

test("texts are cleaned, spaces stand behind words, what has no text is left out", () => {
  const [first, ...others] = read({
    lines: [
      line([" \ta\u0000", 0, 1], ["  ", 1, 2], ["e\u0301\n \u202eb ", 2, 3], ["\u200fc\ud800 ", 3, 4]),
      line([" ", 5, 6]),
    ],
  }).lines;
  expect(first?.words.map(({ text }) => text)).toEqual(["a ", "\u00e9 b ", "\u200fc"]);
  expect(others).toEqual([]);
});

test("a word that reaches into the next is cut there", () => {
  const [first] = read({ lines: [line(["a ", 0, 1.5], ["b", 1, 2])] }).lines;
  expect(first?.words.map(({ endMs }) => endMs)).toEqual([1_000, 2_000]);
});

test.each([
  [{ lines: [line(["a", 1, 0])] }, '"a" ends at 0 ms, before it begins at 1000 ms'],
  [{ lines: [line(["a", 2, 3], ["b", 1, 2])] }, '"a" begins at 2000 ms, after the word that follows it (1000 ms)'],
  [{ lines: [line(["a", -1, 0])] }, "lines[0].words[0].start: Too small: expected number to be >=0; found -1"],
  [{ lines: [line(["a", 0, 90_000])] }, "lines[0].words[0].end: Too big: expected number to be <=86400; found 90000"],
  [
    { lines: [line(["a", 0, 1]), { words: [{ text: "b", start: 1 }] }] },
    "lines[1].words[0].end: expected number; found nothing",
  ],
  [
    { lines: [line(["a", 0, 1]), { words: [] }] },
    "lines[1].words: Too small: expected array to have >=1 items; found a list of 0",
  ],
  [{ lines: [null] }, "lines[0]: expected object; found null"],
  [{ lines: [] }, "lines: Too small: expected array to have >=1 items; found a list of 0"],
  [{ lines: [line(["a", 0, 1])], lang: "en" }, 'Unrecognized key: "lang"'],
  [
    { lines: [line(["a".repeat(1_001), 0, 1])] },
    /^lines\[0\]\.words\[0\]\.text: Too big: expected string to have <=1000 characters; found "a+…"$/,
  ],
  [
    { lines: [{ words: Array.from({ length: 2_001 }, () => 0) }] },
    "lines[0]: a line must have at most 2000 words; found 2001",
  ],
  [[], "must be an object with a list of `lines`"],
  ["lines", "must be an object with a list of `lines`"],
])("%j is refused with line and field", (value, message) => {
  const text =
    typeof message === "string"
      ? `song.lyrics.json:1: ${message}`
      : new RegExp(message.source.replace("^", "^song\\.lyrics\\.json:1: "));
  expect(() => read(value)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message: typeof text === "string" ? text : expect.stringMatching(text),
    }),
  );
});

test("the line is the file's, found among others", () => {
  const lines = [line(["a", 0, 1]), line(["b", 1, 2], ["c", 5, 4])];
  // Of a field the line that it stands on; of times that do not fit together the line that they belong to.
  expect(() => read({ lines }, 1)).toThrow(/^song\.lyrics\.json:12: "c" ends/);
  expect(() => read({ lines: [...lines.slice(0, 1), line(["b", 1, -2])] }, 1)).toThrow(
    /^song\.lyrics\.json:17: lines\[1\]/,
  );
  expect(() => readJsonLyrics('{\n"lines": [\n{]', "x.json")).toThrow(/^x\.json:3: is not JSON: /);
  expect(() => readJsonLyrics('{\n"lines": [\n', "x.json")).toThrow(/^x\.json:3: is not JSON: /);
});
