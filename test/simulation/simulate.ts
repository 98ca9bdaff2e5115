import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { type History, runHistory, type StoreName } from "./history.ts";
import type { Share } from "./simulate-thread.ts";

/*
 * Lives through many histories and says which invariants they broke:
 *   npm run simulate -- --seeds 1000 [--from N] [--store memory|sqlite]
 *   npm run simulate -- --seed N --store memory|sqlite     replays one and shows its end
 */

/** Without `--store` every so many-th history is one of the SQLite store, which is slower by far. */
const SQLITE_EVERY = 25;
/** A terminal's line is written over; anything else gets a line now and then. */
const SAY_EVERY_MS = process.stderr.isTTY ? 1_000 : 10_000;
/** Failures that are shown with their last events; of further ones only the command that replays them. */
const SHOWN_MAX = 5;

interface Options {
  readonly seed: number | null;
  readonly seeds: number;
  readonly from: number;
  readonly store: StoreName | null;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      store: { type: "string" },
    },
  });
  const whole = (name: string, text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new Error(`--${name} must be a whole number; found ${text}`);
  };
  const { seed, seeds = "1000", from = "1", store = null } = values;
  if (store !== null && store !== "memory" && store !== "sqlite")
    throw new Error(`--store must be memory or sqlite; found ${store}`);
  return {
    seed: seed === undefined ? null : whole("seed", seed),
    seeds: whole("seeds", seeds),
    from: whole("from", from),
    store,
  };
}

/** The failing history as a person needs it. */
function show(history: History, lines: number): void {
  const { seed, store, violation, tail } = history;
  console.log(`\nseed ${seed} on ${store} broke: ${violation?.invariant}\n  ${violation?.detail}`);
  for (const line of tail.slice(-lines)) console.log(line);
  console.log(`replay: npm run simulate -- --seed ${seed} --store ${store}`);
}

async function replay(seed: number, store: StoreName): Promise<number> {
  const history = await runHistory({ seed, store });
  if (history.violation !== null) show(history, history.tail.length);
  const { hash, events, runs, simulatedMs } = history;
  console.log(
    `seed ${seed} on ${store}: history ${hash}, ${events} events, ${runs} handlers, ${simulatedMs.toFixed(0)} ms`,
  );
  return history.violation === null ? 0 : 1;
}

async function simulate({ seeds, from, store }: Options): Promise<number> {
  const startedAt = performance.now();
  const total = { histories: 0, events: 0, runs: 0, simulatedMs: 0 };
  const failed: History[] = [];
  const say = (): void => {
    const seconds = (performance.now() - startedAt) / 1_000;
    const text = `${total.histories} of ${seeds} histories, ${failed.length} failed, ${seconds.toFixed(0)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r${text}` : `${text}\n`);
  };
  const timer = setInterval(say, SAY_EVERY_MS);
  const threads = Math.min(availableParallelism(), Math.max(1, seeds));
  const share = (index: number): Share => ({
    first: from + index,
    end: from + seeds,
    step: threads,
    store,
    sqliteEvery: SQLITE_EVERY,
  });
  await Promise.all(
    Array.from({ length: threads }, (_, index) =>
      runShare(share(index), (history) => {
        total.histories += 1;
        total.events += history.events;
        total.runs += history.runs;
        total.simulatedMs += history.simulatedMs;
        if (history.violation === null) return;
        failed.push(history);
        if (failed.length <= SHOWN_MAX) show(history, 40);
        else console.log(`seed ${history.seed} on ${history.store} broke: ${history.violation.invariant}`);
      }),
    ),
  ).finally(() => clearInterval(timer));
  if (process.stderr.isTTY) process.stderr.write("\n");
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(
    `seeds ${from} to ${from + seeds - 1}: ${total.histories} histories, ${total.events} events, ${total.runs} handlers run, ` +
      `${(total.simulatedMs / 3_600_000).toFixed(1)} hours simulated in ${seconds.toFixed(0)} s; ${failed.length} failed`,
  );
  return failed.length === 0 ? 0 : 1;
}

/** Lives through a share of the histories on a thread of its own. */
function runShare(share: Share, onHistory: (history: History) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./simulate-thread.ts", import.meta.url), { workerData: share });
    thread.on("message", onHistory);
    thread.once("error", reject);
    thread.once("exit", (status) => (status === 0 ? resolve() : reject(new Error(`a thread ended with ${status}`))));
  });
}

try {
  const options = readOptions();
  const { seed, store } = options;
  process.exitCode = seed === null ? await simulate(options) : await replay(seed, store ?? "memory");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
