import { z } from "zod";
import { isStorableText } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { applyPresets } from "./apply-presets.ts";
import { hasFewValues, isRecord } from "./json-values.ts";
import { BUILT_IN_PRESETS, type Preset, type Presets } from "./presets.ts";
import { fieldError, issueError, type JsonPlace } from "./project-errors.ts";
import { colorSchema, styleSchema, videoSchema } from "./style.ts";

const LYRICS_MAX_SECONDS = LIMITS.songMs / 1_000;

const text = z.string().max(500).refine(isStorableText, "must hold no NUL and no lone surrogate");
const filePath = z
  .string()
  .min(1)
  .max(LIMITS.keyBytes)
  .refine(isStorableText, "must hold no NUL and no lone surrogate")
  .refine((path) => !/^[a-z][a-z0-9+.-]+:\/\//i.test(path), "must be a file, not an address");
const seconds = z.number().min(0).max(LYRICS_MAX_SECONDS);

/** A word's order among the others and the bounds of a line are checked where the lines are made (`lyrics/lyrics-builder.ts`). */
const wordSchema = z.strictObject({
  text: z
    .string()
    .max(LIMITS.wordLength)
    .describe("A word, or a syllable; a space at its end says that a word ends here"),
  start: seconds.describe("Seconds"),
  end: seconds.describe("Seconds; not before start"),
});

const lineSchema = z.strictObject({
  words: z.array(wordSchema).min(1).max(LIMITS.lineWords).describe("In the order in which they are sung"),
  singer: text.optional().describe("Who sings the line: `style.singers` may give them a colour"),
});

/** Lyrics with times as JSON: a file of its own, or inside a project. */
const lyricsSchema = z.strictObject({
  title: text.optional().describe("Of the song"),
  artist: text.optional().describe("Who made the song"),
  lines: z.array(lineSchema).min(1).max(LIMITS.lyricsLines).describe("In any order; they may overlap"),
});

const backgroundSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("color"), color: colorSchema.describe("Of all of it") }).describe("One colour"),
  z
    .strictObject({
      type: z.literal("gradient"),
      from: colorSchema.describe("Where it begins"),
      to: colorSchema.describe("Where it ends"),
      angle: z.number().min(-360).max(360).default(180).describe("Degrees as in CSS: 0 is up, 90 right, 180 down"),
    })
    .describe("From one colour to another"),
  z
    .strictObject({
      type: z.literal("image"),
      path: filePath.describe("A file"),
      fit: z.enum(["cover", "contain"]).default("cover").describe("Fill the frame and cut, or show all with bars"),
    })
    .describe("A picture"),
  z
    .strictObject({
      type: z.literal("video"),
      path: filePath.describe("A file"),
      loop: z.boolean().default(true).describe("Begin again at its end; else its last picture stays"),
    })
    .describe("A video; its sound is not used"),
]);

/** A project: everything that makes one karaoke video, as a user writes it. Unknown fields are refused. */
const projectSchema = z
  .strictObject({
    $schema: z.string().max(LIMITS.keyBytes).optional().describe("Where editors find the JSON Schema; not read"),
    version: z.literal(1).default(1).describe("Of this format"),
    title: text.optional().describe("Of the song; else what the lyrics say"),
    artist: text.optional().describe("Who made the song; else what the lyrics say"),
    lyrics: z
      .union([filePath, lyricsSchema], "must be a file's path or an object with `lines`")
      .describe("A file (.json, .lrc or .ass; relative to the project's) or the lines themselves"),
    audio: filePath.optional().describe("A file: MP3, WAV, AAC or M4A, Ogg; without one the video is silent"),
    duration: z
      .number()
      .positive()
      .max(LYRICS_MAX_SECONDS)
      .optional()
      .describe("Seconds; else as long as the audio, else 2 s beyond the last line"),
    background: backgroundSchema
      .default({ type: "gradient", from: "#101a3a", to: "#05060f", angle: 180 })
      .describe("What is behind the words"),
    video: videoSchema.prefault({}).describe("The picture's size and rate"),
    style: styleSchema.prefault({}).describe("How the words look"),
    offset: z
      .number()
      .min(-LYRICS_MAX_SECONDS)
      .max(LYRICS_MAX_SECONDS)
      .default(0)
      .describe("Seconds added to all times of the lyrics; what then lies before 0 is cut"),
    preset: z.string().min(1).max(64).optional().describe("A preset whose values count where this project gives none"),
  })
  .meta({ title: "Karaoke project", description: "A karaoke video as Milepost makes it" });

