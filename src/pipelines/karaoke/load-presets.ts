import { resolve } from "node:path";
import { z } from "zod";
import { MilepostError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { hasFewValues, isRecord } from "./json-values.ts";
import { BUILT_IN_PRESETS, type Preset, type Presets } from "./presets.ts";
import { fieldError, issueError } from "./project-errors.ts";
import { readTextFile } from "./read-file.ts";
import { parseJson } from "./read-json.ts";
import { styleSchema, videoSchema } from "./style.ts";

/** Presets of whoever works in a folder. */
const FOLDER_PRESETS = ".milepost/presets.json";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const presetSchema = z.strictObject({
  description: z.string().max(500).optional(),
  video: videoSchema.optional(),
  style: styleSchema.optional(),
});

/**
 * All presets: the built-in ones, those of `.milepost/presets.json` in the folder if it is there, those of the file that MILEPOST_PRESETS
 * names, those of `file`. The same name again replaces the one before.
 *
 * @throws {MilepostError} `NOT_FOUND` if a file that was named is missing; `INVALID_ARGUMENT` with file, line and field.
 */
export async function loadPresets(from: {
  /** Absolute; relative paths start here. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `--presets` names. */
  readonly file?: string | undefined;
}): Promise<Presets> {
  const presets = new Map(BUILT_IN_PRESETS);
  const named = [from.env.MILEPOST_PRESETS || undefined, from.file].filter((path) => path !== undefined);
  for (const path of [FOLDER_PRESETS, ...named]) {
    try {
      for (const [name, preset] of await readPresets(resolve(from.folder, path), path)) presets.set(name, preset);
    } catch (error) {
      const isMissing = error instanceof MilepostError && error.code === "NOT_FOUND";
      if (!isMissing || path !== FOLDER_PRESETS) throw error;
    }
  }
  return presets;
}

/**
 * Reads a file of presets: `{ "name": { "description"?, "video"?, "style"? } }` with the fields that a project has.
 *
 * @throws {MilepostError} as `loadPresets`
 */
async function readPresets(path: string, source: string): Promise<readonly (readonly [string, Preset])[]> {
  const text = await readTextFile(path, source, LIMITS.projectBytes);
  const place = { source, text };
  const value = parseJson(text, source);
  if (!isRecord(value)) throw fieldError(place, [], "must be an object of presets by name");
  const names = Object.keys(value);
  if (names.length > LIMITS.presets) throw fieldError(place, [], `there must be at most ${LIMITS.presets} presets`);
  return names.map((name) => [name, checkPreset(name, value[name], place)]);
}

function checkPreset(name: string, value: unknown, place: { readonly source: string; readonly text: string }): Preset {
  const at = { ...place, path: [name] };
  if (!NAME.test(name)) {
    throw fieldError(at, [], "a preset's name must be 1 to 64 letters, digits, dots, hyphens and underscores");
  }
  if (!hasFewValues(value, LIMITS.projectValues)) {
    throw fieldError(at, [], `a preset must have at most ${LIMITS.projectValues} values`);
  }
  const result = presetSchema.safeParse(value);
  if (!result.success) throw issueError(result.error, value, at);
  // As written, not as parsed: defaults must not count as the preset's own values.
  return value as Preset;
}
