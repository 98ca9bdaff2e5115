/** States of an item. `pending` covers waiting, held, backing off, and claimed but not started. */
export const ItemState = {
  PENDING: "pending",
  PROCESSING: "processing",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
} as const;
export type ItemState = (typeof ItemState)[keyof typeof ItemState];

/** In the order of the codes that stores keep: `ITEM_STATES[code]`. Never reorder; append only. */
export const ITEM_STATES = [
  "pending",
  "processing",
  "completed",
  "failed",
  "cancelled",
] as const satisfies readonly ItemState[];

export function isTerminal(state: ItemState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/**
 * The whole state machine of an item: command × state it may be given in → state after it. What is not here is refused.
 *
 * Commands of the lease holder carry its fencing token. `complete` and `fail` of an item that was never recorded as
 * started make both transitions in one commit. `release` gives the lease back (retry after a failed attempt, stop,
 * unstarted claims); a `start` may be repeated, as its answer may have been lost; `expire` is the same done to a dead worker's items; `poison` ends an item that killed too many.
 */
export const TRANSITIONS = {
  start: { pending: "processing", processing: "processing" },
  progress: { processing: "processing" },
  complete: { pending: "completed", processing: "completed" },
  fail: { pending: "failed", processing: "failed" },
  release: { pending: "pending", processing: "pending" },
  expire: { pending: "pending", processing: "pending" },
  poison: { processing: "failed" },
  cancel: { pending: "cancelled", processing: "cancelled" },
  retry: { failed: "pending", cancelled: "pending" },
  hold: { pending: "pending" },
  unhold: { pending: "pending" },
  reprioritize: { pending: "pending" },
} as const satisfies Record<string, Partial<Record<ItemState, ItemState>>>;

export type ItemCommand = keyof typeof TRANSITIONS;

/** Commands that only the holder of the item's current lease may give. */
export const FENCED_COMMANDS = [
  "start",
  "progress",
  "complete",
  "fail",
  "release",
] as const satisfies readonly ItemCommand[];
export type FencedCommand = (typeof FENCED_COMMANDS)[number];

/** The states in which `command` is allowed. */
export function fromStates(command: ItemCommand): readonly ItemState[] {
  const row: Partial<Record<ItemState, ItemState>> = TRANSITIONS[command];
  return ITEM_STATES.filter((state) => row[state] !== undefined);
}

/** The state that `command` leads to from `state`, or undefined where it is refused. */
export function toState(command: ItemCommand, state: ItemState): ItemState | undefined {
  const row: Partial<Record<ItemState, ItemState>> = TRANSITIONS[command];
  return row[state];
}
