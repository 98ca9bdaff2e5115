/** What each peer's case is given. */
export interface PeerInput {
  readonly items: number;
  /** Where its server is, or the path of a file that is not there yet; empty for those that need neither. */
  readonly location: string;
  /** Handlers or jobs at once, in the peer's own sense. */
  readonly concurrency: number;
  /** Unique for each run, so that runs on one server do not meet. */
  readonly name: string;
}

/** Items that are added in one call. */
export const ADD_CHUNK = 1_000;

/** Resolves once `count` was called as often as there are items. */
export class Countdown {
  readonly reached: Promise<void>;
  #left: number;
  #reach: () => void = () => {};

  constructor(items: number) {
    this.#left = items;
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
  }

  count(items = 1): void {
    this.#left -= items;
    if (this.#left === 0) this.#reach();
    if (this.#left < 0) throw new Error("more items were done than were added");
  }
}

/**
 * Imports a package of bench/peers. Only what a case uses of it is typed, in that case, so that the project can be checked
 * without any peer installed.
 */
export async function load<Module>(name: string): Promise<Module> {
  return (await import(name)) as Module;
}
