import type { BatchRow } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { chanceOf, isUuid, itemNumberFrom, ordinalOf } from "../core/ids.ts";
import type { Deps } from "./deps.ts";

const KEPT_MAX = 1_000;

/** Rows of batches that are asked for again and again, for what never changes in them: pipeline, options, policy, stages. */
export class KnownBatches {
  readonly #deps: Deps;
  readonly #rows = new Map<number, BatchRow>();
  /** By what the ids of its items are made of. */
  readonly #byChance = new Map<string, BatchRow>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get(number: number): BatchRow | undefined {
    return this.#rows.get(number);
  }

  /** Reads one that is not known yet; null: it is gone. */
  async read(number: number): Promise<BatchRow | null> {
    return this.#keep(await this.#deps.store.batch({ number }));
  }

  /**
   * The batch of an item and the item's number, by its id; null: the batch is gone.
   * @throws {MilepostError} `INVALID_ARGUMENT` for a text that is no item's id
   */
  async ofItem(id: string): Promise<{ readonly batch: BatchRow; readonly item: number } | null> {
    const ordinal = typeof id === "string" && isUuid(id) ? ordinalOf(id) : null;
    if (ordinal === null) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `an item's id must be a UUID as submit and items() give it; found ${String(id)}`,
      );
    }
    const known = this.#byChance.get(chanceOf(id));
    const batch = known ?? this.#keep(await this.#deps.store.batch({ itemId: id }));
    return batch === null ? null : { batch, item: itemNumberFrom(batch.number, ordinal) };
  }

  #keep(batch: BatchRow | null): BatchRow | null {
    if (batch === null) return null;
    if (this.#rows.size >= KEPT_MAX) {
      this.#rows.clear();
      this.#byChance.clear();
    }
    this.#rows.set(batch.number, batch);
    this.#byChance.set(chanceOf(batch.id), batch);
    return batch;
  }
}
