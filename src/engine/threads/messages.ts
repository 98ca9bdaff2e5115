import type { MessagePort } from "node:worker_threads";
import type { ItemError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { HandlerItem } from "../pipeline.ts";

/** What a thread's handler says to the engine. Calls with an `id` are answered. */
export type FromThread =
  | { readonly type: "stage"; readonly name: string; readonly total?: number; readonly unit?: string }
  | { readonly type: "progress"; readonly done: number; readonly total: number; readonly unit?: string }
  | { readonly type: "cached" }
  | { readonly type: "message"; readonly text: string }
  | { readonly type: "log"; readonly message: string; readonly details: Readonly<Record<string, unknown>> }
  | { readonly type: "save"; readonly id: number; readonly data: Json }
  | { readonly type: "paused"; readonly id: number };

/** What the engine says to a thread's handler. */
export type ToThread =
  | { readonly type: "abort"; readonly reason: string }
  | { readonly type: "answer"; readonly id: number; readonly error: string | null };

/** How a handler in a thread ended. */
export type ThreadResult = { readonly output: Json } | { readonly error: ItemError };

/** One attempt, as it is sent to a thread. */
export interface ThreadTask {
  readonly module: string;
  readonly item: HandlerItem;
  readonly port: MessagePort;
}
