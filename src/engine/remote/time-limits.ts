import { splitItemNumber } from "../../core/ids.ts";
import type { SessionRow } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import { timeoutError, toFailBody } from "../failure.ts";
import type { KnownBatches } from "../known-batches.ts";
import { retryBusy } from "../retry-busy.ts";
import type { Holding } from "./holdings.ts";
import type { RemoteRun, RemoteRuns } from "./remote-runs.ts";

/** The time limits of attempts that workers outside make, looked at when they beat. A pause stops them, as it does for handlers. */
export class TimeLimits {
  readonly #deps: Deps;
  readonly #batches: KnownBatches;
  readonly #runs: RemoteRuns;

  constructor(deps: Deps, parts: { readonly batches: KnownBatches; readonly runs: RemoteRuns }) {
    this.#deps = deps;
    this.#batches = parts.batches;
    this.#runs = parts.runs;
  }

  /** Milliseconds until the limit, null for none. Where it is over, 0 or less, the attempt was failed and its lease is lost. */
  async leftOf(session: SessionRow, held: Holding, isHalted: boolean): Promise<number | null> {
    const { clock } = this.#deps;
    const { batch: number } = splitItemNumber(held.item);
    const batch = this.#batches.get(number) ?? (await this.#batches.read(number));
    const timeoutMs = batch?.policy.timeoutMs ?? null;
    const run =
      this.#runs.find(held.item, held.token) ?? (timeoutMs === null ? null : await this.#readRun(session, held));
    run?.halt(isHalted, clock);
    if (batch === null || timeoutMs === null || run === null || isHalted) return null;
    const leftMs = timeoutMs - run.spentMs(clock);
    if (leftMs > 0) return leftMs;
    await this.#fail(run, held, batch.policy);
    return leftMs;
  }

  /** What the item tells of a run that began under another process. */
  async #readRun(session: SessionRow, { item, token }: Holding): Promise<RemoteRun | null> {
    const row = (await this.#deps.store.item({ number: item }))?.item;
    if (row === undefined || row.startedAt === null) return null;
    const { batch } = splitItemNumber(item);
    return this.#runs.of({ item, token, batch, size: row.size, kind: row.kind }, session.number, row.startedAt);
  }

  async #fail(run: RemoteRun, { item, token }: Holding, policy: Parameters<typeof timeoutError>[0]): Promise<void> {
    const { store, clock } = this.#deps;
    const failures = (await store.item({ number: item }))?.item.failures ?? 0;
    const failure = { policy, failures, startedAt: run.startedAt, error: timeoutError(policy), isNoRetry: false };
    const report = { item, lease: { token, worker: run.worker }, ...toFailBody(this.#deps, failure) };
    const [result] = await retryBusy(this.#deps, () => store.record([report], clock.now()));
    if (result?.ok === true) this.#runs.reported(run, report, clock.now());
  }
}
