import { MilepostError } from "../core/errors.ts";
import type { Deps } from "./deps.ts";

const TRIES = 5;
const FIRST_DELAY_MS = 500;

/** Makes a call again while the store says that it may succeed later: five tries, from 0.5 s, doubling. */
export async function retryBusy<T>(deps: Deps, call: () => Promise<T>): Promise<T> {
  for (let tried = 1, delayMs = FIRST_DELAY_MS; ; tried++, delayMs *= 2) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof MilepostError && error.retryable) || tried === TRIES) throw error;
      await new Promise<void>((resolve) => deps.clock.after(delayMs, resolve));
    }
  }
}
