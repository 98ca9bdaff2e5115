import { InvalidArgumentError } from "commander";
import { BatchStatus } from "../core/batch.ts";
import { ITEM_STATES, type ItemState } from "../core/transitions.ts";

/** Reads a batch's status from the command line. */
export function batchStatus(text: string): BatchStatus {
  return oneOf(Object.values(BatchStatus), text);
}

/** Reads an item's state from the command line. */
export function itemState(text: string): ItemState {
  return oneOf(ITEM_STATES, text);
}

function oneOf<Word extends string>(words: readonly Word[], text: string): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${words.join(", ")}.`);
  return found;
}
