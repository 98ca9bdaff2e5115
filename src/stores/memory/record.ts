import { unreachable } from "../../core/invariant.ts";
import { type Decision, decideFenced, type Refusal } from "../../core/machine.ts";
import { fractionAfter } from "../../core/progress.ts";
import { isTerminal } from "../../core/transitions.ts";
import type { Amended, Amendment } from "../../ports/amendment.ts";
import type { Report, ReportResult } from "../../ports/store.ts";
import { Commit } from "./commit.ts";
import { crashItem, endItem, returnItem, returnUnstarted, startItem } from "./item-changes.ts";
import {
  dropHolder,
  itemNumbered,
  type MemoryItem,
  type MemoryState,
  type MemoryWorker,
  takeItem,
} from "./memory-state.ts";
import { findItem } from "./reads.ts";
import { toItemRow } from "./rows.ts";

const OK: ReportResult = { ok: true };

export function record(state: MemoryState, reports: readonly Report[], now: number): readonly ReportResult[] {
  const commit = new Commit(state, now);
  const results = reports.map((report) => recordOne(commit, report));
  commit.apply();
  return results;
}

export function amend(state: MemoryState, { ref, worker, change, now }: Amendment): Amended {
  const session = state.workers.get(worker);
  if (session === undefined) return refuse("lease-lost");
  const item = findItem(state, ref);
  if (item === undefined) return refuse("not-found");
  const body = change(toItemRow(item));
  if (isTerminal(item.state)) return refuse("wrong-state");
  takeOver(state, item, session);
  const [result = refuse("not-found")] = record(
    state,
    [{ ...body, item: item.number, lease: { token: item.token, worker } }],
    now,
  );
  return result.ok ? { ok: true, item: toItemRow(item) } : result;
}

/** Gives the item to a session, from whoever had it; that one must hear of it. */
function takeOver(state: MemoryState, item: MemoryItem, session: MemoryWorker): void {
  if (item.worker === session.number) return;
  if (item.worker !== 0) state.revision += 1;
  dropHolder(state, item);
  item.runAt = 0;
  item.isHeld = false;
  item.batch.held.delete(item);
  takeItem(session, item);
}

function recordOne(commit: Commit, report: Report): ReportResult {
  const item = itemNumbered(commit.state, report.item);
  if (item === undefined) return refuse("not-found");
  const decision = decideReport(item, report);
  if (!decision.ok) return decision;
  switch (report.type) {
    case "start":
      if (item.state === "pending") startItem(commit, item, report.startedAt);
      break;
    case "progress":
      if (item.state === "pending") startItem(commit, item, report.startedAt);
      item.progress = { ...report.progress };
      item.saved = report.saved ?? item.saved;
      commit.setFraction(item, fractionAfter(report, item));
      break;
    case "complete":
      startLate(commit, item, report);
      endRun(commit, item, { to: "completed", endedAt: report.endedAt });
      item.output = report.output;
      item.saved = null;
      break;
    case "fail":
      recordFailure(commit, item, report);
      break;
    case "release":
      recordRelease(commit, item, report);
      break;
    default:
      unreachable(report);
  }
  return OK;
}

function decideReport(item: MemoryItem, report: Report): Decision {
  if (report.lease === null && report.type !== "complete" && report.type !== "fail") return refuse("lease-lost");
  // A first progress stands for the start too: both may gather into one commit.
  const command = report.type === "progress" && item.state === "pending" ? "start" : report.type;
  return decideFenced(command, item, report.lease);
}

function recordFailure(commit: Commit, item: MemoryItem, report: Report & { readonly type: "fail" }): void {
  startLate(commit, item, report);
  item.tries += 1;
  item.saved = report.saved ?? item.saved;
  if (report.retryAt === null) {
    endRun(commit, item, { to: "failed", endedAt: report.endedAt });
    item.error = { ...report.error };
    return;
  }
  item.runAt = report.retryAt;
  returnItem(commit, item, { outcome: "failed", error: { ...report.error }, endedAt: report.endedAt ?? commit.now });
}

function recordRelease(commit: Commit, item: MemoryItem, report: Report & { readonly type: "release" }): void {
  const isCrash = report.isCrash === true;
  if (item.state === "pending" && report.startedAt === null) {
    returnUnstarted(commit, item, isCrash);
    return;
  }
  if (item.state === "pending") startItem(commit, item, report.startedAt ?? commit.now);
  item.saved = report.saved ?? item.saved;
  if (isCrash) {
    crashItem(commit, item);
    return;
  }
  returnItem(commit, item, { outcome: "released", error: null, endedAt: commit.now });
}

/** Makes up for a start that was never recorded. A caller without a lease gets a token for it, so that no other can have it. */
function startLate(
  commit: Commit,
  item: MemoryItem,
  report: { readonly startedAt: number } & Pick<Report, "lease">,
): void {
  if (report.lease === null) item.token += 1;
  if (item.state === "pending") startItem(commit, item, report.startedAt);
}

/** Ends an item when its handler did, which may be a while before the commit. */
function endRun(
  commit: Commit,
  item: MemoryItem,
  end: { readonly to: "completed" | "failed"; readonly endedAt: number | undefined },
): void {
  const endedAt = end.endedAt ?? commit.now;
  endItem(commit, item, end.to);
  item.endedAt = endedAt;
}

function refuse(reason: Refusal): { readonly ok: false; readonly reason: Refusal } {
  return { ok: false, reason };
}
