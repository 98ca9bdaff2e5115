import { NoRetryError } from "../core/errors.ts";
import { toItemError } from "../core/item-error.ts";
import { toJsonText } from "../core/json.ts";
import type { Timer } from "../ports/clock.ts";
import type { Report } from "../ports/store.ts";
import type { AttemptSpan } from "../ports/tracer.ts";
import type { Attempt } from "./attempt.ts";
import type { Deps } from "./deps.ts";
import { timeoutError, toFailBody } from "./failure.ts";
import type { Handler } from "./pipeline.ts";

/** Thrown by a runner when the thread that ran the handler died under it: a crash, not a failure. */
export class ThreadCrash extends Error {
  override readonly name = "ThreadCrash";
}

/** How a pipeline's handler is called, and how one that was interrupted and does not end is dealt with. */
export interface Runner {
  readonly handler: Handler;
  /** Ends the attempt's thread by force; absent where a handler runs in this process and cannot be ended. */
  readonly kill?: (attempt: Attempt) => void;
}

type Ended = { readonly output: unknown } | { readonly thrown: unknown };

/**
 * Runs attempts' handlers to their ends and says what to report. There is no promise of ours around a handler: a short one
 * that returns at once costs a call.
 *
 * A handler that ignores its abort for `graceMs` is left behind (its thread ended, where it has one): its slot is free
 * again, and its late result is refused by the token.
 */
export class Executor {
  readonly #deps: Deps;
  readonly #graceMs: number;
  readonly #onEnded: (attempt: Attempt, report: Report | null) => void;
  readonly #graces = new Map<Attempt, Timer>();
  readonly #spans = new Map<Attempt, AttemptSpan>();

  /** @param onEnded called once for each attempt; null: its lease is lost and nothing may be reported */
  constructor(options: {
    readonly deps: Deps;
    readonly graceMs: number;
    readonly onEnded: (attempt: Attempt, report: Report | null) => void;
  }) {
    this.#deps = options.deps;
    this.#graceMs = options.graceMs;
    this.#onEnded = options.onEnded;
  }

  /** Calls the handler; not, if the attempt was told to end before it could begin. */
  start(attempt: Attempt): void {
    if (attempt.interruption !== null) {
      this.#end(attempt, { thrown: null });
      return;
    }
    let result: unknown;
    try {
      result = this.#call(attempt);
      if (isThenable(result)) {
        Promise.resolve(result).then(
          (output) => this.#end(attempt, { output }),
          (thrown) => this.#end(attempt, { thrown }),
        );
        return;
      }
    } catch (thrown) {
      this.#end(attempt, { thrown });
      return;
    }
    this.#end(attempt, { output: result });
  }

  #call(attempt: Attempt): unknown {
    const { runner, batch, lease } = attempt;
    const { tracer } = this.#deps;
    if (tracer === undefined) return runner.handler(attempt.handlerItem(), attempt);
    const { pipeline, queue, id: batchId } = batch;
    const span = tracer.begin({ pipeline, queue, batchId, itemId: lease.id, attempt: lease.attempt });
    this.#spans.set(attempt, span);
    return span.run(() => runner.handler(attempt.handlerItem(), attempt));
  }

  /** Gives an interrupted handler some time to end by itself. */
  interrupted(attempt: Attempt): void {
    if (this.#graces.has(attempt)) return;
    const { clock, logger } = this.#deps;
    const timer = clock.after(this.#graceMs, () => {
      if (attempt.runner.kill === undefined) {
        const facts = { item: attempt.lease.key, graceMs: this.#graceMs };
        logger.warn("a handler ignores its abort signal; it is left behind", facts);
      } else attempt.runner.kill(attempt);
      this.#end(attempt, { thrown: new Error("the handler ignored its abort signal") });
    });
    this.#graces.set(attempt, timer);
  }

  #end(attempt: Attempt, ended: Ended): void {
    if (attempt.isSettled) return;
    attempt.settle();
    if (attempt.interruption !== null) {
      this.#graces.get(attempt)?.cancel();
      this.#graces.delete(attempt);
    }
    const report = attempt.interruption === "lost" ? null : this.#reportOf(attempt, ended);
    this.#endSpan(attempt, report);
    this.#onEnded(attempt, report);
  }

  #endSpan(attempt: Attempt, report: Report | null): void {
    const span = this.#spans.get(attempt);
    if (span === undefined) return;
    this.#spans.delete(attempt);
    const isEnd = report?.type === "complete" || report?.type === "fail";
    const how = report === null ? "lost" : isEnd ? report.type : "release";
    span.end(how, report?.type === "fail" ? report.error.message : null);
  }

  #reportOf(attempt: Attempt, ended: Ended): Report {
    const { item, lease, startedAt } = attempt;
    try {
      return "thrown" in ended
        ? toFailure(this.#deps, attempt, ended.thrown)
        : toCompletion(this.#deps, attempt, ended);
    } catch (error) {
      this.#deps.logger.error("an attempt could not be reported", { item: lease.key, error: String(error) });
      // No mistake of ours may strand an item.
      return { type: "release", item, lease, startedAt };
    }
  }
}

/** A result that cannot be kept is the handler's error. */
function toCompletion(deps: Deps, attempt: Attempt, ended: { readonly output: unknown }): Report {
  const { item, lease, startedAt } = attempt;
  let output: string | null = null;
  try {
    if (ended.output !== undefined && ended.output !== null)
      output = toJsonText(ended.output, `the output of ${lease.key}`);
  } catch (thrown) {
    return toFailure(deps, attempt, thrown);
  }
  return { type: "complete", item, lease, startedAt, endedAt: deps.clock.now(), output };
}

/** What is reported of an attempt whose handler threw, or was told to end and did. */
function toFailure(deps: Deps, attempt: Attempt, thrown: unknown): Report {
  const { item, lease, startedAt, interruption, unsaved } = attempt;
  if (interruption === "stopped") return { type: "release", item, lease, startedAt, ...unsaved };
  if (isA(thrown, ThreadCrash)) return { type: "release", item, lease, startedAt, isCrash: true, ...unsaved };
  const { policy } = attempt.batch;
  const failure = {
    policy,
    failures: lease.failures,
    startedAt,
    error: interruption === "timed-out" ? timeoutError(policy) : toItemError(thrown),
    isNoRetry: isNoRetry(thrown),
  };
  return { item, lease, ...toFailBody(deps, failure), ...unsaved };
}

/** Whether a handler's result is still to come. Asking a strange object may throw: that is the handler's error. */
function isThenable(result: unknown): boolean {
  return typeof result === "object" && result !== null && "then" in result && typeof result.then === "function";
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
