import { MilepostError } from "./errors.ts";
import { requireWhole } from "./options.ts";

/** How a batch's items are tried, tried again and given up. Stored with the batch. */
export interface Policy {
  /** Attempts that may end in failure before the item fails; 1 = no retry. */
  readonly attempts: number;
  /** Wait before the second attempt, in milliseconds; doubled for each further one. */
  readonly delayMs: number;
  /** Longest wait between two attempts, in milliseconds. */
  readonly maxDelayMs: number;
  /** Time limit of one attempt in milliseconds, null for none. Not a heartbeat: a live worker's item may run for days. */
  readonly timeoutMs: number | null;
  /** Attempts that may end in the death of their worker before the item fails as `POISON`. Counted apart from failures. */
  readonly crashBudget: number;
  /** The batch is paused or stopped when more than this many items have failed; null for no limit. */
  readonly maxFailures: number | null;
  /** The same as a share of all items of the batch, 0 to 1. */
  readonly maxFailureRatio: number | null;
  /** What happens when the failure budget is spent. */
  readonly onFailureBudget: "stop" | "pause";
}

export const DEFAULT_POLICY: Policy = {
  attempts: 3,
  delayMs: 1_000,
  maxDelayMs: 300_000,
  timeoutMs: null,
  crashBudget: 5,
  maxFailures: null,
  maxFailureRatio: null,
  onFailureBudget: "stop",
};

/**
 * Fills in the defaults and checks every bound.
 * @throws {MilepostError} `INVALID_ARGUMENT` naming the field, what it must be and what was found.
 */
export function toPolicy(given: Partial<Policy>, base: Policy = DEFAULT_POLICY): Policy {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const policy: Policy = { ...base, ...defined };
  requireWhole("attempts", policy.attempts, 1, 1_000);
  requireWhole("delayMs", policy.delayMs, 0, 86_400_000);
  requireWhole("maxDelayMs", policy.maxDelayMs, 0, 604_800_000);
  if (policy.timeoutMs !== null) requireWhole("timeoutMs", policy.timeoutMs, 1, 2_147_483_647);
  requireWhole("crashBudget", policy.crashBudget, 1, 1_000);
  if (policy.maxFailures !== null) requireWhole("maxFailures", policy.maxFailures, 0, Number.MAX_SAFE_INTEGER);
  const ratio = policy.maxFailureRatio;
  if (ratio !== null && !(typeof ratio === "number" && ratio >= 0 && ratio <= 1)) {
    throw new MilepostError("INVALID_ARGUMENT", `maxFailureRatio must be a number from 0 to 1; found ${String(ratio)}`);
  }
  if (policy.onFailureBudget !== "stop" && policy.onFailureBudget !== "pause") {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `onFailureBudget must be "stop" or "pause"; found ${String(policy.onFailureBudget)}`,
    );
  }
  return policy;
}

/**
 * Milliseconds to wait after `failures` failed attempts: exponential back-off with "equal jitter" (half fixed, half
 * by chance; see AWS Architecture Blog, "Exponential Backoff And Jitter"), so that retries neither come at once nor together.
 *
 * @param chance a number from 0 up to, not including, 1
 */
export function retryDelayMs(policy: Policy, failures: number, chance: number): number {
  const full = Math.min(policy.maxDelayMs, policy.delayMs * 2 ** Math.min(failures - 1, 40));
  return Math.round(full / 2 + (full / 2) * chance);
}

/** True once a batch has more failed items than its policy tolerates. */
export function isFailureBudgetSpent(
  policy: Policy,
  counts: { readonly failed: number; readonly total: number },
): boolean {
  if (policy.maxFailures !== null && counts.failed > policy.maxFailures) return true;
  return policy.maxFailureRatio !== null && counts.failed > policy.maxFailureRatio * counts.total;
}
