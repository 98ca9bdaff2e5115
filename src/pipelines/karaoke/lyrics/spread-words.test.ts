import fc from "fast-check";
import { expect, test } from "vitest";
import { latestEnd, spreadWords } from "./spread-words.ts";

const time = { startMs: 1_000, endMs: 4_000 };
const texts = (text: string, unit: "word" | "letter"): readonly string[] =>
  spreadWords(text, time, unit).map((word) => word.text);

test("no letter and no millisecond is lost, and words follow each other", () => {
  const letter = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 1 }),
    fc.constantFrom(" ", "世", "ゃ", "\u3000", "، "),
  );
  const text = fc.array(letter, { maxLength: 30 }).map((letters) => letters.join(""));
  const property = fc.property(text, fc.nat(10_000), fc.nat(10_000), fc.constantFrom("word", "letter"), (...drawn) => {
    const [written, startMs, lengthMs, unit] = drawn;
    const endMs = startMs + lengthMs;
    const words = spreadWords(written, { startMs, endMs }, unit);
    expect(words.map((word) => word.text).join("")).toBe(written);
    expect(words[0]?.startMs).toBe(startMs);
    expect(words.at(-1)?.endMs).toBe(endMs);
    for (const [index, word] of words.entries()) expect(word.endMs).toBe(words[index + 1]?.startMs ?? endMs);
  });
  fc.assert(property);
});

test("words end at spaces that may break, not at others", () => {
  expect(texts(" one  two\u00a0three\u3000four ", "word")).toEqual([" one  ", "two\u00a0three\u3000", "four "]);
});

test("letters of Han and Kana stand alone, with the small kana and punctuation that belong to them", () => {
  expect(texts("「きゃー」、世界 ok 안녕", "letter")).toEqual(["「きゃー」、", "世", "界 ", "ok ", "안녕"]);
  expect(texts("世界", "word")).toEqual(["世界"]);
});

test("a time is shared by letters: marks do not count, those of Chinese, Japanese and Korean twice", () => {
  const shares = (text: string) => spreadWords(text, time, "word").map(({ startMs, endMs }) => endMs - startMs);
  expect(shares("a bb")).toEqual([1_000, 2_000]);
  expect(shares("a\u0323\u0301 bb")).toEqual([1_000, 2_000]);
  expect(shares("aa 世")).toEqual([1_500, 1_500]);
  expect(shares("aa 안")).toEqual([1_500, 1_500]);
});

test("a line takes 1 s and 0.2 s for each letter at most", () => {
  expect(latestEnd("la la", 500)).toBe(500 + 1_000 + 4 * 200);
  expect(latestEnd("世界", 0)).toBe(1_800);
});
