import { resolve } from "node:path";
import type { Json } from "../../core/json.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { ExportQueue, type ExportQueueOptions } from "../../views/export-queue.ts";
import type { EncoderChoice } from "./karaoke-options.ts";
import type { KaraokeProject } from "./project.ts";

/** How a queue of exports works, and how its videos are made. */
export interface KaraokeExportQueueOptions extends Partial<Omit<ExportQueueOptions, "settings">> {
  /** Threads that one export draws and encodes with; default: one for each core. */
  readonly threads?: number;
  /** Default `auto`: the first that is installed. */
  readonly encoder?: EncoderChoice;
  /** A preset whose values count before those of the projects. */
  readonly preset?: string;
  /** A file with presets besides the built-in ones. */
  readonly presets?: string;
}

/**
 * The queue of karaoke exports: an `ExportQueue` whose pipeline is `karaoke`, unless another is given. A project is what a project file
 * holds, or the path of such a file; relative paths start at the current folder, those in a file at that file.
 *
 * @example
 * await using queue = new ExportQueue("work.db");
 * await queue.addToExportQueue("songs/one.json", "one.mp4", "high");
 * await queue.startBatchExport(({ overallProgressPercentage }) => console.log(overallProgressPercentage));
 * await queue.finished();
 */
export class KaraokeExportQueue<Project = KaraokeProject | string> extends ExportQueue<Project> {
  /** @param source the path of an SQLite file, `memory:`, or an open engine (which stays the caller's to close) */
  constructor(source: string | Milepost, options: KaraokeExportQueueOptions = {}) {
    const { threads, encoder, preset, presets, ...rest } = options;
    const settings: { readonly [name: string]: Json } = {
      ...(threads !== undefined && { threads }),
      ...(encoder !== undefined && { encoder }),
      ...(preset !== undefined && { preset }),
      presets: {
        folder: process.cwd(),
        env: process.env.MILEPOST_PRESETS || null,
        file: presets === undefined ? null : resolve(presets),
      },
    };
    super(source, { pipeline: karaoke, ...rest, settings });
  }
}

/** Loaded when it is wanted first: who imports Milepost for other work need not wait for it. */
async function karaoke() {
  return (await import("./karaoke-pipeline.ts")).karaokePipeline();
}
