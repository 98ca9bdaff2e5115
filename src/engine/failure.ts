import type { ItemError } from "../core/errors.ts";
import { type Policy, retryDelayMs } from "../core/retry-policy.ts";
import type { ReportBody } from "../ports/store.ts";
import type { Deps } from "./deps.ts";

/** An attempt that failed. */
export interface Failure {
  readonly policy: Policy;
  /** Attempts that failed before it, since submission or the last explicit retry. */
  readonly failures: number;
  readonly startedAt: number;
  readonly error: ItemError;
  /** True where another attempt cannot help. */
  readonly isNoRetry: boolean;
}

/** What is reported of it: its batch's policy decides whether and when the item is tried again. */
export function toFailBody(deps: Deps, failure: Failure): ReportBody & { readonly type: "fail" } {
  const { policy, startedAt, error, isNoRetry } = failure;
  const failures = failure.failures + 1;
  const endedAt = deps.clock.now();
  const isFinal = isNoRetry || failures >= policy.attempts;
  const retryAt = isFinal ? null : endedAt + retryDelayMs(policy, failures, deps.random.fraction());
  return { type: "fail", startedAt, endedAt, error, retryAt };
}

/** The error of an attempt that was ended because it took too long. */
export function timeoutError(policy: Policy): ItemError {
  const message = `the attempt took longer than its limit of ${policy.timeoutMs} ms`;
  return { name: "TimeoutError", message, code: "TIMEOUT" };
}
