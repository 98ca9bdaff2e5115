import type { Answer } from "../core/answer.ts";
import { type BatchRow, type BatchSnapshot, toBatchSnapshot } from "../core/batch.ts";
import { notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import { Hint, pause } from "./hint.ts";

/** Of other processes' commits nobody knows which ended a batch: between two looks for that lies this much time. */
const LOOK_EVERY_MS = 10;
/** A lost hint costs this much time. */
const POLL_EVERY_MS = 1_000;
/** A finish that moved by less is the same to people. */
const MOVED_MS = 1_000;

/**
 * Yields snapshots of a batch as it changes, until it has ended, is removed, or `signal` aborts.
 * @throws {MilepostError} `NOT_FOUND` if it is not there from the start
 */
export async function* watchBatch(options: {
  readonly deps: Deps;
  /** What is to be said of the time left with each snapshot. */
  readonly answer: (row: BatchRow) => Promise<Answer | null>;
  readonly read: () => Promise<BatchRow | null>;
  /** The batch, for people. */
  readonly what: string;
  readonly everyMs: number;
  readonly signal: AbortSignal | undefined;
}): AsyncGenerator<BatchSnapshot, void, undefined> {
  const { deps, signal } = options;
  const hint = new Hint(deps);
  try {
    let version = -1;
    let shown: BatchSnapshot | null = null;
    let shownAt = Number.NEGATIVE_INFINITY;
    if ((await options.read()) === null) throw notFound(options.what);
    while (!signal?.aborted) {
      // Listening began before this read, so that no commit falls between the two.
      hint.clear();
      const row = await options.read();
      if (row === null) return;
      const isDue = row.endedAt !== null || deps.clock.monotonic() - shownAt >= options.everyMs;
      if (isDue) {
        const snapshot = toBatchSnapshot(row, await options.answer(row));
        if (row.version !== version || hasMoved(shown, snapshot)) {
          version = row.version;
          shown = snapshot;
          shownAt = deps.clock.monotonic();
          yield snapshot;
        }
      }
      if (row.endedAt !== null) return;
      // The end is seen within 10 ms, whatever `everyMs` is.
      await pause(deps, Math.min(options.everyMs, LOOK_EVERY_MS), signal);
      await hint.waitForEnd(shownAt + options.everyMs - deps.clock.monotonic(), signal);
      await hint.wait(row.version === version ? POLL_EVERY_MS : 0, signal);
    }
  } finally {
    hint.close();
  }
}

/** Resolves with the batch's row once it has ended, or null once it is not there. Looks only when a batch may have ended. */
export async function endOf(deps: Deps, read: () => Promise<BatchRow | null>): Promise<BatchRow | null> {
  const hint = new Hint(deps);
  try {
    for (;;) {
      hint.clear();
      const row = await read();
      if (row === null || row.endedAt !== null) return row;
      await pause(deps, LOOK_EVERY_MS, undefined);
      await hint.waitForEnd(POLL_EVERY_MS, undefined);
    }
  } finally {
    hint.close();
  }
}

/** Whether the finish that is expected is another than the one shown, though nothing was recorded: a stall moves it on. */
function hasMoved(shown: BatchSnapshot | null, now: BatchSnapshot): boolean {
  if (shown?.noEstimate?.reason !== now.noEstimate?.reason) return true;
  const [was, is] = [shown?.estimate?.finishAt.getTime() ?? 0, now.estimate?.finishAt.getTime() ?? 0];
  return Math.abs(is - was) >= MOVED_MS;
}
