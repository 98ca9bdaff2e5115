import { resolve } from "node:path";
import type { Json } from "../../core/json.ts";
import type { HandlerItem, PipelineDefinition } from "../../engine/pipeline.ts";
import { VideoFile } from "./video-file.ts";
import type { VideoInput } from "./video-input.ts";

export type { VideoOutput } from "./export-karaoke.ts";
export {
  ENCODERS,
  type EncoderChoice,
  type KaraokeOptions,
  type PresetPlaces,
  THREADS_MAX,
  toKaraokeOptions,
} from "./karaoke-options.ts";

export const KARAOKE = "karaoke";

/**
 * Shares of an export's time. Frames are encoded while others are drawn, so hardly any are left once all are drawn. Preparing takes
 * its second or so however long the video is: this share lies between those of a short one, a third, and of a whole song, a fiftieth.
 */
export const KARAOKE_STAGES = [
  { name: "preparing", weight: 5 },
  { name: "rendering", weight: 93 },
  { name: "encoding", weight: 1 },
  { name: "finalizing", weight: 1 },
] as const;

/** An export takes long and begins anew after a crash: how often a process was killed around it says little about it. */
const CRASH_BUDGET = 20;
/** Frames lie outside of the heap; in it are the project and its lyrics. */
const THREAD_MEMORY_MB = 1_024;

/**
 * The pipeline `karaoke`: each item is one video, its input a `VideoInput`, which says the project; the batch's options are
 * `KaraokeOptions`, or nothing. `planVideos` makes such items of project files.
 *
 * An item goes through `preparing` (project, lyrics, files), `rendering` (frames drawn), `encoding` (frames out of the
 * encoder) and `finalizing`, in a thread of its own, so that drawing holds up nothing else. It halts at a frame while it is
 * paused, and goes on with the next. The video is written under a temporary name and is whole when it has its own; no input
 * is overwritten. The item's output is a `VideoOutput`. What is wrong with a project fails at once, with file and line.
 */
export function karaokePipeline(): PipelineDefinition {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return {
    name: KARAOKE,
    stages: KARAOKE_STAGES,
    crashBudget: CRASH_BUDGET,
    alike: withoutPlaces,
    module: new URL(`./karaoke-thread.${ending}`, import.meta.url),
    threadMemoryMb: THREAD_MEMORY_MB,
    discard: removeHalf,
  };
}

/** What is left of an export that its thread cannot clean up any more. */
function removeHalf({ id, input }: Pick<HandlerItem, "id" | "input">): void {
  const { baseFolder, outputPath } = (input ?? {}) as Partial<VideoInput>;
  if (baseFolder !== undefined && outputPath !== undefined) VideoFile.removeOwn(resolve(baseFolder, outputPath), id);
}

/** Where videos go does not change how long they take. */
function withoutPlaces(options: Json): Json {
  return { ...(options as { readonly [name: string]: Json } | null), out: null, nameTemplate: null, presets: null };
}
