import type { Line, Lyrics } from "../../src/pipelines/karaoke/lyrics/lyrics.ts";

/** Lyrics as JSON with the times of words, exact. */
export function toJsonLyrics({ title, artist, lines }: Lyrics): string {
  const entries = lines.map(({ words, singer }) => ({
    words: words.map(({ text, startMs, endMs }) => ({ text, start: startMs / 1_000, end: endMs / 1_000 })),
    singer,
  }));
  return `${JSON.stringify({ title, artist, lines: entries }, null, 1)}\n`;
}

/** Lyrics as enhanced LRC with times to the millisecond. A pause between two words is a stamp of its own. Singers are lost. */
export function toLrcLyrics({ title, artist, lines }: Lyrics): string {
  const tags = [title === undefined ? [] : `[ti:${title}]`, artist === undefined ? [] : `[ar:${artist}]`].flat();
  const written = lines.map(({ words, startMs }) => {
    const texts = words.map(({ text, startMs: from, endMs }, index) => {
      const next = words[index + 1]?.startMs;
      return `<${lrcTime(from)}>${text}${next === endMs ? "" : `<${lrcTime(endMs)}>`}`;
    });
    return `[${lrcTime(startMs)}]${texts.join("")}`;
  });
  return `${[...tags, ...written].join("\n")}\n`;
}

/** Lyrics as LRC with a time for each line and none for words. An empty line ends one that is followed by a silence. */
export function toPlainLrcLyrics({ lines }: Lyrics): string {
  const written = lines.flatMap(({ words, startMs, endMs }, index) => {
    const isFollowed = lines[index + 1]?.startMs === endMs;
    return [`[${lrcTime(startMs)}]${textOf(words)}`, ...(isFollowed ? [] : [`[${lrcTime(endMs)}]`])];
  });
  return `${written.join("\n")}\n`;
}

/** Lyrics as ASS with `\kf` tags; times to the hundredth of a second. A pause between two words is an empty syllable. */
export function toAssLyrics({ title, lines }: Lyrics): string {
  const events = lines.map((line) => {
    const times = `${assTime(line.startMs)},${assTime(line.endMs)}`;
    return `Dialogue: 0,${times},Default,${line.singer ?? ""},0,0,0,,${assText(line)}`;
  });
  return `${[
    "[Script Info]",
    `Title: ${title ?? ""}`,
    "ScriptType: v4.00+",
    "PlayResX: 1280",
    "PlayResY: 720",
    "",
    "[V4+ Styles]",
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding",
    "Style: Default,Noto Sans,58,&H003FD2FF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,4,0,5,20,20,20,1",
    "",
    "[Events]",
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ...events,
  ].join("\n")}\n`;
}

function assText({ words, startMs }: Line): string {
  let at = hundredths(startMs);
  const parts = words.map((word) => {
    const [from, to] = [hundredths(word.startMs), hundredths(word.endMs)];
    const pause = from > at ? `{\\k${from - at}}` : "";
    at = to;
    return `${pause}{\\kf${to - from}}${word.text}`;
  });
  return parts.join("");
}

function textOf(words: Line["words"]): string {
  return words.map(({ text }) => text).join("");
}

/** `01:23.456` */
function lrcTime(ms: number): string {
  return `${pad(Math.floor(ms / 60_000), 2)}:${pad(Math.floor(ms / 1_000) % 60, 2)}.${pad(ms % 1_000, 3)}`;
}

/** `0:01:23.45` */
function assTime(ms: number): string {
  const whole = hundredths(ms);
  const [hours, minutes, seconds] = [
    Math.floor(whole / 360_000),
    Math.floor(whole / 6_000) % 60,
    Math.floor(whole / 100) % 60,
  ];
  return `${hours}:${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(whole % 100, 2)}`;
}

function hundredths(ms: number): number {
  return Math.round(ms / 10);
}

function pad(value: number, length: number): string {
  return String(value).padStart(length, "0");
}
