import { isAbsolute } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { isStorableText } from "../../core/json.ts";
import { checkVideoTemplate } from "./video-name.ts";

export const ENCODERS = ["auto", "webcodecs", "ffmpeg"] as const;
export type EncoderChoice = (typeof ENCODERS)[number];

/** Threads that one export may draw and encode with. */
export const THREADS_MAX = 256;

/** What `loadPresets` goes by. */
export type PresetPlaces = {
  /** Absolute; relative paths start here. */
  readonly folder: string;
  /** What MILEPOST_PRESETS says where the batch is submitted. */
  readonly env: string | null;
  readonly file: string | null;
};

/** How projects are exported: the options of a batch of the pipeline `karaoke`. A type, not an interface, so that it is `Json`. */
export type KaraokeOptions = {
  /** The folder that videos go to, for items that do not say their own; an absolute path, or null. */
  readonly out: string | null;
  /** Path of a video under `out`, with `{name}`, the project file's, and `{preset}`; default `{name}.mp4`. */
  readonly nameTemplate: string;
  /** A preset whose values count before the project's own; null for none. */
  readonly preset: string | null;
  /** Where presets besides the built-in ones are looked for; null for nowhere. */
  readonly presets: PresetPlaces | null;
  /** About how many processors one export may keep busy; null: all. */
  readonly threads: number | null;
  readonly encoder: EncoderChoice;
  /** True: projects are not trusted; no file outside their folder is read. */
  readonly isConfined: boolean;
};

const NAMES = ["out", "nameTemplate", "preset", "presets", "threads", "encoder", "isConfined"] as const;

/**
 * Checks the options of a batch and fills in the defaults. What is `undefined` or null counts as not given.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`, naming the option, what was expected and what was found.
 */
export function toKaraokeOptions(given: unknown): KaraokeOptions {
  if (typeof given !== "object" || Array.isArray(given))
    throw refused("the options of a karaoke batch", "an object", given);
  const fields: Readonly<Record<string, unknown>> = { ...given };
  const stranger = Object.keys(fields).find((name) => !NAMES.some((known) => known === name));
  if (stranger !== undefined) throw refused("a karaoke option", `one of ${NAMES.join(", ")}`, stranger);
  const options: KaraokeOptions = {
    out: toPath("out", fields.out),
    nameTemplate: toText("nameTemplate", fields.nameTemplate) ?? "{name}.mp4",
    preset: toText("preset", fields.preset),
    presets: toPlaces(fields.presets),
    threads: toThreads(fields.threads),
    encoder: toEncoder(fields.encoder),
    isConfined: fields.isConfined === true,
  };
  checkVideoTemplate(options);
  return options;
}

function toPath(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && isAbsolute(value) && isStorableText(value)) return value;
  throw refused(name, "an absolute path", value);
}

function toPlaces(value: unknown): PresetPlaces | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") throw refused("presets", "an object with folder, env and file", value);
  const { folder, env, file }: { readonly [name: string]: unknown } = { ...value };
  const path = toPath("the folder of presets", folder);
  if (path === null) throw refused("the folder of presets", "an absolute path", folder);
  return { folder: path, env: toText("the env of presets", env), file: toText("the file of presets", file) };
}

function toText(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value !== "" && isStorableText(value)) return value;
  throw refused(name, "a text that is not empty", value);
}

function toThreads(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= THREADS_MAX) return value;
  throw refused("threads", `a whole number from 1 to ${THREADS_MAX}`, value);
}

function toEncoder(value: unknown): EncoderChoice {
  if (value === undefined || value === null) return "auto";
  const found = ENCODERS.find((candidate) => candidate === value);
  if (found === undefined) throw refused("encoder", `one of ${ENCODERS.join(", ")}`, value);
  return found;
}

function refused(what: string, expected: string, found: unknown): MilepostError {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  return new MilepostError("INVALID_ARGUMENT", `${what} must be ${expected}; found ${shown}`, { details: { found } });
}
