import { NoRetryError } from "../core/errors.ts";
import { toItemError } from "../core/item-error.ts";
import { toJsonText } from "../core/json.ts";
import { retryDelayMs } from "../core/retry-policy.ts";
import type { Timer } from "../ports/clock.ts";
import type { ReportBody } from "../ports/store.ts";
import type { Attempt } from "./attempt.ts";
import type { Deps } from "./deps.ts";
import type { Handler } from "./pipeline.ts";

/** Thrown by a runner when the thread that ran the handler died under it: a crash, not a failure. */
export class ThreadCrash extends Error {
  override readonly name = "ThreadCrash";
}

/** How a handler that was interrupted and does not end is dealt with. */
export interface Runner {
  readonly handler: Handler;
  /** Ends the attempt's thread by force; absent where a handler runs in this process and cannot be ended. */
  readonly kill?: (attempt: Attempt) => void;
}

/**
 * Runs an attempt's handler to its end and says what to report: one straight line of small steps.
 *
 * Null: nothing may be reported, the lease is lost. A handler that ignores its abort for `graceMs` is left behind (its
 * thread ended, where it has one): its slot is free again and its late result is refused by the token.
 */
export async function execute(options: {
  readonly deps: Deps;
  readonly attempt: Attempt;
  readonly runner: Runner;
  readonly graceMs: number;
}): Promise<ReportBody | null> {
  const { attempt, deps } = options;
  const abandonment = watchForAbandonment(options);
  const ended = await Promise.race([callHandler(attempt, options.runner), abandonment.ended]);
  attempt.settle();
  abandonment.cancel();
  return toReport(deps, attempt, ended);
}

type Ended = { readonly output: string | null } | { readonly thrown: unknown };

async function callHandler(attempt: Attempt, runner: Runner): Promise<Ended> {
  try {
    const output = await runner.handler(attempt.handlerItem(), attempt);
    return {
      output: output === undefined || output === null ? null : toJsonText(output, `the output of ${attempt.lease.key}`),
    };
  } catch (thrown) {
    return { thrown };
  }
}

/** `ended` resolves `graceMs` after an interruption; never, if there is none or it was cancelled before. */
function watchForAbandonment(options: {
  readonly deps: Deps;
  readonly attempt: Attempt;
  readonly runner: Runner;
  readonly graceMs: number;
}): { readonly ended: Promise<Ended>; readonly cancel: () => void } {
  const { attempt, deps, runner, graceMs } = options;
  let timer: Timer | null = null;
  const ended = new Promise<Ended>((resolve) => {
    attempt.onInterrupt(() => {
      timer = deps.clock.after(graceMs, () => {
        if (runner.kill === undefined) {
          deps.logger.warn("a handler ignores its abort signal; it is left behind", {
            item: attempt.lease.key,
            graceMs,
          });
        } else runner.kill(attempt);
        resolve({ thrown: new Error("the handler ignored its abort signal") });
      });
    });
  });
  return { ended, cancel: () => timer?.cancel() };
}

function toReport(deps: Deps, attempt: Attempt, ended: Ended): ReportBody | null {
  const { startedAt, interruption, unsaved } = attempt;
  const endedAt = deps.clock.now();
  if (interruption === "lost") return null;
  if ("output" in ended) return { type: "complete", startedAt, endedAt, output: ended.output };
  if (interruption === "stopped") return { type: "release", startedAt, ...unsaved };
  if (isA(ended.thrown, ThreadCrash)) return { type: "release", startedAt, isCrash: true, ...unsaved };
  const policy = attempt.batch.policy;
  const failures = attempt.lease.failures + 1;
  const isFinal = isNoRetry(ended.thrown) || failures >= policy.attempts;
  return {
    type: "fail",
    startedAt,
    endedAt,
    error:
      interruption === "timed-out"
        ? {
            name: "TimeoutError",
            message: `the attempt took longer than its limit of ${policy.timeoutMs} ms`,
            code: "TIMEOUT",
          }
        : toItemError(ended.thrown),
    retryAt: isFinal ? null : deps.clock.now() + retryDelayMs(policy, failures, deps.random.fraction()),
    ...unsaved,
  };
}

/** By name too: an error from a worker thread or from another copy of the package is of another class. */
function isNoRetry(thrown: unknown): boolean {
  return isA(thrown, NoRetryError) || toItemError(thrown).name === "NoRetryError";
}

/** `instanceof` for whatever was thrown: a Proxy may throw at the question alone. */
function isA(thrown: unknown, kind: abstract new (...given: never[]) => unknown): boolean {
  try {
    return thrown instanceof kind;
  } catch {
    return false;
  }
}
