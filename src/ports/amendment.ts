import type { ItemRow } from "../core/item.ts";
import type { Refusal } from "../core/machine.ts";
import type { ItemRef, ReportBody } from "./store.ts";

/**
 * A report on work that its callers run and several of them report on. Whoever held the item, the reporting session does
 * after it, a running one under a new token. It is not hindered by a pause, a hold or a back-off.
 */
export interface Amendment {
  readonly ref: ItemRef;
  /** The session that holds the item from now on, unless `change` ends it. */
  readonly worker: number;
  /** Says what becomes of the item. May be called more than once; where it throws, nothing was changed. */
  readonly change: (item: ItemRow) => AmendBody;
  readonly now: number;
}

export type AmendBody = Extract<ReportBody, { readonly type: "progress" | "complete" | "fail" }>;

export type Amended =
  | { readonly ok: true; readonly item: ItemRow }
  /** `lease-lost`: the session is gone; `wrong-state`: the item has ended. */
  | { readonly ok: false; readonly reason: Refusal };
