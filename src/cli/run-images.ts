import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { BatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import type { Batch } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { NewItem } from "../engine/submit.ts";
import { escapeText } from "../format/escape.ts";
import {
  type ImageOptions,
  imagesPipeline,
  plannedOutput,
  planOutputs,
  toImageOptions,
} from "../pipelines/images/images-pipeline.ts";
import { imageBatchName } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { collectImages } from "./collect-images.ts";
import { failureOf, follow, viewFor } from "./follow.ts";
import { Interrupt } from "./interrupt.ts";
import { reportEnd, reportStop } from "./run-report.ts";
import { describeDone, titleOf } from "./screen/describe.ts";
import type { RunImagesOptions } from "./verbs/run-images.ts";

/** How long running images may go on after the first Ctrl-C, in milliseconds. */
const GRACE_MS = 5_000;

/**
 * Submits the images as a batch, or finds the batch that the same command made before, and works on it until it has ended
 * or a signal comes. Everything that can be wrong with the call is found before anything is submitted.
 */
export async function runImages(cli: Cli, names: readonly string[], options: RunImagesOptions): Promise<void> {
  const out = resolve(cli.io.cwd, options.out);
  const imageOptions = toImageOptions({
    out,
    width: options.width,
    height: options.height,
    fit: options.fit,
    withoutEnlargement: options.enlarge !== true,
    format: options.format,
    quality: options.quality,
    nameTemplate: options.nameTemplate,
  });
  const files = await collectImages(cli, {
    names,
    fromFile: options.fromFile,
    isNul: options.null === true,
    isSkipMissing: options.skipMissing === true,
    out,
  });
  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    milepost.pipeline(imagesPipeline());
    const batch = await submitImages({ cli, milepost, files, imageOptions, options, interrupt });
    if (batch !== null) await workOn({ cli, milepost, batch, options, interrupt, out });
  });
}

interface SubmitParts {
  readonly cli: Cli;
  readonly milepost: Milepost;
  readonly files: readonly string[];
  readonly imageOptions: ImageOptions;
  readonly options: RunImagesOptions;
  readonly interrupt: Interrupt;
}

/** Null if a signal came first. */
async function submitImages(parts: SubmitParts): Promise<Batch | null> {
  const { cli, milepost, imageOptions, options, interrupt } = parts;
  const name = options.name ?? imageBatchName(imageOptions);
  const known = await snapshotOrNull(milepost.batch(name));
  if (known !== null && !isDeepStrictEqual(known.options, imageOptions)) {
    throw new MilepostError(
      "CONFLICT",
      `batch ${escapeText(name)} exists with other options or another --out; choose another --name`,
    );
  }
  const outputs = known === null ? new Map<string, string>() : await knownOutputs(milepost.batch(name));
  let isCut = false;
  async function* items(): AsyncGenerator<NewItem> {
    for await (const { key, input, size, kind } of planOutputs(parts.files, imageOptions, outputs)) {
      if (interrupt.isRaised) {
        isCut = true;
        return;
      }
      yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
    }
  }
  const { batch, added } = await milepost.submit({
    pipeline: "images",
    name,
    ...(options.queue !== undefined && { queue: options.queue }),
    options: imageOptions,
    items: items(),
    attempts: options.retries + 1,
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.maxFailures !== undefined && { maxFailures: options.maxFailures }),
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    ...(options.startAt !== undefined && { startAt: options.startAt }),
  });
  if (known !== null && options.json !== true) cli.note(describeResume(known, added));
  const { status } = await batch.snapshot();
  // The same command means "go on": a batch that somebody paused would otherwise wait here without a word.
  if (status === "paused" && !interrupt.isRaised) await batch.resume();
  if (isCut) cli.note("stopped while the files were being added; the same command adds the rest");
  return batch;
}

function describeResume(known: BatchSnapshot, added: number): string {
  const title = escapeText(titleOf(known));
  if (added === 0 && known.endedAt !== null) return `${title}: ${describeDone(known)} done already; nothing is redone`;
  const more = added === 0 ? "" : `, ${added} new`;
  const isPaused = known.status === "paused" ? "; it was paused and goes on" : "";
  return `resuming ${title}: ${describeDone(known)} done${more}${isPaused}`;
}

async function snapshotOrNull(batch: Batch): Promise<BatchSnapshot | null> {
  try {
    return await batch.snapshot();
  } catch (error) {
    if (error instanceof MilepostError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

/** Which output each known item writes, so that no new one is given the same. */
async function knownOutputs(batch: Batch): Promise<ReadonlyMap<string, string>> {
  const outputs = new Map<string, string>();
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Batch["items"]>> = await batch.items({
      limit: 1_000,
      ...(after !== null && { after }),
    });
    for (const item of page.items) {
      const output = plannedOutput(item.input);
      if (output !== null) outputs.set(item.key, output);
    }
    after = page.nextCursor;
  } while (after !== null);
  return outputs;
}

async function workOn(parts: {
  readonly cli: Cli;
  readonly milepost: Milepost;
  readonly batch: Batch;
  readonly options: RunImagesOptions;
  readonly interrupt: Interrupt;
  readonly out: string;
}): Promise<void> {
  const { cli, milepost, batch, options, interrupt } = parts;
  const startedMs = cli.io.clock.monotonic();
  const before = await batch.snapshot();
  const view = viewFor(cli, batch, options, "Ctrl-C stops; the same command goes on");
  let end: BatchSnapshot | undefined;
  try {
    const worker = await milepost.work({
      concurrency: options.concurrency ?? availableParallelism(),
      batch,
    });
    end = await Promise.race([follow(batch, view, interrupt), failureOf(worker)]);
    if (interrupt.isRaised) view.notice("stopping: what runs may finish for a few seconds; Ctrl-C again ends at once");
    await worker.stop({ graceMs: GRACE_MS });
    view.show(await batch.snapshot());
  } finally {
    await view.close();
  }
  const seconds = (cli.io.clock.monotonic() - startedMs) / 1_000;
  if (end === undefined) reportStop(cli, await batch.snapshot(), options);
  else await reportEnd(cli, batch, { end, before, seconds, out: parts.out, options });
}
