import type { BatchSnapshot } from "../core/batch.ts";
import type { Batch } from "../engine/batch.ts";
import type { Worker } from "../engine/worker.ts";
import type { Cli } from "./cli.ts";
import type { Interrupt } from "./interrupt.ts";
import { JsonView } from "./screen/json-view.ts";
import { PlainView } from "./screen/plain-view.ts";
import type { ProgressView } from "./screen/progress-view.ts";

const EVERY_MS = 100;

/** The view that fits: JSON lines if asked for, a live screen on a terminal that knows its size unless `isPlain`, else plain lines. */
export async function viewFor(
  cli: Cli,
  batch: Batch,
  options: { readonly json?: boolean; readonly isPlain?: boolean },
  notice: string,
): Promise<ProgressView> {
  if (options.json === true) return new JsonView(cli);
  const { isTTY, columns, rows } = cli.io.stderr;
  const isScreen = isTTY === true && columns !== 0 && rows !== 0 && cli.io.env.TERM !== "dumb";
  if (!isScreen || options.isPlain === true) return new PlainView(cli);
  const { LiveView } = await import("./screen/live-view.ts");
  return new LiveView(cli, batch, notice);
}

/** Shows a batch until it has ended, or as said, and returns how; undefined if a signal came first. */
export async function follow(
  batch: Batch,
  view: ProgressView,
  interrupt: Interrupt,
  until: {
    readonly isOver?: (batch: BatchSnapshot) => boolean;
    /** Ends the showing; what was seen last is returned. */
    readonly signal?: AbortSignal;
  } = {},
): Promise<BatchSnapshot | undefined> {
  const signal = until.signal === undefined ? interrupt.signal : AbortSignal.any([interrupt.signal, until.signal]);
  return await interrupt.unlessRaised(showAll(batch, view, signal, until.isOver ?? (() => false)));
}

async function showAll(
  batch: Batch,
  view: ProgressView,
  signal: AbortSignal,
  isOver: (batch: BatchSnapshot) => boolean,
): Promise<BatchSnapshot> {
  let last = await batch.snapshot();
  view.show(last);
  for await (const snapshot of batch.watch({ everyMs: EVERY_MS, signal })) {
    last = snapshot;
    view.show(snapshot);
    if (isOver(snapshot)) break;
  }
  return last;
}

/** Rejects with what made a worker give up; never settles while it works. */
export async function failureOf(worker: Worker): Promise<never> {
  throw await worker.failed();
}
