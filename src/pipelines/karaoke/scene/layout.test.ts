import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Line } from "../lyrics/lyrics.ts";
import { dotsSize, placeDots } from "./dots.ts";
import { spansOf, sungSpans } from "./fill.ts";
import { type LayoutSettings, layOut, type PageLayout } from "./layout.ts";
import type { Page } from "./timeline.ts";
import { tokensOf } from "./tokens.ts";

/** Each UTF-16 unit is half as wide as the font is high. */
const measure = (text: string, fontSize: number): number => (text.length * fontSize) / 2;
const settings: LayoutSettings = {
  width: 320,
  height: 180,
  fontSize: 20,
  outline: 2,
  position: "middle",
  align: "center",
  fill: "sweep",
};

/** A line whose words take 100 ms each. */
function lineOf(...texts: readonly string[]): Line {
  const words = texts.map((text, index) => ({ text, startMs: index * 100, endMs: (index + 1) * 100 }));
  return { words, startMs: 0, endMs: texts.length * 100 };
}

function pageOf(lines: readonly Line[], some: Partial<LayoutSettings> = {}): PageLayout {
  const page: Page = { index: 0, lines, fromMs: 0, untilMs: 10_000, countdowns: [] };
  return layOut(page, { ...settings, ...some }, measure);
}

const seen = ({ rows }: PageLayout): readonly (readonly string[])[] =>
  rows.map(({ tokens }) => tokens.map(({ text }) => text));

describe("tokens", () => {
  test("syllables are drawn as one, words are not", () => {
    const { tokens } = tokensOf(lineOf("ka", "ra", "o", "ke ", "time"));
    expect(tokens.map(({ text, isSpaced }) => [text, isSpaced])).toEqual([
      ["karaoke", false],
      ["time", true],
    ]);
    expect(tokens[0]?.parts.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
      [5, 7],
    ]);
  });

  test("Japanese may be wrapped anywhere but before a comma and small letters", () => {
    expect(tokensOf(lineOf("ちょっと", "、待って。")).tokens.map(({ text }) => text)).toEqual([
      "ちょっ",
      "と、",
      "待っ",
      "て。",
    ]);
  });

  test("what is one character to a reader is never cut", () => {
    expect(tokensOf(lineOf("👩‍👩‍👧", "🇩🇪")).tokens).toHaveLength(1);
    const rows = seen(pageOf([lineOf("👩‍👩‍👧".repeat(10))], { width: 120 }));
    for (const text of rows.flat()) expect(text.length % "👩‍👩‍👧".length).toBe(0);
  });
});

describe("layOut", () => {
  test("long lines wrap between words, and words that are longer than a row inside", () => {
    const layout = pageOf([lineOf("one ", "two ", "three ", "four ", "five ", "six ", "seven")]);
    expect(seen(layout).map((row) => row.join(" "))).toEqual(["one two three four five six", "seven"]);
    expect(seen(pageOf([lineOf("a".repeat(40))])).map((row) => row.join("").length)).toEqual([28, 12]);
  });

  test("right-to-left lines stand from right to left, words of the other way inside them from left to right", () => {
    expect(seen(pageOf([lineOf("שלום ", "big ", "world ", "עולם")]))).toEqual([["עולם", "big", "world", "שלום"]]);
    expect(seen(pageOf([lineOf("say ", "שלום ", "עולם ", "now")]))).toEqual([["say", "עולם", "שלום", "now"]]);
  });

  test("all stands inside the picture, in boxes with even sides, whatever is shown", () => {
    for (const position of ["top", "middle", "bottom"] as const) {
      for (const align of ["start", "center", "end"] as const) {
        const lines = Array.from({ length: 8 }, () => lineOf("some ", "words ", "to ", "be ", "sung ", "together"));
        const { rows, fontSize } = pageOf(lines, { position, align });
        expect(fontSize).toBeLessThan(settings.fontSize);
        for (const { left, top, width, height } of rows) {
          for (const side of [left, top, width, height]) expect(side % 2).toBe(0);
          expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
          expect(left + width).toBeLessThanOrEqual(settings.width);
          expect(top + height).toBeLessThanOrEqual(settings.height);
        }
      }
    }
  });

  test("a line that is far too long ends in letters of some pixels, not in a search without end", () => {
    expect(pageOf([lineOf("word ".repeat(2_000))]).fontSize).toBeLessThan(8);
  });
});

