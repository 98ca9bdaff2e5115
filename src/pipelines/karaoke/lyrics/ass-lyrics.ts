import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import { parseAssText } from "./ass-text.ts";
import type { Lyrics } from "./lyrics.ts";
import { LyricsBuilder } from "./lyrics-builder.ts";
import { splitLines } from "./split-lines.ts";

/** Fields of an event where the file names none: version 4+ of the format. */
const USUAL_FIELDS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text";
/** A field of an event; no more of it is looked at. */
const FIELDS_MAX = 32;
/** What editors write for a script without a title. */
const NO_TITLE = /^(?:default aegisub file|<untitled>|untitled)$/i;

/** Where the columns of an event stand; -1: nowhere. */
interface Columns {
  readonly count: number;
  readonly start: number;
  readonly end: number;
  readonly name: number;
  readonly effect: number;
  readonly text: number;
}

/**
 * ASS: the Dialogue lines of [Events], with the times of syllables from `\k`, `\K`, `\kf`, `\ko` and `\kt` (`parseAssText`).
 *
 * Styles, fonts, pictures and all other override tags are not looked at, so nothing in the file can name a file. Comments are left out; of
 * a script that Aegisub's templates have run over, the lines that they were made from (Comment, effect `karaoke`) are taken, and what they
 * made (effect `fx`) is not.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with file and line: no [Events], times that cannot be read or go back.
 */
export function readAssLyrics(text: string, source: string): Lyrics {
  const builder = new LyricsBuilder(source);
  let section: string | null = null;
  let columns = columnsOf(USUAL_FIELDS);
  let hasEvents = false;
  let title: string | undefined;
  for (const { line, at } of splitLines(text, source)) {
    const heading = sectionOf(line);
    if (heading !== null) {
      section = heading;
      hasEvents ||= section === "events";
      continue;
    }
    const [name, value] = splitOnce(line, ":");
    if (section === "script info" && name === "title" && !NO_TITLE.test(value)) title = value;
    if (section !== "events") continue;
    if (name === "format") columns = formatOf(value, at, source);
    if (name === "dialogue" || name === "comment") addEvent(builder, { kind: name, value, columns, at, source });
  }
  if (!hasEvents) throw fileError(source, null, "is no ASS: there is no [Events] in it");
  return builder.finish({ title });
}

function addEvent(
  builder: LyricsBuilder,
  event: {
    readonly kind: "dialogue" | "comment";
    readonly value: string;
    readonly columns: Columns;
    readonly at: number;
    readonly source: string;
  },
): void {
  const { value, columns, at, source } = event;
  const fields = splitFields(value, columns.count);
  const effect = fields[columns.effect]?.trim().toLowerCase();
  if (event.kind === "dialogue" ? effect === "fx" : effect !== "karaoke") return;
  if (fields.length < columns.count) {
    throw fileError(source, at, `an event must have ${columns.count} fields; found ${fields.length}`);
  }
  const startMs = toMs(fields[columns.start], at, source);
  const endMs = toMs(fields[columns.end], at, source);
  if (endMs < startMs) throw fileError(source, at, `ends at ${endMs} ms, before it begins at ${startMs} ms`);
  const singer = fields[columns.name]?.trim();
  for (const line of parseAssText(fields.at(-1) ?? "", { startMs, endMs, at, source })) {
    builder.add({ ...line, at, singer });
  }
}

/** `[Events]` → `events`; null for any other line. */
function sectionOf(line: string): string | null {
  return line.length <= 40 && /^\[[A-Za-z0-9+ ]+\]$/.test(line) ? line.slice(1, -1).toLowerCase() : null;
}

function formatOf(value: string, at: number, source: string): Columns {
  const columns = columnsOf(value);
  if (columns.start >= 0 && columns.end >= 0 && columns.text === columns.count - 1) return columns;
  throw fileError(source, at, "the format of events must name Start and End, and Text as the last");
}

function columnsOf(format: string): Columns {
  const names = splitFields(format, FIELDS_MAX).map((name) => name.trim().toLowerCase());
  const name = names.indexOf("name");
  return {
    count: names.length,
    start: names.indexOf("start"),
    end: names.indexOf("end"),
    name: name === -1 ? names.indexOf("actor") : name,
    effect: names.indexOf("effect"),
    text: names.indexOf("text"),
  };
}

/** The first `count` fields between commas; the last holds all that is left, commas too. */
function splitFields(value: string, count: number): readonly string[] {
  const fields: string[] = [];
  let from = 0;
  while (fields.length < count - 1) {
    const comma = value.indexOf(",", from);
    if (comma === -1) break;
    fields.push(value.slice(from, comma));
    from = comma + 1;
  }
  return [...fields, value.slice(from)];
}

/** `Name: value`, the name in lower case. */
function splitOnce(line: string, by: string): readonly [name: string, value: string] {
  const at = line.indexOf(by);
  if (at === -1 || at > 40) return ["", ""];
  return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()];
}

/** `H:MM:SS.cc`; as many digits as there are of the fraction, up to milliseconds. */
function toMs(written: string | undefined, at: number, source: string): number {
  const time = (written ?? "").trim();
  const [, hours, minutes, seconds, fraction = ""] =
    /^(\d{1,3}):(\d{1,2}):(\d{1,2})(?:[.:](\d{1,3}))?$/.exec(time) ?? [];
  if (hours === undefined || Number(minutes) > 59 || Number(seconds) > 59) {
    throw fileError(source, at, `a time must be like 0:01:23.45; found ${JSON.stringify(time.slice(0, 40))}`);
  }
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000 + Number(fraction.padEnd(3, "0"));
  if (ms <= LIMITS.songMs) return ms;
  throw fileError(source, at, `${time} is beyond ${LIMITS.songMs / 3_600_000} hours`);
}
