import { ApiError, type StreamState } from "../client/client.ts";
import type { WireBatch } from "../wire/batch.ts";

/**
 * How a batch is followed.
 *
 * - `connecting`: nothing is known yet
 * - `live`: what is shown is what is
 * - `reconnecting`: the connection broke, what is shown was true then; it comes back by itself
 * - `ended`: the batch has ended; it is not followed any more
 * - `not-found`: there is no such batch for this caller, or not any more
 * - `failed`: the server refuses, and would again; `error` says why
 */
export type FollowState = "connecting" | "live" | "reconnecting" | "ended" | "not-found" | "failed";

/** What a page knows of a batch. */
export interface BatchView {
  /** As it was last heard of, even where it is not there any more. */
  readonly batch: WireBatch | null;
  readonly state: FollowState;
  /** Why it `failed`; else null. */
  readonly error: Error | null;
}

export const CONNECTING: BatchView = { batch: null, state: "connecting", error: null };
export const NOT_FOUND: BatchView = { batch: null, state: "not-found", error: null };

/** True for states that nothing follows on by itself. */
export function isSettled(state: FollowState): boolean {
  return state === "ended" || state === "not-found" || state === "failed";
}

/** The state after the connection changed. A way that is only being built is not told: a break was told when it came. */
export function afterConnection(state: FollowState, connection: StreamState): FollowState {
  if (state === "live" && connection === "waiting") return "reconnecting";
  if (state === "reconnecting" && connection === "live") return "live";
  return state;
}

/** The state after following was refused, and would be again. */
export function afterRefusal(error: Error): Pick<BatchView, "state" | "error"> {
  if (error instanceof ApiError && error.status === 404) return { state: "not-found", error: null };
  return { state: "failed", error };
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
