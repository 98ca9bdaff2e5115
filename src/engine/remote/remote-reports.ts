import type { BatchRow } from "../../core/batch.ts";
import { ordinalOf } from "../../core/ids.ts";
import type { ItemRow } from "../../core/item.ts";
import { toItemError } from "../../core/item-error.ts";
import { type Json, toJsonText } from "../../core/json.ts";
import { fractionOf, type ItemProgress, toItemProgress } from "../../core/progress.ts";
import type { Report, ReportBody } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import { toFailBody } from "../failure.ts";
import type { KnownBatches } from "../known-batches.ts";
import { wasRecorded } from "../recorded.ts";
import { retryBusy } from "../retry-busy.ts";
import type { RemoteRuns } from "./remote-runs.ts";

/** What a worker outside the process says of an item that it holds. `saved` is kept for the item's next attempt. */
export type RemoteReport = { readonly itemId: string; readonly token: number } & (
  | ({
      /** Where the item stands; what is left out stays as it was. A new stage begins without units. */
      readonly type: "progress";
      readonly saved?: Json;
    } & Partial<ItemProgress>)
  | {
      readonly type: "complete";
      readonly output?: Json;
      /** The result was there already: what the item took says nothing of how long others take. */
      readonly isCached?: boolean;
    }
  | {
      /** The batch's policy decides whether the item is tried again; `isFinal`: another attempt cannot help. */
      readonly type: "fail";
      readonly error: { readonly name?: string; readonly message: string; readonly code?: string | null };
      readonly isFinal?: boolean;
      readonly saved?: Json;
    }
  | { readonly type: "release"; readonly saved?: Json }
);

/**
 * What became of a report. `recorded` also where it is repeated because its answer was lost. `lease-lost`: cancelled, stopped,
 * given to another worker, or ended otherwise; nothing was changed. `not-found`: the item was removed.
 */
export type RemoteResult = "recorded" | "lease-lost" | "not-found";

/** How far an item is, by the report before. */
type Standing = Pick<ItemRow, "progress" | "fraction">;

interface Prepared {
  readonly report: Report;
  readonly row: ItemRow;
  readonly batch: BatchRow;
  readonly isCached: boolean;
}

/** Takes the reports of one worker to the store. */
export class RemoteReports {
  readonly #deps: Deps;
  readonly #batches: KnownBatches;
  readonly #runs: RemoteRuns;

  constructor(deps: Deps, parts: { readonly batches: KnownBatches; readonly runs: RemoteRuns }) {
    this.#deps = deps;
    this.#batches = parts.batches;
    this.#runs = parts.runs;
  }

  /**
   * Records reports in one commit; each has its own result.
   * @throws {MilepostError} `INVALID_ARGUMENT` or `NOT_JSON` for one that is no report: then none is recorded
   */
  async record(worker: number, reports: readonly RemoteReport[]): Promise<readonly RemoteResult[]> {
    const progress = new Map<number, Standing>();
    const prepared: (Prepared | null)[] = [];
    for (const given of reports) prepared.push(await this.#prepare(worker, given, progress));
    const known = prepared.filter((entry) => entry !== null);
    const now = this.#deps.clock.now();
    const toRecord = known.map(({ report }) => report);
    const results = await retryBusy(this.#deps, () => this.#deps.store.record(toRecord, now));
    const byEntry = new Map(known.map((entry, index) => [entry, results[index]]));
    return Promise.all(
      prepared.map(async (entry): Promise<RemoteResult> => {
        if (entry === null) return "not-found";
        const result = byEntry.get(entry);
        if (result?.ok === true) {
          this.#learn(worker, entry, now);
          return "recorded";
        }
        if (await wasRecorded(this.#deps, entry.report)) return "recorded";
        return result?.reason === "not-found" ? "not-found" : "lease-lost";
      }),
    );
  }

  async #prepare(worker: number, given: RemoteReport, progress: Map<number, Standing>): Promise<Prepared | null> {
    const { store, clock } = this.#deps;
    const found = ordinalOf(given.itemId) === null ? null : await this.#batches.ofItem(given.itemId);
    const detail = found === null ? null : await store.item({ number: found.item });
    if (found === null || detail === null) return null;
    const { batch, item } = found;
    const { item: row } = detail;
    const body = this.#toBody(given, {
      batch,
      row,
      before: progress.get(item) ?? row,
      startedAt: row.startedAt ?? clock.now(),
    });
    if (body.type === "progress") progress.set(item, body);
    const isCached = given.type === "complete" && given.isCached === true;
    return { report: { item, lease: { token: given.token, worker }, ...body }, row, batch, isCached };
  }

  #toBody(
    given: RemoteReport,
    of: { readonly batch: BatchRow; readonly row: ItemRow; readonly before: Standing; readonly startedAt: number },
  ): ReportBody {
    const { batch, row, startedAt } = of;
    const saved = "saved" in given && given.saved !== undefined ? { saved: toJsonText(given.saved, "saved data") } : {};
    switch (given.type) {
      case "progress": {
        const progress = mergeProgress(of.before.progress, given);
        const fraction = Math.max(of.before.fraction, fractionOf(batch.stages, progress));
        return { type: "progress", startedAt, progress, fraction, ...saved };
      }
      case "complete": {
        const { output = null } = given;
        const text = output === null ? null : toJsonText(output, `the output of ${row.key}`);
        return { type: "complete", startedAt, output: text };
      }
      case "fail": {
        const { policy } = batch;
        const error = toItemError(given.error);
        const isNoRetry = given.isFinal === true;
        return { ...toFailBody(this.#deps, { policy, failures: row.failures, startedAt, error, isNoRetry }), ...saved };
      }
      case "release":
        return { type: "release", startedAt, ...saved };
    }
  }

  #learn(worker: number, { report, row, batch, isCached }: Prepared, now: number): void {
    const { number: item, size, kind, startedAt } = row;
    const token = report.lease?.token ?? 0;
    const run = this.#runs.of({ item, token, batch: batch.number, size, kind }, worker, startedAt ?? now);
    if (report.type === "progress" && report.progress.stage !== null)
      run.enter(batch.stages, report.progress.stage, now);
    run.isCached = isCached;
    this.#runs.reported(run, report, now);
  }
}

/** As for handlers: a new stage begins without units, what is not told stays. */
function mergeProgress(before: ItemProgress, given: Partial<ItemProgress>): ItemProgress {
  const isNewStage = given.stage !== undefined && given.stage !== before.stage;
  const kept = isNewStage ? { ...before, done: null, total: null, unit: null } : before;
  const { stage = kept.stage, done = kept.done, total = kept.total, unit = kept.unit, message = kept.message } = given;
  return toItemProgress({ stage, done, total, unit, message });
}
