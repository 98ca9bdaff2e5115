import { resolve } from "node:path";
import type { Batch } from "../engine/batch.ts";
import type { NewItem } from "../engine/submit.ts";
import {
  type KaraokeOptions,
  karaokePipeline,
  type PresetPlaces,
  toKaraokeOptions,
} from "../pipelines/karaoke/karaoke-pipeline.ts";
import type { Cli } from "./cli.ts";
import { knownOutputs } from "./known-outputs.ts";
import { runFiles } from "./run-files.ts";
import type { RunKaraokeOptions } from "./verbs/run-karaoke.ts";

/** What is taken from a folder as a project, but for what a project of the same command is made of. */
const PROJECT_EXTENSIONS: ReadonlySet<string> = new Set([".json"]);

/** Where presets are looked for. */
export function presetPlaces({ io }: Cli, file: string | undefined): PresetPlaces {
  return { folder: io.cwd, env: io.env.MILEPOST_PRESETS || null, file: file ?? null };
}

/** Exports the projects that are named as videos. Presets that are missing or wrong are found before there is a store. */
export function runKaraoke(cli: Cli, names: readonly string[], options: RunKaraokeOptions): Promise<void> {
  const out = resolve(cli.io.cwd, options.out);
  const karaokeOptions = {
    ...toKaraokeOptions({
      nameTemplate: options.nameTemplate,
      preset: options.preset,
      presets: presetPlaces(cli, options.presets),
      threads: options.threads,
      encoder: options.encoder,
    }),
    out,
  };
  return runFiles(cli, {
    names,
    options,
    pipeline: karaokePipeline(),
    batchOptions: karaokeOptions,
    extensions: PROJECT_EXTENSIONS,
    what: "projects",
    out,
    check: async () => {
      await (await import("../pipelines/karaoke/export-karaoke.ts")).loadOptionsOf(karaokeOptions);
      await (await import("../pipelines/karaoke/paint/load-canvas.ts")).loadCanvas();
      await (await import("../pipelines/karaoke/encoder/open-encoder.ts")).chooseEncoder(karaokeOptions.encoder);
    },
    items: (files, known) => newItems(files, karaokeOptions, known),
  });
}

async function* newItems(
  files: readonly string[],
  options: KaraokeOptions & { readonly out: string },
  known: Batch | null,
): AsyncGenerator<NewItem> {
  const { plannedVideo, planVideos } = await import("../pipelines/karaoke/plan-videos.ts");
  const outputs = known === null ? new Map<string, string>() : await knownOutputs(known, plannedVideo);
  for (const { key, input, size } of await planVideos(files, options, outputs)) {
    yield { key, input, ...(size !== null && { size }) };
  }
}
