import { describe, expect, test } from "vitest";
import { readAssLyrics } from "./ass-lyrics.ts";
import type { Lyrics } from "./lyrics.ts";

const FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text";
const read = (...events: readonly string[]): Lyrics =>
  readAssLyrics(["[Script Info]", "Title: Tune", "", "[Events]", FORMAT, ...events].join("\r\n"), "song.ass");
/** An event from 1 s to 5 s. */
const event = (text: string): string => `Dialogue: 0,0:00:01.00,0:00:05.00,Default,,0,0,0,,${text}`;
const rows = ({ lines }: Lyrics): readonly string[] =>
  lines.map(({ words, startMs, endMs }) => {
    const texts = words.map((word) => `${word.startMs}-${word.endMs} ${word.text}`);
    return `${startMs}-${endMs}: ${texts.join("|")}`;
  });

describe("karaoke tags", () => {
  test.each(["k", "K", "kf", "ko"])("\\%s is the time of a syllable in hundredths", (tag) => {
    const lyrics = read(event(`{\\${tag}50}ka{\\${tag}25}ra {\\${tag}100}oke`));
    expect(rows(lyrics)).toEqual(["1000-5000: 1000-1500 ka|1500-1750 ra |1750-2750 oke"]);
  });

  test("an empty syllable is a pause, and so is one of a space", () => {
    expect(rows(read(event("{\\k50}a{\\k50}{\\k50}b{\\k94} {\\k21}c")))).toEqual([
      "1000-5000: 1000-1500 a|2000-2500 b |3440-3650 c",
    ]);
    expect(rows(read(event("{\\k50\\k30}a")))).toEqual(["1000-5000: 1500-1800 a"]);
  });

  test("\\kt begins anew from the event's start", () => {
    expect(rows(read(event("{\\kt100\\k50}a{\\kt300\\kf20}b")))).toEqual(["1000-5000: 2000-2500 a|4000-4200 b"]);
  });

  test("text before the first tag is there from the start", () => {
    expect(rows(read(event("(Ann) {\\k50}a")))).toEqual(["1000-5000: 1000-1000 (Ann) |1000-1500 a"]);
  });

  test("syllables may take longer than their event", () => {
    expect(rows(read(event("{\\k900}a")))).toEqual(["1000-10000: 1000-10000 a"]);
  });

  test("without any the words share the time by their letters", () => {
    expect(rows(read(event("so long")))).toEqual(["1000-5000: 1000-2333 so |2333-5000 long"]);
  });
});

describe("text", () => {
  test("other tags, comments and drawings are left out", () => {
    const text = "{\\an8\\fnEvil/../font.ttf\\pos(1,2)\\k10\\t(0,5,\\fs20)}a{note}b {\\p1}m 0 0 l 5 5{\\p0}{\\i1}c";
    expect(rows(read(event(text)))).toEqual(["1000-5000: 1000-1067 ab |1067-1100 c"]);
  });

  test("\\N begins a row with its own first syllable; \\n is a space, \\h one that does not break", () => {
    expect(rows(read(event("{\\k50}a{\\k50}\\Nb\\nc")))).toEqual([
      "1000-1500: 1000-1500 a",
      "1500-5000: 1500-1750 b |1750-2000 c",
    ]);
    expect(rows(read(event("one\\h1\\N \\Ntwo")))).toEqual([
      "1000-3286: 1000-3286 one\u00a01",
      "3286-5000: 3286-5000 two",
    ]);
  });

  test("a brace that is never closed is text", () => {
    expect(rows(read(event("a {b")))).toEqual(["1000-5000: 1000-2333 a |2333-5000 {b"]);
  });
});

describe("events", () => {
  test("columns are where Format says; the name is the singer; commas belong to the text", () => {
    const text = "[Events]\nFormat: Start, End, Actor, Text\nDialogue: 0:00:01.00,0:00:02.00, Ann ,{\\k10}a, b";
    expect(readAssLyrics(text, "song.ass").lines).toMatchObject([
      { singer: "Ann", words: [{ text: "a, " }, { text: "b" }] },
    ]);
  });

  test("comments are left out, and of templates what they made, not what they were made from", () => {
    const at = "0,0:00:01.00,0:00:05.00,Default,,0,0,0";
    const lyrics = read(
      `Comment: ${at},template syl,!retime("line")!`,
      `Comment: ${at},karaoke,{\\k400}sung`,
      `Comment: ${at},,aside`,
      `Dialogue: ${at},fx,{\\pos(1,2)}su`,
      "Comment: broken",
    );
    expect(rows(lyrics)).toEqual(["1000-5000: 1000-5000 sung"]);
  });

  test("title, other sections and unknown lines", () => {
    expect(read(event("a")).title).toBe("Tune");
    const text = `[Script Info]\nTitle: <untitled>\n[Fonts]\nfontname: evil.ttf\nDialogue: 0,bad\n[Events]\n; remark\n${event("a")}\n[Graphics]\nDialogue: bad`;
    expect(readAssLyrics(text, "song.ass")).toEqual({
      lines: [{ startMs: 1_000, endMs: 5_000, words: [{ text: "a", startMs: 1_000, endMs: 5_000 }] }],
    });
  });

  test.each([
    ["Dialogue: 0,0:00:05.00,0:00:01.00,D,,0,0,0,,a", "song.ass:6: ends at 1000 ms, before it begins at 5000 ms"],
    [
      "Dialogue: 0,-0:00:05.00,0:00:01.00,D,,0,0,0,,a",
      'song.ass:6: a time must be like 0:01:23.45; found "-0:00:05.00"',
    ],
    ["Dialogue: 0,0:00:75.00,0:02:01.00,D,,0,0,0,,a", 'song.ass:6: a time must be like 0:01:23.45; found "0:00:75.00"'],
    ["Dialogue: 0,25:00:00.00,26:00:00.00,D,,0,0,0,,a", "song.ass:6: 25:00:00.00 is beyond 24 hours"],
    ["Dialogue: 0,0:00:01.00,0:00:05.00,D", "song.ass:6: an event must have 10 fields; found 4"],
    ["Format: Start, Text, End", "song.ass:6: the format of events must name Start and End, and Text as the last"],
    [event("{\\k-50}a"), "song.ass:6: \\k-50 is negative"],
    [
      event("{\\kt300\\k10}a{\\kt100\\k10}b"),
      'song.ass:6: "a" begins at 4000 ms, after the word that follows it (2000 ms)',
    ],
    ["; nothing", "song.ass: there are no lyrics in it"],
  ])("%s is refused with its line", (line, message) => {
    expect(() => read(line)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message }));
  });

  test("a file without [Events] is none", () => {
    expect(() => readAssLyrics("WEBVTT\n", "song.ass")).toThrow("song.ass: is no ASS: there is no [Events] in it");
  });
});
