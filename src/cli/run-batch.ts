import { availableParallelism } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { BatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import type { Batch } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { NewItem, NewItems } from "../engine/submit.ts";
import { escapeText } from "../format/escape.ts";
import { formatPlural } from "../format/number.ts";
import type { Cli } from "./cli.ts";
import { failureOf, follow, viewFor } from "./follow.ts";
import type { Interrupt } from "./interrupt.ts";
import type { RunOptions } from "./run-options.ts";
import { describeDone, titleOf } from "./screen/describe.ts";

/** How long running items may go on after the first Ctrl-C, in milliseconds. */
const GRACE_MS = 5_000;

/** A run of a batch in this process: what every `run` verb hands on. */
export interface Run {
  readonly cli: Cli;
  readonly milepost: Milepost;
  readonly interrupt: Interrupt;
  readonly options: RunOptions;
}

/**
 * Submits items as a batch, or finds the batch that the same command made before and adds what is new. A signal ends the
 * adding; what was added stays.
 *
 * @param work.items called with the batch if it is there already
 * @throws {MilepostError} `CONFLICT` if the name belongs to a batch with other options
 */
export async function submitBatch(
  run: Run,
  work: {
    readonly pipeline: string;
    readonly name: string;
    readonly batchOptions: Json;
    readonly items: (known: Batch | null) => NewItems;
  },
): Promise<Batch> {
  const { cli, milepost, options, interrupt } = run;
  const { name } = work;
  const found = milepost.batch(name);
  const known = await snapshotOrNull(found);
  if (known !== null && !isDeepStrictEqual(known.options, work.batchOptions)) {
    throw new MilepostError(
      "CONFLICT",
      `batch ${escapeText(name)} exists with other options or another --out; choose another --name`,
    );
  }
  let isCut = false;
  async function* items(): AsyncGenerator<NewItem> {
    for await (const item of work.items(known === null ? null : found)) {
      if (interrupt.isRaised) {
        isCut = true;
        return;
      }
      yield item;
    }
  }
  const { batch, added, duplicate } = await milepost.submit({
    pipeline: work.pipeline,
    name,
    ...(options.queue !== undefined && { queue: options.queue }),
    options: work.batchOptions,
    items: items(),
    attempts: options.retries + 1,
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.maxFailures !== undefined && { maxFailures: options.maxFailures }),
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    ...(options.startAt !== undefined && { startAt: options.startAt }),
  });
  if (known !== null && options.json !== true) cli.note(describeResume(known, added));
  if (duplicate > 0) cli.note(`named more than once and run once: ${formatPlural(duplicate, "item")}`);
  const { status } = await batch.snapshot();
  // The same command means "go on": a batch that somebody paused would otherwise wait here without a word.
  if (status === "paused" && !interrupt.isRaised) await batch.resume();
  if (isCut) cli.note("stopped while the items were being added; the same command adds the rest");
  return batch;
}

/** How a run of a batch went. */
export interface RunResult {
  readonly before: BatchSnapshot;
  /** The batch as it is now: ended, stopped by its failure budget, or, if a signal came or the worker was drained, anything. */
  readonly end: BatchSnapshot;
  readonly isInterrupted: boolean;
  readonly seconds: number;
}

/** Works on the batch with a view of it until it has ended, its failure budget is spent, a signal comes or it is drained. */
export async function workOn(run: Run, batch: Batch, isPlain = false): Promise<RunResult> {
  const { cli, milepost, options, interrupt } = run;
  const startedMs = cli.io.clock.monotonic();
  const before = await batch.snapshot();
  const view = await viewFor(cli, batch, { ...options, isPlain }, "Ctrl-C stops; the same command goes on");
  const drained = new AbortController();
  let end: BatchSnapshot | undefined;
  try {
    const worker = await milepost.work({ concurrency: options.concurrency ?? availableParallelism(), batch });
    const isOver = (now: BatchSnapshot): boolean => isBudgetSpent(now, options);
    void worker.drained().then(() => drained.abort());
    end = await Promise.race([follow(batch, view, interrupt, { isOver, signal: drained.signal }), failureOf(worker)]);
    if (drained.signal.aborted) view.notice("drained: what ran has ended");
    if (interrupt.isRaised) view.notice("stopping: what runs may finish for a few seconds; Ctrl-C again ends at once");
    await worker.stop({ graceMs: GRACE_MS });
    view.show(await batch.snapshot());
  } finally {
    await view.close();
  }
  const seconds = (cli.io.clock.monotonic() - startedMs) / 1_000;
  const isInterrupted = end === undefined || (drained.signal.aborted && end.endedAt === null);
  return { before, end: end ?? (await batch.snapshot()), isInterrupted, seconds };
}

/** True if the batch was stopped because more items failed than `--max-failures` allows. */
function isBudgetSpent(batch: BatchSnapshot, options: RunOptions): boolean {
  return batch.status === "paused" && options.maxFailures !== undefined && batch.counts.failed > options.maxFailures;
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