/** What a user writes. */
export type KaraokeProject = z.input<typeof projectSchema>;
/** A project with all that the user left out. */
export type Project = z.output<typeof projectSchema>;
export type Background = Project["background"];
export type LyricsJson = z.output<typeof lyricsSchema>;

export interface ParseOptions {
  /** Those that the project may name; default: the built-in ones. */
  readonly presets?: Presets;
  /** One whose values count before the project's own. */
  readonly preset?: Preset;
  /** The JSON that `value` was read from, to tell the line of what is wrong. */
  readonly text?: string | undefined;
}

/**
 * Checks a project and fills in what it leaves out: from the preset it names, then from the defaults.
 *
 * @param source what to call it in messages: its file's path
 * @throws {MilepostError} `INVALID_ARGUMENT`, with the source, the line if the text is known, and the field.
 */
export function parseProject(value: unknown, source: string, options: ParseOptions = {}): Project {
  const place = { source, text: options.text };
  const lyrics = hasLines(value) ? checkLyrics(value.lyrics, { ...place, path: ["lyrics"] }) : undefined;
  // The lines were checked one by one; here their place is held by a path.
  const rest = hasLines(value) ? { ...value, lyrics: "lines" } : value;
  if (!hasFewValues(rest, LIMITS.projectValues)) {
    throw fieldError(place, [], `a project must have at most ${LIMITS.projectValues} values besides its lines`);
  }
  const whole = applyPresets(rest, source, options.presets ?? BUILT_IN_PRESETS, options.preset);
  const result = projectSchema.safeParse(whole);
  if (!result.success) throw issueError(result.error, whole, place);
  return lyrics === undefined ? result.data : { ...result.data, lyrics };
}

/**
 * Checks lyrics as JSON line by line, and stops at the first that is wrong: a schema would gather millions of mistakes.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with the place.
 */
export function checkLyrics(value: { readonly lines: readonly unknown[] }, place: JsonPlace): LyricsJson {
  const { lines: given, ...rest } = value;
  if (given.length > LIMITS.lyricsLines) {
    throw fieldError(place, ["lines"], `lyrics must have at most ${LIMITS.lyricsLines} lines; found ${given.length}`);
  }
  const about = lyricsSchema.safeParse({ ...rest, lines: given.length === 0 ? [] : [SOME_LINE] });
  if (!about.success) throw issueError(about.error, value, place);
  const lines = given.map((line, index) => {
    const path = ["lines", index];
    if (hasWords(line) && line.words.length > LIMITS.lineWords) {
      throw fieldError(place, path, `a line must have at most ${LIMITS.lineWords} words; found ${line.words.length}`);
    }
    const result = lineSchema.safeParse(line);
    if (result.success) return result.data;
    throw issueError(result.error, line, { ...place, path: [...(place.path ?? []), ...path] });
  });
  return { ...about.data, lines };
}

const SOME_LINE = { words: [{ text: "", start: 0, end: 0 }] };

function hasLines(value: unknown): value is { readonly lyrics: { readonly lines: readonly unknown[] } } {
  return isRecord(value) && isLyricsLike(value.lyrics);
}

/** True if it has lines, of whatever kind. */
export function isLyricsLike(value: unknown): value is { readonly lines: readonly unknown[] } {
  return isRecord(value) && Array.isArray(value.lines);
}

function hasWords(value: unknown): value is { readonly words: readonly unknown[] } {
  return isRecord(value) && Array.isArray(value.words);
}

/** JSON Schema (2020-12) of a project as a user writes it. */
export function karaokeJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(projectSchema, { io: "input" });
}
