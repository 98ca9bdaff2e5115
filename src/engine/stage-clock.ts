import type { Stage } from "../core/progress.ts";

/** How long one attempt worked in each of its declared stages, by its working time in milliseconds. */
export class StageClock {
  #stage: string | null = null;
  #sinceMs = 0;
  readonly #ms = new Map<string, number>();

  /** Enters a stage; one that was not declared, or the only one, has nothing to compare. */
  enter(stages: readonly Stage[], name: string, workedMs: number): void {
    if (stages.length < 2 || !stages.some((stage) => stage.name === name)) return;
    this.#countTo(workedMs);
    this.#stage = name;
  }

  /** Milliseconds by stage; null where none was entered. */
  at(workedMs: number): ReadonlyMap<string, number> | null {
    if (this.#stage === null) return null;
    this.#countTo(workedMs);
    return this.#ms;
  }

  #countTo(workedMs: number): void {
    const stage = this.#stage;
    if (stage !== null) {
      this.#ms.set(stage, (this.#ms.get(stage) ?? 0) + Math.max(0, workedMs - this.#sinceMs));
    }
    this.#sinceMs = workedMs;
  }
}
