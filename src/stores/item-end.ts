import type { ItemError } from "../core/errors.ts";

/** How an item ends. Texts are JSON. Output and error are null where they are left out; `saved` stays as it is then. */
export interface ItemEnd {
  readonly to: "completed" | "failed" | "cancelled";
  readonly now: number;
  readonly token?: number;
  readonly output?: string | null;
  readonly error?: ItemError;
  readonly saved?: string | undefined;
  readonly isFailure?: boolean;
}
