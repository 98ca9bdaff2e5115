import type { AttemptOutcome } from "../core/item.ts";
import type { Report } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import { retryBusy } from "./retry-busy.ts";

/** How an attempt ends by a report. */
const OUTCOMES: Partial<Record<Report["type"], AttemptOutcome>> = {
  complete: "completed",
  fail: "failed",
  release: "released",
};

/** A report that ended its lease is refused when it is repeated; if only its first answer was lost, the item tells. */
export async function wasRecorded(deps: Deps, { item, lease, type }: Report): Promise<boolean> {
  const outcome = OUTCOMES[type];
  if (lease === null || outcome === undefined) return false;
  const detail = await retryBusy(deps, () => deps.store.item({ number: item }));
  return detail?.attempts.some((attempt) => attempt.token === lease.token && attempt.outcome === outcome) ?? false;
}
