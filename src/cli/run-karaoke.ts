import { basename, resolve } from "node:path";
import type { Batch } from "../engine/batch.ts";
import type { NewItem } from "../engine/submit.ts";
import {
  type KaraokeOptions,
  karaokePipeline,
  type PresetPlaces,
  toKaraokeOptions,
} from "../pipelines/karaoke/karaoke-pipeline.ts";
import { batchNameFrom } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { collectFiles } from "./collect-files.ts";
import { Interrupt } from "./interrupt.ts";
import { knownOutputs } from "./known-outputs.ts";
import { submitBatch, workOn } from "./run-batch.ts";
import { declareThen, endRun, planThen } from "./run-then.ts";
import type { RunKaraokeOptions } from "./verbs/run-karaoke.ts";

/** What is taken from a folder as a project, but for what a project of the same command is made of. */
const PROJECT_EXTENSIONS: ReadonlySet<string> = new Set([".json"]);

/** Where presets are looked for. */
export function presetPlaces({ io }: Cli, file: string | undefined): PresetPlaces {
  return { folder: io.cwd, env: io.env.MILEPOST_PRESETS || null, file: file ?? null };
}

/**
 * Submits the projects as a batch, or finds the batch that the same command made before, and works on it until it has ended
 * or a signal comes. Everything that can be wrong with the call is found before anything is submitted.
 */
export async function runKaraoke(cli: Cli, names: readonly string[], options: RunKaraokeOptions): Promise<void> {
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
  const then = planThen(cli, { command: options.then, out });
  const files = await collectFiles(cli, {
    names,
    fromFile: options.fromFile,
    isNul: options.null === true,
    isSkipMissing: options.skipMissing === true,
    out,
    extensions: PROJECT_EXTENSIONS,
    what: "projects",
  });
  // Presets that are missing or wrong are found here, before there is a store.
  const { loadOptionsOf } = await import("../pipelines/karaoke/export-karaoke.ts");
  await loadOptionsOf(karaokeOptions);
  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    milepost.pipeline(karaokePipeline());
    declareThen(milepost, cli, then);
    const run = { cli, milepost, interrupt, options };
    const name = options.name ?? batchNameFrom("karaoke", basename(out), karaokeOptions);
    const batch = await submitBatch(run, {
      pipeline: "karaoke",
      name,
      batchOptions: karaokeOptions,
      items: (known) => newItems(files, karaokeOptions, known),
    });
    const result = await workOn(run, batch);
    await endRun(run, { batch, name, result, out, then });
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
