import { unreachable } from "../../core/invariant.ts";
import { LIMITS } from "../../core/limits.ts";
import { type Decision, decideFenced } from "../../core/machine.ts";
import type { ItemProgress } from "../../core/progress.ts";
import type { Report, ReportResult } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges, ItemFacts } from "./item-changes.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";

type Complete = Report & { readonly type: "complete" };

const OK: ReportResult = { ok: true };
const NOT_FOUND: ReportResult = { ok: false, reason: "not-found" };

/** Prepares `record` of the port. */
export function prepareRecord(
  connection: Connection,
  ledgerQueries: LedgerQueries,
  changes: ItemChanges,
): (reports: readonly Report[], now: number) => Promise<readonly ReportResult[]> {
  const completeUnstarted =
    connection.query(`UPDATE items SET state = 2, worker = 0, attempts = attempts + 1, version = ?,
    started_at = ?, ended_at = ?, output = ?, saved = NULL, suspect = 0
    WHERE id = ? AND token = ? AND worker = ? AND state = 0`);
  const setProgress =
    connection.query(`UPDATE items SET progress = ?, stage = ?, fraction = ?, saved = coalesce(?, saved),
    version = ? WHERE id = ? AND token = ? AND state = 1`);

  /**
   * The common case in one statement: a short item whose start was never recorded. It checks what `decideFenced` would,
   * and changes nothing where that would refuse.
   */
  function tryComplete(report: Complete, entry: LedgerEntry, now: number): boolean {
    const { item, lease, output, startedAt } = report;
    if (lease === null || lease.worker === 0) return false;
    if (completeUnstarted.run(entry.version, startedAt, now, output, item, lease.token, lease.worker) !== 1)
      return false;
    entry.delta.move("pending", "completed");
    entry.startedAt ??= startedAt;
    countRun(entry, startedAt, now);
    entry.isChanged = true;
    return true;
  }

  function apply(item: ItemFacts, entry: LedgerEntry, report: Report, now: number): void {
    switch (report.type) {
      case "start":
        changes.start(item, entry, report.startedAt);
        return;
      case "progress": {
        if (item.state === "pending") changes.start(item, entry, report.startedAt);
        const { progress, fraction, saved } = report;
        setProgress.run(
          toProgressText(progress),
          progress.stage,
          fraction,
          saved ?? null,
          entry.version,
          item.number,
          item.token,
        );
        entry.delta.flight += fraction - item.fraction;
        entry.isChanged = true;
        return;
      }
      case "complete": {
        changes.startLate(item, entry, report.startedAt);
        countRun(entry, item.startedAt ?? now, now);
        changes.end(item, entry, { to: "completed", now, token: tokenAfter(item, report), output: report.output });
        return;
      }
      case "fail":
        fail(item, entry, report, now);
        return;
      case "release":
        release(item, entry, report, now);
        return;
      default:
        unreachable(report);
    }
  }

  function fail(item: ItemFacts, entry: LedgerEntry, report: Report & { readonly type: "fail" }, now: number): void {
    changes.startLate(item, entry, report.startedAt);
    const { error, retryAt: runAt, saved } = report;
    if (runAt === null) {
      countRun(entry, item.startedAt ?? now, now);
      changes.end(item, entry, { to: "failed", now, token: tokenAfter(item, report), error, saved, isFailure: true });
      return;
    }
    if (report.lease === null) changes.raiseToken(item);
    changes.returnStarted(item, entry, { outcome: "failed", now, error, runAt, saved, isFailure: true });
  }

  function release(
    item: ItemFacts,
    entry: LedgerEntry,
    report: Report & { readonly type: "release" },
    now: number,
  ): void {
    const isCrash = report.isCrash === true;
    if (item.state === "pending" && report.startedAt === null) {
      changes.returnUnstarted(item, isCrash);
      return;
    }
    if (item.state === "pending") changes.start(item, entry, report.startedAt ?? now);
    if (isCrash) changes.crash(item, entry, now, report.saved);
    else changes.returnStarted(item, entry, { outcome: "released", now, saved: report.saved });
  }

  function recordOne(ledger: Ledger, report: Report, now: number): ReportResult {
    const entry = ledger.find(Math.floor(report.item / LIMITS.itemsPerBatch));
    if (entry === null) return NOT_FOUND;
    if (report.type === "complete" && tryComplete(report, entry, now)) return OK;
    const item = changes.find(report.item);
    if (item === null) return NOT_FOUND;
    const decision = decideReport(item, report);
    if (!decision.ok) return decision;
    apply(item, entry, report, now);
    return OK;
  }

  function recordNow(reports: readonly Report[], now: number): readonly ReportResult[] {
    const ledger = new Ledger(ledgerQueries, now);
    const results = reports.map((report) => recordOne(ledger, report, now));
    ledger.settle();
    return results;
  }

  return (reports, now) => connection.write(() => recordNow(reports, now));
}

function decideReport(item: ItemFacts, report: Report): Decision {
  const { lease, type } = report;
  if (lease === null && type !== "complete" && type !== "fail") return { ok: false, reason: "lease-lost" };
  // Worker 0 is nobody: it must never pass for the holder of an item that nobody holds.
  if (lease?.worker === 0) return { ok: false, reason: "lease-lost" };
  // A first progress stands for the start too: both may gather into one commit.
  return decideFenced(type === "progress" && item.state === "pending" ? "start" : type, item, lease);
}

/** A caller without a lease gets a token for its attempt, so that no other can have it. */
function tokenAfter(item: ItemFacts, report: Report): number {
  return report.lease === null ? item.token + 1 : item.token;
}

function countRun(entry: LedgerEntry, startedAt: number, now: number): void {
  entry.runEnded += 1;
  entry.runBusyMs += Math.max(0, now - startedAt);
}

function toProgressText(progress: ItemProgress): string {
  const { stage, done, total, unit, message } = progress;
  return JSON.stringify({ stage, done, total, unit, message });
}
