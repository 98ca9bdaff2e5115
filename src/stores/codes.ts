import type { ItemError } from "../core/errors.ts";
import { invariant } from "../core/invariant.ts";
import { ATTEMPT_OUTCOMES, type AttemptOutcome, type AttemptRow } from "../core/item.ts";
import type { Json } from "../core/json.ts";
import { CONTROLS, type Control } from "../core/queue.ts";
import { ITEM_STATES, type ItemState } from "../core/transitions.ts";

/** Codes of the item states in SQL: the place in `ITEM_STATES`. The constants are for statements, the functions for rows. */
export const PENDING = 0;
export const PROCESSING = 1;
export const COMPLETED = 2;
export const FAILED = 3;
export const CANCELLED = 4;

export function toStateCode(state: ItemState): number {
  return ITEM_STATES.indexOf(state);
}

export function stateOf(code: number): ItemState {
  const state = ITEM_STATES[code];
  invariant(state !== undefined, `unknown state code ${code}`);
  return state;
}

export function toControlCode(control: Control): number {
  return CONTROLS.indexOf(control);
}

export function controlOf(code: number): Control {
  const control = CONTROLS[code];
  invariant(control !== undefined, `unknown control code ${code}`);
  return control;
}

export function toOutcomeCode(outcome: AttemptOutcome): number {
  return ATTEMPT_OUTCOMES.indexOf(outcome);
}

export type AttemptTuple = readonly [
  token: number,
  worker: string | null,
  startedAt: number,
  endedAt: number,
  outcome: number,
  error: string | null,
];

export function toAttemptRow(row: AttemptTuple): AttemptRow {
  const outcome = ATTEMPT_OUTCOMES[row[4]];
  invariant(outcome !== undefined, `unknown outcome code ${row[4]}`);
  return { token: row[0], worker: row[1], startedAt: row[2], endedAt: row[3], outcome, error: toError(row[5]) };
}

export function toError(text: string | null): ItemError | null {
  return text === null ? null : (JSON.parse(text) as ItemError);
}

export function toJson(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
}
