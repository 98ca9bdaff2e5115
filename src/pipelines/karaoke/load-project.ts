import { dirname, resolve } from "node:path";
import { LIMITS } from "../../core/limits.ts";
import { BaseFolder } from "./base-folder.ts";
import { lineOfPath } from "./json-lines.ts";
import { toLyrics } from "./lyrics/json-lyrics.ts";
import type { Lyrics } from "./lyrics/lyrics.ts";
import { readLyrics } from "./lyrics/read-lyrics.ts";
import { shiftLyrics } from "./lyrics/shift-lyrics.ts";
import type { Preset, Presets } from "./presets.ts";
import { type Project, parseProject } from "./project.ts";
import { readTextFile } from "./read-file.ts";
import { parseJson } from "./read-json.ts";

/** What a project without audio and duration shows after its last line. */
const AFTER_LAST_LINE_MS = 2_000;
const FONT_FILE = /\.(?:ttf|otf|ttc|woff2?)$/i;

/** A font that a project asks for. */
export type Font = { readonly family: string } | { readonly path: string };

/** A project with its lyrics read and its files found. */
export interface LoadedProject {
  readonly project: Project;
  /** With the project's offset in them. */
  readonly lyrics: Lyrics;
  readonly baseFolder: string;
  /** Absolute; each was a regular file a moment ago. */
  readonly files: { readonly audio?: string; readonly backgroundImage?: string; readonly backgroundVideo?: string };
  /** The best first; their paths as those of `files`. */
  readonly fonts: readonly Font[];
  /** Null: the audio decides. */
  readonly durationMs: number | null;
}

export interface LoadOptions {
  /** One whose values count before the project's own: what was asked for with `--preset`. */
  readonly preset?: Preset;
  /** Those that the project may name; default: the built-in ones. */
  readonly presets?: Presets;
  /** True: the project is not trusted; no file outside its folder is read. Default false. */
  readonly isConfined?: boolean;
  /** The only files that the project may name, each with its path from the project's folder; default: whatever is there. */
  readonly names?: ReadonlyMap<string, string>;
  /** What to call the project's file in messages; default: its path. */
  readonly source?: string;
}

/**
 * Reads a project and its lyrics and finds its files. Neither audio nor pictures are looked into.
 *
 * @param from the project's file, or its value and the folder that its paths start from
 * @throws {MilepostError} `NOT_FOUND` for a missing file; `INVALID_ARGUMENT` with file, line and field for what is wrong.
 */
export async function loadProject(
  from: string | { readonly value: unknown; readonly baseFolder: string },
  options: LoadOptions = {},
): Promise<LoadedProject> {
  const source = options.source ?? (typeof from === "string" ? from : "project");
  const text = typeof from === "string" ? await readTextFile(from, source, LIMITS.projectBytes) : undefined;
  const value = typeof from === "string" ? parseJson(text ?? "", source) : from.value;
  const project = parseProject(value, source, { ...options, ...(text === undefined ? {} : { text }) });
  const path = typeof from === "string" ? dirname(resolve(from)) : from.baseFolder;
  const folder = new BaseFolder(path, source, {
    isConfined: options.isConfined === true,
    names: options.names ?? null,
  });
  const lyrics = shiftLyrics(await lyricsOf(project, { folder, source, text }), project.offset * 1_000, source);
  return {
    project,
    lyrics,
    baseFolder: folder.path,
    files: await filesOf(project, folder),
    fonts: await fontsOf(project, folder),
    durationMs: durationOf(project, lyrics),
  };
}

async function lyricsOf(
  { lyrics }: Project,
  from: { readonly folder: BaseFolder; readonly source: string; readonly text: string | undefined },
): Promise<Lyrics> {
  const { folder, source, text } = from;
  if (typeof lyrics === "string") return await readLyrics(await folder.find(lyrics, "lyrics"), lyrics);
  return toLyrics(lyrics, source, (index) =>
    text === undefined ? null : lineOfPath(text, ["lyrics", "lines", index]),
  );
}

async function filesOf({ audio, background }: Project, folder: BaseFolder): Promise<LoadedProject["files"]> {
  const files: { audio?: string; backgroundImage?: string; backgroundVideo?: string } = {};
  if (audio !== undefined) files.audio = await folder.find(audio, "audio");
  if (background.type === "image") files.backgroundImage = await folder.find(background.path, "background.path");
  if (background.type === "video") files.backgroundVideo = await folder.find(background.path, "background.path");
  return files;
}

async function fontsOf({ style: { font = [] } }: Project, folder: BaseFolder): Promise<readonly Font[]> {
  const fonts: Font[] = [];
  for (const name of [font].flat()) {
    fonts.push(FONT_FILE.test(name) ? { path: await folder.find(name, "style.font") } : { family: name });
  }
  return fonts;
}

function durationOf({ duration, audio }: Project, lyrics: Lyrics): number | null {
  if (duration !== undefined) return Math.round(duration * 1_000);
  if (audio !== undefined) return null;
  return lyrics.lines.reduce((last, { endMs }) => Math.max(last, endMs), 0) + AFTER_LAST_LINE_MS;
}
