import type { BatchRow } from "../core/batch.ts";
import type { Deps } from "./deps.ts";

const KEPT_MAX = 100;

/** Rows of batches that are asked for again and again, for what never changes in them: pipeline, options, policy, stages. */
export class KnownBatches {
  readonly #deps: Deps;
  readonly #rows = new Map<number, BatchRow>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get(number: number): BatchRow | undefined {
    return this.#rows.get(number);
  }

  /** Reads one that is not known yet; null: it is gone. */
  async read(number: number): Promise<BatchRow | null> {
    const batch = await this.#deps.store.batch({ number });
    if (batch === null) return null;
    if (this.#rows.size >= KEPT_MAX) this.#rows.clear();
    this.#rows.set(number, batch);
    return batch;
  }
}
