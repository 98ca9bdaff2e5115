import { useSyncExternalStore } from "react";

/** Calls a task soon: at the next frame, at a timer; tests call it by hand. */
export type Schedule = (task: () => void) => void;

const EVERY_MS = 100;
/** So many times as long as showing took nothing is shown. */
const REST_SHARE = 5;

/**
 * A frame from now, but at most ten times a second: people read no faster, and the page stays free for what they do. Showing
 * much takes its time, and then happens less often.
 */
export function pacedFrames(): Schedule {
  let next = 0;
  return (task) => {
    const wait = Math.max(0, next - performance.now());
    const run = (): void => {
      const begun = performance.now();
      task();
      const ended = performance.now();
      next = ended + Math.max(EVERY_MS, (ended - begun) * REST_SHARE);
    };
    if (wait === 0) requestAnimationFrame(run);
    else setTimeout(() => requestAnimationFrame(run), wait);
  };
}

/** Something that changes often and is shown at most once a frame: listeners hear once of all that changed in between. */
export abstract class Observable {
  readonly #schedule: Schedule;
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #isScheduled = false;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Another number whenever there is something else to show. */
  readonly version = (): number => this.#version;

  protected changed(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => {
      this.#isScheduled = false;
      this.#version += 1;
      for (const listener of this.#listeners) listener();
    });
  }
}

/** Shows the component again when the store has changed; the number is what memos may depend on. */
export function useVersion(store: Observable): number {
  return useSyncExternalStore(store.subscribe, store.version);
}
