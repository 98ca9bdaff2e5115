import { MilepostError } from "../../core/errors.ts";
import type { KaraokeProject } from "./project.ts";

/** Values for a project, under a name. */
export interface Preset {
  /** What it is for. */
  readonly description?: string | undefined;
  readonly video?: KaraokeProject["video"];
  readonly style?: KaraokeProject["style"];
}

/** Presets by name. */
export type Presets = ReadonlyMap<string, Preset>;

/** Those that are always there. Files of presets may give a name of these another meaning. */
export const BUILT_IN_PRESETS: Presets = new Map<string, Preset>([
  ["720p", { description: "1280 × 720, 30 frames a second", video: { width: 1_280, height: 720, fps: 30 } }],
  ["1080p", { description: "1920 × 1080, 30 frames a second", video: { width: 1_920, height: 1_080, fps: 30 } }],
  [
    "vertical",
    {
      description: "1080 × 1920 for telephones, 30 frames a second, smaller letters",
      video: { width: 1_080, height: 1_920, fps: 30 },
      style: { fontSize: 0.04 },
    },
  ],
  [
    "draft",
    { description: "640 × 360, 15 frames a second: quick to make", video: { width: 640, height: 360, fps: 15 } },
  ],
]);

/**
 * The preset of that name.
 *
 * @throws {MilepostError} `NOT_FOUND`, listing the known ones.
 */
export function findPreset(presets: Presets, name: string): Preset {
  const preset = presets.get(name);
  if (preset !== undefined) return preset;
  const known = [...presets.keys()].join(", ");
  throw new MilepostError("NOT_FOUND", `there is no preset ${JSON.stringify(name)}; known are ${known}`, {
    details: { preset: name },
  });
}
