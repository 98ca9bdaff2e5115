import { emptyTally, plan } from "../core/estimator/tally.ts";
import { NO_STAGE_TIMES } from "../core/stage-times.ts";
import type { ItemSpec } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import { withPart } from "./learned.ts";

/** The sizes and kinds of submitted items, told to the store once they are all in: what is still to do, for the estimate. */
export class Plan {
  readonly #tally = emptyTally();
  /** Items with neither a size nor a kind: only worth telling beside others that have one. */
  #plain = 0;

  add({ size, kind }: ItemSpec): void {
    if (size === null && kind === null) this.#plain += 1;
    else plan(this.#tally, { kind: kind ?? "", size }, 1);
  }

  async tell(deps: Deps, batch: number): Promise<void> {
    if (Object.keys(this.#tally.cells).length === 0) return;
    if (this.#plain > 0) plan(this.#tally, { kind: "", size: null }, this.#plain);
    const part = { tally: this.#tally, stages: NO_STAGE_TIMES, worked: null, halted: {} };
    try {
      await deps.store.learn(batch, (known) => withPart(known, part, null).texts);
    } catch (error) {
      deps.logger.warn("the sizes of what was submitted are not known to its estimate", { error: String(error) });
    }
  }
}
