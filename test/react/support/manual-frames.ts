import type { Schedule } from "../../../src/react/once-a-frame.ts";

/** Animation frames that come when a test says so. */
export class ManualFrames {
  #tasks = new Set<() => void>();

  readonly schedule: Schedule = (task) => {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  };

  get waiting(): number {
    return this.#tasks.size;
  }

  next(): void {
    const tasks = this.#tasks;
    this.#tasks = new Set();
    for (const task of tasks) task();
  }
}
