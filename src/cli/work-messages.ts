import type { ErrorCode } from "../core/errors.ts";

/** What the process that serves says to the one that works. The first message starts it. */
export type WorkOrder =
  | {
      readonly type: "start";
      readonly store: string;
      readonly concurrency: number;
      /** Resident bytes at which the process ends itself. */
      readonly memoryBytes: number;
    }
  | { readonly type: "stop" };

/** What the process that works says. */
export type WorkNews =
  | { readonly type: "working" }
  /** An operator drained its worker: it ends, and no other one is to be started. */
  | { readonly type: "drained" }
  /** The store is gone, read-only or corrupt: there is no use in starting again. */
  | { readonly type: "gave-up"; readonly code: ErrorCode | null; readonly message: string }
  | {
      readonly type: "log";
      readonly level: "info" | "warn" | "error";
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
