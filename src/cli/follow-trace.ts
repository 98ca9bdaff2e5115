import type { ItemSnapshot } from "../core/item.ts";
import type { Batch } from "../engine/batch.ts";
import type { Clock } from "../ports/clock.ts";

/** Reports of progress that are kept; of those beyond, the ends alone tell. */
const REPORTS_MAX = 500_000;
/** Reports are read this often, and an item's is kept only if it went on by this much. */
const EVERY_MS = 100;
const STEP = 0.01;

/** What a store does not keep of a batch, seen while it ran. Times in milliseconds of the wall clock. */
export interface Followed {
  /** By the item's id. */
  readonly reports: ReadonlyMap<string, readonly (readonly [at: number, fraction: number])[]>;
  readonly pauses: readonly (readonly [from: number, to: number])[];
}

/** Follows a batch until it has ended or `signal` is aborted, and notes progress inside its items and when it was paused. */
export async function followTrace(
  batch: Batch,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Followed> {
  const reports = new Map<string, (readonly [number, number])[]>();
  const pauses: (readonly [number, number])[] = [];
  let kept = 0;
  let pausedSince: number | null = null;
  let version = (await batch.snapshot()).version;
  const note = ({ id, state, fraction }: ItemSnapshot): void => {
    if (state !== "processing" || fraction === 0 || kept >= REPORTS_MAX) return;
    const known = reports.get(id) ?? [];
    // An item that runs again begins anew.
    if (Math.abs(fraction - (known.at(-1)?.[1] ?? 0)) < STEP) return;
    known.push([clock.now(), fraction]);
    reports.set(id, known);
    kept += 1;
  };
  for await (const snapshot of batch.watch({ everyMs: EVERY_MS, signal })) {
    const isPaused = snapshot.status === "paused" || snapshot.noEstimate?.reason === "paused";
    if (isPaused) pausedSince ??= clock.now();
    else if (pausedSince !== null) {
      pauses.push([pausedSince, clock.now()]);
      pausedSince = null;
    }
    for (let more = true; more; ) {
      const changes = await batch.changes({ since: version });
      for (const item of changes.items) note(item);
      version = changes.isResumable ? changes.version : snapshot.version;
      more = changes.isResumable && changes.hasMore;
    }
  }
  return { reports, pauses };
}
