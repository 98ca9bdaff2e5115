/** Runs a task soon; what it returns calls it off. */
export type Schedule = (task: () => void) => () => void;

/** Pages in the background are given no frames, and should still learn of an end. */
const FRAMELESS_MS = 250;

interface Frames {
  readonly requestAnimationFrame?: (task: () => void) => number;
  readonly cancelAnimationFrame?: (frame: number) => void;
}

/** The next animation frame, where there are any. */
export const nextFrame: Schedule = (task) => {
  // Looked for when it is needed: a page's code may be loaded on a server, and tests bring frames of their own.
  const { requestAnimationFrame, cancelAnimationFrame } = globalThis as Frames;
  const cancel = (): void => {
    clearTimeout(timer);
    if (frame !== undefined) cancelAnimationFrame?.(frame);
  };
  const run = (): void => {
    cancel();
    task();
  };
  const timer = setTimeout(run, FRAMELESS_MS);
  const frame = requestAnimationFrame?.(run);
  return cancel;
};

/** Runs its task once for all requests until then. */
export class OnceAFrame {
  readonly #task: () => void;
  readonly #schedule: Schedule;
  #cancel: (() => void) | null = null;

  constructor(task: () => void, schedule: Schedule) {
    this.#task = task;
    this.#schedule = schedule;
  }

  request(): void {
    this.#cancel ??= this.#schedule(() => {
      this.#cancel = null;
      this.#task();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
