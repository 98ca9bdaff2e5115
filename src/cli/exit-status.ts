import { type ErrorCode, MilepostError } from "../core/errors.ts";

/** What the process ends with. 128 + the signal's number after a signal. */
export const EXIT = { DONE: 0, WORK_FAILED: 1, WRONG_USE: 2, NOT_FOUND: 3, STORE: 4, PIPE: 141 } as const;

export const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type StopSignal = keyof typeof SIGNAL_STATUS;

const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.WRONG_USE,
  NOT_FOUND: EXIT.NOT_FOUND,
  CONFLICT: EXIT.WRONG_USE,
  LEASE_LOST: EXIT.WORK_FAILED,
  CLOSED: EXIT.STORE,
  HANDLER: EXIT.WRONG_USE,
  NOT_JSON: EXIT.WRONG_USE,
  MISSING_DEPENDENCY: EXIT.WRONG_USE,
  STORE_UNAVAILABLE: EXIT.STORE,
  STORE_FULL: EXIT.STORE,
  STORE_READ_ONLY: EXIT.STORE,
  STORE_CORRUPT: EXIT.STORE,
  STORE_SCHEMA: EXIT.STORE,
  STORE_UNSUPPORTED: EXIT.STORE,
  STORE_GONE: EXIT.STORE,
};

/** The exit status for an error that ended a verb; 1 for one that nobody expected. */
export function exitStatusOf(error: unknown): number {
  return error instanceof MilepostError ? STATUS_OF[error.code] : EXIT.WORK_FAILED;
}
