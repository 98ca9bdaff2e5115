import { describe, expect, test } from "vitest";
import type { Line } from "../lyrics/lyrics.ts";
import { FULL, fractionAt, Timeline } from "./timeline.ts";

const line = (startMs: number, endMs: number): Line => ({ words: [{ text: "la", startMs, endMs }], startMs, endMs });
const style = { lines: 2, leadIn: 0, fadeMs: 0 };

describe("Timeline", () => {
  test("a page turns when its lines are sung, and the last lingers", () => {
    const timeline = new Timeline([line(3_000, 4_000), line(4_000, 5_000), line(5_500, 6_000)], style);
    expect(timeline.pages.map(({ fromMs, untilMs }) => [fromMs, untilMs])).toEqual([
      [1_000, 5_000],
      [5_000, 7_000],
    ]);
    expect(timeline.at(999)).toBeNull();
    expect(timeline.at(1_000)?.page.index).toBe(0);
    expect(timeline.at(5_000)?.page.index).toBe(1);
    expect(timeline.at(7_000)).toBeNull();
  });

  test("a long silence begins a page; lines that overlap never hide a page's own first word", () => {
    const silent = new Timeline([line(0, 1_000), line(10_000, 11_000)], style);
    expect(silent.pages).toHaveLength(2);
    expect(silent.at(5_000)).toBeNull();
    const overlapping = new Timeline([line(0, 9_000), line(100, 200), line(300, 400)], style);
    expect(overlapping.at(300)?.page.index).toBe(1);
  });

  test("pages fade in and out, but one that is there at the start does not fade in", () => {
    const timeline = new Timeline([line(3_000, 4_000)], { ...style, fadeMs: 200 });
    expect(timeline.at(1_100)?.opacity).toBe(FULL / 2);
    expect(timeline.at(2_000)?.opacity).toBe(FULL);
    expect(timeline.at(4_950)?.opacity).toBe(FULL / 4);
    expect(new Timeline([line(100, 4_000)], { ...style, fadeMs: 200 }).at(0)?.opacity).toBe(FULL);
  });

  test("dots count down to a line after a silence, and to no other", () => {
    const timeline = new Timeline([line(4_000, 5_000), line(5_000, 6_000), line(9_500, 10_000)], {
      ...style,
      leadIn: 3,
    });
    expect(timeline.at(999)?.countdown ?? null).toBeNull();
    expect([1_000, 2_001, 3_001].map((at) => timeline.at(at)?.countdown?.left)).toEqual([3, 2, 1]);
    expect(timeline.at(4_500)?.countdown).toBeNull();
    expect(timeline.at(6_500)).toMatchObject({ page: { index: 1 }, countdown: { line: 0, left: 3, dots: 3 } });
  });

  test("what takes no time is over at its start", () => {
    expect([99, 100, 101].map((at) => fractionAt(at, 100, 100))).toEqual([0, 1, 1]);
    expect(fractionAt(150, 100, 200)).toBe(0.5);
  });

  test("looking up a time of a long song takes steps by its logarithm", () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => line(index * 1_000, index * 1_000 + 900));
    const timeline = new Timeline(lines, { ...style, lines: 1 });
    for (let at = 0; at < 100_000; at += 997) expect(timeline.at(at * 1_000 + 500)?.page.index).toBe(at);
  });
});
