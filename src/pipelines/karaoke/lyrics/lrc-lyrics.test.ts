import { describe, expect, test } from "vitest";
import { readLrcLyrics } from "./lrc-lyrics.ts";
import type { Lyrics } from "./lyrics.ts";

const read = (...lines: readonly string[]): Lyrics => readLrcLyrics(lines.join("\n"), "song.lrc");
/** `start-end text` of each word. */
const words = ({ lines }: Lyrics): readonly (readonly string[])[] =>
  lines.map((line) => line.words.map(({ text, startMs, endMs }) => `${startMs}-${endMs} ${text}`));

describe("enhanced LRC", () => {
  test("a word lasts until the next stamp; the last until the stamp behind it", () => {
    const lyrics = read("[00:12.00] <00:12.00>When <00:12.50>the <00:13.10>truth<00:14.25>");
    expect(words(lyrics)).toEqual([["12000-12500 When ", "12500-13100 the ", "13100-14250 truth"]]);
  });

  test("a line begins with its stamp, its first word with its own", () => {
    const [line] = read("[00:12.00] <00:12.50>When<00:13>").lines;
    expect(line).toMatchObject({ startMs: 12_000, endMs: 13_000, words: [{ startMs: 12_500 }] });
  });

  test("the first word needs no stamp of its own, the line none beside the words'", () => {
    expect(words(read("[00:01.00]Oh <00:01.50>my<00:02>"))).toEqual([["1000-1500 Oh ", "1500-2000 my"]]);
    expect(words(read("<00:01.00>Oh <00:01.50>my<00:02>"))).toEqual([["1000-1500 Oh ", "1500-2000 my"]]);
  });

  test("stamps of words may stand in square brackets", () => {
    expect(words(read("[00:01.00]Oh [00:01.50]my[00:02]"))).toEqual([["1000-1500 Oh ", "1500-2000 my"]]);
  });

  test("a stamp without text is a pause", () => {
    expect(words(read("<00:01>a <00:02><00:03>b<00:04>"))).toEqual([["1000-2000 a ", "3000-4000 b"]]);
  });

  test("a space in front of a word belongs to the word before", () => {
    expect(words(read("<00:01>a<00:02> b<00:03>"))).toEqual([["1000-2000 a ", "2000-3000 b"]]);
  });

  test("several words between two stamps share the time by their letters", () => {
    expect(words(read("<00:01>so long<00:07>"))).toEqual([["1000-3000 so ", "3000-7000 long"]]);
  });

  test("what a stamp holds together stays together in Japanese", () => {
    expect(words(read("<00:01>世界<00:02>中<00:03>"))).toEqual([["1000-2000 世界", "2000-3000 中"]]);
  });

  test("a repeated line moves its words along", () => {
    const lyrics = read("[00:10.00][01:00.50]<00:10.00>la <00:10.50>la<00:11.00>");
    expect(words(lyrics)).toEqual([
      ["10000-10500 la ", "10500-11000 la"],
      ["60500-61000 la ", "61000-61500 la"],
    ]);
  });
});

describe("plain LRC", () => {
  test("a line lasts until the next begins, in order of time, not of the file", () => {
    expect(words(read("[00:04]third", "[00:01]one", "[00:02.5]second"))).toEqual([
      ["1000-2500 one"],
      ["2500-4000 second"],
      ["4000-6000 third"],
    ]);
  });

  test("but no longer than 1 s and 0.2 s for each letter, nor than the song", () => {
    expect(words(read("[00:01]la la", "[01:00]so"))).toEqual([["1000-1900 la ", "1900-2800 la"], ["60000-61400 so"]]);
    expect(words(read("[length: 0:02]", "[00:01]la la"))).toEqual([["1000-1500 la ", "1500-2000 la"]]);
  });

  test("an empty line or a stamp behind the text ends a line", () => {
    expect(words(read("[00:01]la la", "[00:02]", "[00:09]x"))[0]).toEqual(["1000-1500 la ", "1500-2000 la"]);
    expect(words(read("[00:01]la la[00:03]"))).toEqual([["1000-2000 la ", "2000-3000 la"]]);
  });

  test("each stamp of a repeated line is a line", () => {
    expect(read("[00:30.10][00:01.20][00:15.00]again").lines.map(({ startMs }) => startMs)).toEqual([
      1_200, 15_000, 30_100,
    ]);
  });

  test("Chinese and Japanese fill letter by letter, small kana and punctuation with the letter before", () => {
    expect(words(read("[00:00]きゃー、世界 ok[00:06]"))).toEqual([
      ["0-3000 きゃー、", "3000-4000 世", "4000-5000 界 ", "5000-6000 ok"],
    ]);
  });
});

describe("stamps", () => {
  test.each([
    ["[01:02]", 62_000],
    ["[1:02.3]", 62_300],
    ["[01:02.34]", 62_340],
    ["[01:02.345]", 62_345],
    ["[01:02:34]", 62_340],
    ["[100:00.00]", 6_000_000],
    ["[1:01:02.34]", 3_662_340],
  ])("%s", (stamp, ms) => {
    expect(read(`${stamp}x`).lines[0]?.startMs).toBe(ms);
  });

  test.each([
    ["[00:61.00]x", "song.lrc:1: [00:61.00] has more than 59 seconds or minutes"],
    ["[1:61:02.34]x", "song.lrc:1: [1:61:02.34] has more than 59 seconds or minutes"],
    ["[-00:01.00]x", "song.lrc:1: [-00:01.00] is before the song"],
    ["[00:01,50]x", "song.lrc:1: begins with a time that is none; it must be like [01:23.45]"],
    ["<00:05>a<00:02>b<00:06>", 'song.lrc:1: "a" ends at 2000 ms, before it begins at 5000 ms'],
    ["[00:05]a[00:02]", 'song.lrc:1: "a" ends at 2000 ms, before it begins at 5000 ms'],
    ["[00:01]a\n\nno time here", "song.lrc:3: has no time like [01:23.45]"],
    ["[9999:00]a", 'song.lrc:1: "a" ends beyond 24 hours'],
    ["[offset:soon]\n[00:01]a", "song.lrc:1: [offset:] must be whole milliseconds, a day at most"],
    ["[ti:Nothing]\n[00:01.00]", "song.lrc: there are no lyrics in it"],
    ["", "song.lrc: there are no lyrics in it"],
  ])("%s is refused with its line", (text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message }));
  });
});

describe("tags", () => {
  test("title and artist, one in a line or several", () => {
    expect(read("[ti: Song [live] ]", "[ar:She]", "[00:01]a")).toMatchObject({ title: "Song [live]", artist: "She" });
    expect(read("[TI:Song] [ar:She][by:x]", "[00:01]a")).toMatchObject({ title: "Song", artist: "She" });
    expect(read("[ti:]", "[00:01]a")).not.toHaveProperty("title");
  });

  test("a positive offset brings the lyrics sooner, wherever it stands; what is then before the song is cut", () => {
    expect(words(read("[00:02]a[00:03]", "[offset:+1500]"))).toEqual([["500-1500 a"]]);
    expect(words(read("[offset:-1500]", "[00:02]a[00:03]"))).toEqual([["3500-4500 a"]]);
    expect(words(read("[offset:2500]", "[00:02]a[00:03]", "[00:01]b[00:02]"))).toEqual([["0-500 a"]]);
  });

  test("headings, remarks and unknown tags say nothing", () => {
    expect(words(read("[Chorus]", "# made by hand", "[re:editor]", "[00:01]a[00:02]"))).toEqual([["1000-2000 a"]]);
  });
});
