import { dirname } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { folded, OutputNames, RealDirectories } from "../output-names.ts";
import { inputsOf, loadOptionsOf } from "./export-karaoke.ts";
import type { KaraokeOptions } from "./karaoke-options.ts";
import { type LoadedProject, loadProject } from "./load-project.ts";
import type { VideoInput } from "./video-input.ts";
import { videoPathFrom } from "./video-name.ts";

/** An item of a karaoke batch, ready to be submitted. */
export interface PlannedVideo {
  /** The absolute path of the project's file. */
  readonly key: string;
  readonly input: VideoInput;
  /** Frames, by the last line where the audio decides; null for a project that cannot be loaded. */
  readonly size: number | null;
}

/**
 * Gives each project its own output path, in order, before anything runs.
 *
 * Projects that would write the same file get `-2`, `-3` … before the extension, by their order. An item that its batch knows
 * already (`known`: key → output, see `plannedVideo`) keeps its path, and no other gets it. A file that is no project is left out where
 * a project is made of it, such as lyrics in the same folder; else it is planned too, and fails when it runs. Nothing is created or written.
 *
 * @param files absolute paths
 * @throws {MilepostError} for presets that are not there, or a name template that leads out of the folder
 */
export async function planVideos(
  files: readonly string[],
  options: KaraokeOptions & { readonly out: string },
  known: ReadonlyMap<string, string> = new Map(),
): Promise<readonly PlannedVideo[]> {
  const how = await loadOptionsOf(options);
  const names = new OutputNames(known.values());
  const directories = new RealDirectories();
  const made = await Promise.all(
    [...new Set(files)].map(async (key) => ({ key, loaded: await loadProject(key, how).catch(nullIfWrong) })),
  );
  const parts = new Set(made.flatMap(({ key, loaded }) => (loaded === null ? [] : partsOf(key, loaded))));
  const inputAt = new Map<string, string>();
  for (const input of [...files, ...parts]) inputAt.set(folded(await directories.resolve(input)), input);
  const planned: PlannedVideo[] = [];
  for (const { key, loaded } of made) {
    if (loaded === null && parts.has(key)) continue;
    const outputPath = known.get(key) ?? names.take(videoPathFrom(key, options.out, options));
    const overwrites = inputAt.get(folded(await directories.resolve(outputPath)));
    planned.push({
      key,
      input: { project: key, outputPath, baseFolder: dirname(key), ...(overwrites !== undefined && { overwrites }) },
      size: loaded === null ? null : framesOf(loaded),
    });
  }
  return planned;
}

/** The output path in an item's input, as `planVideos` made it; null in any other input. */
export function plannedVideo(input: Json): string | null {
  if (typeof input !== "object" || input === null || !("outputPath" in input)) return null;
  return typeof input.outputPath === "string" ? input.outputPath : null;
}

/** The files that a project is made of, without its own. */
function partsOf(key: string, loaded: LoadedProject): readonly string[] {
  return inputsOf({ project: key, baseFolder: dirname(key) }, loaded).filter((path) => path !== key);
}

function framesOf({ project, lyrics, durationMs }: LoadedProject): number {
  const ms = durationMs ?? lyrics.lines.reduce((last, { endMs }) => Math.max(last, endMs), 0);
  return Math.ceil((ms * project.video.fps) / 1_000);
}

/** What is wrong with a project is told by its item. */
function nullIfWrong(error: unknown): null {
  if (error instanceof MilepostError && !error.retryable) return null;
  throw error;
}