describe("filling", () => {
  test("goes from left to right, and from right to left where that is the way of the words", () => {
    const ltr = pageOf([lineOf("aaaa", "aaaa")]).rows[0];
    const rtl = pageOf([lineOf("שששש", "שששש")]).rows[0];
    if (ltr === undefined || rtl === undefined) throw new Error("no rows");
    const [ltrSpan] = sungSpans(ltr, 100);
    const [rtlSpan] = sungSpans(rtl, 100);
    expect(ltrSpan?.from).toBe(0);
    expect(ltrSpan?.to).toBeCloseTo(ltr.width / 2, -1);
    expect(rtlSpan?.to).toBe(rtl.width);
    expect(rtlSpan?.from).toBeCloseTo(rtl.width / 2, -1);
  });

  test("by word changes a word at its start", () => {
    const row = pageOf([lineOf("aaaa ", "bbbb")], { fill: "word" }).rows[0];
    if (row === undefined) throw new Error("no row");
    expect(sungSpans(row, 0)).toEqual(sungSpans(row, 99));
    expect(sungSpans(row, 100)).toEqual([{ from: 0, to: row.width }]);
  });

  const texts = fc.array(
    fc.constantFrom("la ", "ka", "漢", "字、", "مرحبا ", "שלום ", "12 ", "👩‍👩‍👧 ", "long-word "),
    {
      minLength: 1,
      maxLength: 20,
    },
  );

  test("never goes back, stays even and inside its row, and ends with all", () => {
    fc.assert(
      fc.property(texts, fc.constantFrom("sweep" as const, "word" as const), (words, fill) => {
        const layout = pageOf([lineOf(...words)], { fill });
        let before = layout.rows.map(() => 0);
        for (let at = -10; at <= words.length * 100; at += 10) {
          const spans = spansOf(layout, at);
          const sums = spans.map((row) => row.reduce((sum, { from, to }) => sum + to - from, 0));
          sums.forEach((sum, index) => {
            expect(sum).toBeGreaterThanOrEqual(before[index] ?? 0);
          });
          for (const [index, row] of spans.entries()) {
            let end = 0;
            for (const { from, to } of row) {
              expect([from % 2, to % 2]).toEqual([0, 0]);
              expect(from).toBeGreaterThanOrEqual(end);
              expect(to).toBeGreaterThan(from);
              end = to;
            }
            expect(end).toBeLessThanOrEqual(layout.rows[index]?.width ?? 0);
          }
          before = sums;
        }
        expect(before).toEqual(layout.rows.map(({ width }) => width));
      }),
      { numRuns: 60 },
    );
  });
});

test("dots that have no room before a line have some above it", () => {
  const lines = [lineOf("one "), lineOf("two ")];
  const page: Page = {
    index: 0,
    lines,
    fromMs: 0,
    untilMs: 10_000,
    countdowns: [{ line: 1, fromMs: 0, untilMs: 3_000, dots: 3 }],
  };
  const stepOf = (some: Partial<LayoutSettings>): number => {
    const { rows } = layOut(page, { ...settings, ...some }, measure);
    const [one = 0, two = 0] = rows.map(({ top, baseline }) => top + baseline);
    return (two - one) / settings.fontSize;
  };
  expect(stepOf({ align: "center" })).toBeCloseTo(1.45);
  for (const align of ["start", "end"] as const) {
    const isBefore = align === "end";
    expect(stepOf({ align })).toBeCloseTo(isBefore ? 1.45 : 2.05);
    const { rows, fontSize } = layOut(page, { ...settings, align }, measure);
    const [one, two] = rows;
    if (one === undefined || two === undefined) throw new Error("two rows are expected");
    const all = dotsSize(3, fontSize, settings.outline);
    const dots = placeDots(two, { left: all, all }, { fontSize, width: settings.width });
    const isBelowOne = dots.top >= one.top + one.baseline;
    const isBeforeTwo = dots.left + all.width <= two.left;
    expect([isBelowOne, isBeforeTwo]).toEqual([true, isBefore]);
  }
});

test("thousands of words that do not fit are not set at every size on the way down", () => {
  const words = Array.from({ length: 2_000 }, (_, index) => `${"word".repeat(1 + (index % 3))} `);
  const page: Page = { index: 0, lines: [lineOf(...words)], fromMs: 0, untilMs: 10_000, countdowns: [] };
  let measured = 0;
  const counting = (text: string, fontSize: number): number => {
    measured++;
    return measure(text, fontSize);
  };
  const large = { ...settings, width: 3_840, height: 2_160, fontSize: 1_080 };
  const { rows, fontSize } = layOut(page, large, counting);
  expect(rows.length * 1.45 * fontSize).toBeLessThanOrEqual(2_160 * 0.9);
  expect(rows.length * 1.45 * (fontSize / 0.9)).toBeGreaterThan(2_160 * 0.6);
  expect(measured).toBeLessThan(30 * words.length);
});
