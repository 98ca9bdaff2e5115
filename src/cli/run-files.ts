import { basename } from "node:path";
import type { Json } from "../core/json.ts";
import type { Batch } from "../engine/batch.ts";
import type { PipelineDefinition } from "../engine/pipeline.ts";
import type { NewItems } from "../engine/submit.ts";
import { batchNameFrom } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { collectFiles } from "./collect-files.ts";
import { Interrupt } from "./interrupt.ts";
import { submitBatch, workOn } from "./run-batch.ts";
import type { RunOptions } from "./run-options.ts";
import { declareThen, endRun, planThen } from "./run-then.ts";

/** Options of the `run` verbs that take files. */
export interface RunFilesOptions extends RunOptions {
  readonly fromFile?: string;
  readonly null?: boolean;
  readonly skipMissing?: boolean;
}

/** What a `run` verb makes of files. */
export interface FileWork {
  readonly names: readonly string[];
  readonly options: RunFilesOptions;
  readonly pipeline: PipelineDefinition;
  readonly batchOptions: { readonly [name: string]: Json };
  /** What is taken from a folder, in lower case. Files named one by one may have any name. */
  readonly extensions: ReadonlySet<string>;
  /** What the files are called: images. */
  readonly what: string;
  /** Where outputs go, absolute; nothing in it is an input. */
  readonly out: string;
  /** Finds what else is wrong with the call, before there is a store: packages that every file needs, for one. */
  readonly check: () => Promise<unknown>;
  /** `known`: the batch that the same command made before. */
  readonly items: (files: readonly string[], known: Batch | null) => NewItems;
}

/**
 * Submits files as a batch, or finds the batch that the same command made before, and works on it until it has ended or a
 * signal comes. Everything that can be wrong with the call is found before anything is submitted.
 */
export async function runFiles(cli: Cli, work: FileWork): Promise<void> {
  const { options, pipeline, batchOptions, out } = work;
  const then = planThen(cli, { command: options.then, out });
  const files = await collectFiles(cli, {
    names: work.names,
    fromFile: options.fromFile,
    isNul: options.null === true,
    isSkipMissing: options.skipMissing === true,
    out,
    extensions: work.extensions,
    what: work.what,
  });
  await work.check();
  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    milepost.pipeline(pipeline);
    declareThen(milepost, cli, then);
    const run = { cli, milepost, interrupt, options };
    const name = options.name ?? batchNameFrom(pipeline.name, basename(out), batchOptions);
    const items = (known: Batch | null): NewItems => work.items(files, known);
    const batch = await submitBatch(run, { pipeline: pipeline.name, name, batchOptions, items });
    const result = await workOn(run, batch);
    await endRun(run, { batch, name, result, out, then });
  });
}
