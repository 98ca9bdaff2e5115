import { type BatchRow, type BatchSnapshot, toBatchSnapshot } from "../core/batch.ts";
import type { Answer } from "../core/estimator/index.ts";
import { notFound } from "./control.ts";
import type { Deps } from "./deps.ts";

/** A watcher looks again after this share of the time that it has watched: the end is never seen later than by that. */
const LOOK_SHARE = 1 / 50;
const LOOK_EVERY_MIN_MS = 2;
const LOOK_EVERY_MAX_MS = 50;
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
  const since = deps.clock.monotonic();
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
      // The end is seen early, whatever `everyMs` is: looking costs less than showing.
      const lookMs = Math.min(LOOK_EVERY_MAX_MS, (deps.clock.monotonic() - since) * LOOK_SHARE);
      await pause(deps, Math.min(options.everyMs, Math.max(LOOK_EVERY_MIN_MS, lookMs)), signal);
      await hint.wait(row.version === version ? POLL_EVERY_MS : options.everyMs, signal);
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

/** Remembers whether the store hinted at a change since it was last cleared. */
class Hint {
  readonly #deps: Deps;
  readonly #unsubscribe: () => void;
  #isSet = false;
  #wake: () => void = () => {};

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.subscribe(() => {
      this.#isSet = true;
      this.#wake();
    });
  }

  clear(): void {
    this.#isSet = false;
  }

  async wait(mostMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isSet || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = this.#deps.clock.after(mostMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
      signal?.addEventListener("abort", this.#wake, { once: true });
    });
    signal?.removeEventListener("abort", this.#wake);
    this.#wake = () => {};
  }

  close(): void {
    this.#unsubscribe();
  }
}

function pause(deps: Deps, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const timer = deps.clock.after(delayMs, wake);
    signal?.addEventListener("abort", wake, { once: true });
  });
}
