import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { MilepostError } from "../core/errors.ts";
import { batchIdFrom } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { NewItems, RequestOptions, SubmitCounts, SubmitOptions, Verdict } from "../engine/submit.ts";
import type { SubmissionFields, WireNewItem, WireSubmitted } from "../wire/submission.ts";
import { Spool, type Spooled } from "./spool.ts";

/** What is to be done with items, as JSON can keep it. */
export type Kept =
  | {
      readonly type: "create";
      readonly id: string;
      readonly owner: string;
      readonly fields: SubmissionFields;
      readonly request: RequestOptions | null;
    }
  | { readonly type: "add"; readonly batchId: string; readonly seal: boolean | null };

export interface Submitted {
  readonly isRepeat: boolean;
  readonly body: WireSubmitted;
}

/**
 * Hands submissions to the engine, so that none is ever there by half: one of fewer than 1,000 items is one commit; a longer one, and a
 * stream, is first kept whole on disk (`Spool`), and finished by the next server if this one dies in the middle.
 */
export class Submissions {
  readonly #milepost: Milepost;
  readonly #spool: Spool<Kept>;

  constructor(milepost: Milepost, files: string) {
    this.#milepost = milepost;
    this.#spool = new Spool(join(files, "spool"));
  }

  /** An id for a new batch. */
  static newId(): string {
    return batchIdFrom(Date.now(), randomBytes(10));
  }

  /** @param describe what to do with the items; called when all of them have been read */
  async submit(items: readonly WireNewItem[] | AsyncIterable<WireNewItem>, describe: () => Kept): Promise<Submitted> {
    if (Array.isArray(items) && items.length < LIMITS.submitChunkItems) return this.#carryOut(describe(), items);
    return this.#finish(await this.#spool.keep(items, describe));
  }

  /** Finishes what was kept and not carried out. Never throws; returns the errors of what has to wait for another time. */
  async finishLeft(): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    for (const name of await this.#spool.left()) {
      try {
        const spooled = await this.#spool.take(name);
        if (spooled === null) continue;
        if (await this.#isCancelled(spooled.kept)) await spooled.remove();
        else await this.#finish(spooled);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  async #finish(spooled: Spooled<Kept>): Promise<Submitted> {
    try {
      const submitted = await this.#carryOut(spooled.kept, spooled.items());
      await spooled.remove();
      return submitted;
    } catch (error) {
      // Where the store failed, half of it may be there and could not be taken back.
      if (isOfStore(error)) spooled.leave();
      else await spooled.remove();
      throw error;
    }
  }

  async #carryOut(kept: Kept, items: NewItems): Promise<Submitted> {
    const verdicts: WireSubmitted["verdicts"] = [];
    const onVerdict = ({ key, verdict }: Verdict): void => {
      if (verdict !== "added" && verdicts.length < LIMITS.verdicts) verdicts.push({ key, verdict });
    };
    if (kept.type === "add") {
      const batch = this.#milepost.batch(kept.batchId);
      const counts = await batch.add(items, { ...(kept.seal !== null && { seal: kept.seal }), onVerdict });
      return toSubmitted(kept.batchId, counts, verdicts);
    }
    const result = await this.#milepost.submit({ ...toOptions(kept), items, onVerdict });
    return toSubmitted(result.id, result, verdicts);
  }

  /** Half of it was there, and somebody cancelled it. */
  async #isCancelled(kept: Kept): Promise<boolean> {
    const id = kept.type === "create" ? kept.id : kept.batchId;
    const snapshot = await this.#milepost
      .batch(id)
      .snapshot()
      .catch(() => null);
    return snapshot?.status === "cancelled";
  }
}

function toOptions({ id, owner, fields, request }: Extract<Kept, { type: "create" }>): Omit<SubmitOptions, "items"> {
  const { startAt, options, ...rest } = fields;
  return {
    ...rest,
    id,
    owner,
    ...(options !== undefined && { options: options as Json }),
    ...(startAt !== undefined && { startAt: new Date(startAt) }),
    ...(request !== null && { request }),
  };
}

function toSubmitted(batchId: string, counts: SubmitCounts, verdicts: WireSubmitted["verdicts"]): Submitted {
  const { added, known, duplicate, isRepeat } = counts;
  return { isRepeat, body: { batchId, added, known, duplicate, verdicts } };
}

function isOfStore(error: unknown): boolean {
  return error instanceof MilepostError && (error.code.startsWith("STORE_") || error.code === "CLOSED");
}
