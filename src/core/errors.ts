/**
 * The one registry of operating errors. `retryable` says whether the same call may succeed later without any change.
 * A new code does not compile until the exit-status table (cli) knows it too.
 */
export const ERROR_CODES = {
  INVALID_ARGUMENT: { retryable: false },
  NOT_FOUND: { retryable: false },
  CONFLICT: { retryable: false },
  LEASE_LOST: { retryable: false },
  CLOSED: { retryable: false },
  HANDLER: { retryable: false },
  NOT_JSON: { retryable: false },
  MISSING_DEPENDENCY: { retryable: false },
  STORE_UNAVAILABLE: { retryable: true },
  STORE_FULL: { retryable: true },
  STORE_READ_ONLY: { retryable: false },
  STORE_CORRUPT: { retryable: false },
  STORE_SCHEMA: { retryable: false },
  STORE_UNSUPPORTED: { retryable: false },
  STORE_GONE: { retryable: false },
} as const;

/** What went wrong, for programs; codes stay what they are from version to version. */
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * Every operating error that Milepost throws. The message says what was expected, what was found and what to do;
 * `code` is stable and meant for programs; `details` names the values involved.
 */
export class MilepostError extends Error {
  override readonly name = "MilepostError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: Record<string, unknown>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** Thrown by a handler to say that another attempt cannot help: the item fails at once. */
export class NoRetryError extends Error {
  override readonly name: string = "NoRetryError";
  readonly code: string | undefined;

  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
  }
}

/** What an item keeps of an error: data, never a live object. */
export interface ItemError {
  readonly name: string;
  /** At most `LIMITS.errorMessageBytes` bytes of UTF-8, without NUL or lone surrogates. */
  readonly message: string;
  readonly code: string | null;
}
