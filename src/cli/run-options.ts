import type { Command } from "commander";
import { LIMITS } from "../core/limits.ts";
import type { Cli, CommonOptions } from "./cli.ts";
import { durationMs, moment, priorityValue, wholeNumber } from "./values.ts";

/** Options that every `run` verb has. */
export interface RunOptions extends CommonOptions {
  readonly name?: string;
  readonly queue?: string;
  readonly concurrency?: number;
  readonly retries: number;
  readonly priority?: number;
  readonly maxFailures?: number;
  readonly timeout?: number;
  readonly startAt?: Date;
  readonly then?: string;
}

/** Declares the options of `RunOptions` in words that fit the verb. */
export function addRunOptions(
  verb: Command,
  cli: Cli,
  words: {
    readonly items: string;
    readonly named: string;
    readonly queue: string;
    readonly retries: number;
    /** At once by default, if that is not one for each core. */
    readonly atOnce?: number;
  },
): Command {
  const now = (): number => cli.io.clock.now();
  return verb
    .option("--name <name>", `name of the batch (default: made of ${words.named})`)
    .option("--queue <name>", `queue of the batch (default: ${words.queue})`)
    .option(
      "--concurrency <n>",
      `${words.items} at once${words.atOnce === undefined ? " (default: one for each core)" : ""}`,
      wholeNumber(1, LIMITS.concurrency),
      words.atOnce,
    )
    .option("--retries <n>", "further attempts after a failed one", wholeNumber(0, 999), words.retries)
    .option("--priority <p>", "urgent, high, normal, low or a whole number; lower runs sooner", priorityValue)
    .option("--max-failures <n>", "stop when more than this many have failed", wholeNumber(0, 1_000_000_000))
    .option("--timeout <time>", "time limit of one attempt: 30s, 5m", durationMs)
    .option("--start-at <time>", "start later: 2030-01-31T08:00 or +10m", moment(now))
    .option("--then <command>", "run this once when the batch has ended; only {out} is filled in")
    .option("--json", "print JSON lines instead of a screen");
}
