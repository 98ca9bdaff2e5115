import fc from "fast-check";
import { expect, it } from "vitest";
import { toPriority } from "./priority.ts";
import { DEFAULT_POLICY, isFailureBudgetSpent, retryDelayMs, toPolicy } from "./retry-policy.ts";

const INVALID = expect.objectContaining({ code: "INVALID_ARGUMENT" });

it("the back-off doubles, has its jitter in the upper half, and its bound", () => {
  const policy = { ...DEFAULT_POLICY, delayMs: 1_000, maxDelayMs: 5_000 };
  expect([1, 2, 3, 4, 500].map((failures) => retryDelayMs(policy, failures, 0))).toEqual([
    500, 1_000, 2_000, 2_500, 2_500,
  ]);
  const property = fc.property(
    fc.integer({ min: 1, max: 10_000 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (failures, chance) => {
      const full = Math.min(5_000, 1_000 * 2 ** (failures - 1));
      const delay = retryDelayMs(policy, failures, chance);
      expect(Number.isInteger(delay) && delay >= full / 2 && delay <= full).toBe(true);
    },
  );
  fc.assert(property);
});

it("a policy is filled in and checked", () => {
  expect(toPolicy({})).toEqual(DEFAULT_POLICY);
  expect(toPolicy({ attempts: 1 }).attempts).toBe(1);
  const odd = [
    { attempts: 0 },
    { attempts: 1.5 },
    { delayMs: -1 },
    { timeoutMs: 0 },
    { crashBudget: 0 },
    { maxFailures: -1 },
    { maxFailureRatio: 1.1 },
    { maxFailureRatio: Number.NaN },
  ];
  for (const policy of odd) expect(() => toPolicy(policy), JSON.stringify(policy)).toThrow(INVALID);
});

it("a failure budget is spent by more failures than it allows", () => {
  const spent = (policy: object, failed: number, total: number) =>
    isFailureBudgetSpent({ ...DEFAULT_POLICY, ...policy }, { failed, total });
  expect(spent({}, 9, 9)).toBe(false);
  expect([spent({ maxFailures: 2 }, 2, 9), spent({ maxFailures: 2 }, 3, 9)]).toEqual([false, true]);
  expect([spent({ maxFailureRatio: 0.5 }, 5, 10), spent({ maxFailureRatio: 0.5 }, 6, 10)]).toEqual([false, true]);
  expect(spent({ maxFailures: 0 }, 1, 100)).toBe(true);
});

it("a priority is a name or a whole number", () => {
  expect(["urgent", "high", "normal", "low"].map((name) => toPriority(name as "low"))).toEqual([-20, -10, 0, 10]);
  expect(Object.is(toPriority(-0), 0)).toBe(true);
  for (const odd of ["highest", "toString", 1.5, 1e308, Number.NaN, null, [1], true]) {
    expect(() => toPriority(odd as number), String(odd)).toThrow(INVALID);
  }
});
