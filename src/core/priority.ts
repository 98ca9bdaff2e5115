import { MilepostError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** Named priorities; a lower number runs sooner. Accepted everywhere a number is. */
export const PRIORITIES = { urgent: -20, high: -10, normal: 0, low: 10 } as const;
export type PriorityName = keyof typeof PRIORITIES;
/** Lower runs sooner: a whole number within ±1,000,000, or a name of `PRIORITIES`. */
export type Priority = number | PriorityName;

/**
 * Returns the number behind a priority.
 * @throws {MilepostError} `INVALID_ARGUMENT` for anything but a name of `PRIORITIES` or a whole number within ±1,000,000.
 */
export function toPriority(priority: Priority): number {
  if (typeof priority === "string" && Object.hasOwn(PRIORITIES, priority)) return PRIORITIES[priority];
  if (typeof priority === "number" && Number.isInteger(priority) && Math.abs(priority) <= LIMITS.priority)
    return priority + 0;
  const names = Object.keys(PRIORITIES).join(", ");
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `priority must be one of ${names} or a whole number; found ${typeof priority === "number" ? priority : JSON.stringify(priority)}`,
  );
}
