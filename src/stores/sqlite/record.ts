import { unreachable } from "../../core/invariant.ts";
import { LIMITS } from "../../core/limits.ts";
import { type Decision, decideFenced } from "../../core/machine.ts";
import { fractionAfter, type ItemProgress } from "../../core/progress.ts";
import { isTerminal } from "../../core/transitions.ts";
import type { Amended, Amendment } from "../../ports/amendment.ts";
import type { Report, ReportResult } from "../../ports/store.ts";
import { type Blocks, EndedFresh, FIRST_TOKEN } from "./blocks.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges, ItemFacts } from "./item-changes.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import type { Reads } from "./reads.ts";

type Complete = Report & { readonly type: "complete" };

/** Fewer neighbours than this are written one by one. */
const RUN_MIN = 4;

const OK: ReportResult = { ok: true };
const NOT_FOUND = { ok: false, reason: "not-found" } as const;

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    completeFresh: connection.query(`UPDATE items SET fresh = 0, state = 2, token = ${FIRST_TOKEN}, attempts = 1,
    version = ?, started_at = ?, ended_at = ?, output = ? WHERE id = ? AND fresh = 1`),
    completeRun: connection.query(`UPDATE items SET fresh = 0, state = 2, token = ${FIRST_TOKEN}, attempts = 1,
    version = ?, started_at = ?, ended_at = ? WHERE id >= ? AND id <= ? AND fresh = 1`),
    countFresh: connection.query<[number]>("SELECT count(*) FROM items WHERE id >= ? AND id <= ? AND fresh = 1"),
    completeUnstarted: connection.query(`UPDATE items SET state = 2, worker = 0, attempts = attempts + 1, version = ?,
    started_at = ?, ended_at = ?, output = ?, saved = NULL, suspect = 0
    WHERE id = ? AND token = ? AND worker = ? AND state = 0`),
    worker: connection.query("SELECT 1 FROM workers WHERE number = ?"),
    setProgress: connection.query(`UPDATE items SET progress = ?, stage = ?, fraction = ?, saved = coalesce(?, saved),
    version = ? WHERE id = ? AND token = ? AND state = 1`),
  };
}

/** `record` of the port. */
export class Recorder {
  readonly #connection: Connection;
  readonly #queries: Queries;
  readonly #ledgerQueries: LedgerQueries;
  readonly #changes: ItemChanges;
  readonly #blocks: Blocks;
  readonly #reads: Reads;

  constructor(
    connection: Connection,
    ledgerQueries: LedgerQueries,
    parts: { readonly changes: ItemChanges; readonly blocks: Blocks; readonly reads: Reads },
  ) {
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
    this.#ledgerQueries = ledgerQueries;
    this.#changes = parts.changes;
    this.#blocks = parts.blocks;
    this.#reads = parts.reads;
  }

  /**
   * The common case in one statement: a short item whose start was never recorded. It checks what `decideFenced` would,
   * and changes nothing where that would refuse.
   */
  #tryComplete(report: Complete, entry: LedgerEntry, ended: EndedFresh, now: number): boolean {
    const { item, lease, output, startedAt } = report;
    if (lease === null || lease.worker === 0) return false;
    if (lease.token === FIRST_TOKEN && ended.heldUpTo(lease.worker, item) !== null) {
      if (this.#queries.completeFresh.run(entry.version, startedAt, now, output, item) !== 1) return false;
      ended.add(1);
    } else if (
      this.#queries.completeUnstarted.run(entry.version, startedAt, now, output, item, lease.token, lease.worker) !== 1
    )
      return false;
    entry.delta.move("pending", "completed");
    entry.startedAt ??= startedAt;
    entry.isChanged = true;
    return true;
  }

  /**
   * Completes a run of fresh neighbours that differ in nothing but their numbers in one statement. Returns how many: 0, if the first of `reports` at `at` is not the start of such a run.
   */
  #tryCompleteRun(reports: readonly Report[], at: number, ledger: Ledger, ended: EndedFresh): number {
    const first = reports[at];
    const length = runLength(reports, at);
    if (length < RUN_MIN || first?.type !== "complete" || first.lease === null) return 0;
    const { item, startedAt } = first;
    const last = Math.min(item + length - 1, ended.heldUpTo(first.lease.worker, item) ?? 0);
    const items = last - item + 1;
    const entry = ledger.find(Math.floor(item / LIMITS.itemsPerBatch));
    if (entry === null || items < RUN_MIN || this.#queries.countFresh.get(item, last)?.[0] !== items) return 0;
    const endedAt = first.endedAt ?? ledger.now;
    this.#queries.completeRun.run(entry.version, startedAt, endedAt, item, last);
    ended.add(items);
    entry.delta.move("pending", "completed", items);
    entry.startedAt ??= startedAt;
    entry.isChanged = true;
    return items;
  }

  #apply(item: ItemFacts, entry: LedgerEntry, report: Report, now: number): void {
    switch (report.type) {
      case "start":
        if (item.state === "pending") this.#changes.start(item, entry, report.startedAt);
        return;
      case "progress": {
        if (item.state === "pending") this.#changes.start(item, entry, report.startedAt);
        const { progress, saved } = report;
        const fraction = fractionAfter(report, item);
        this.#queries.setProgress.run(
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
        this.#changes.startLate(item, entry, report.startedAt);
        this.#changes.end(item, entry, {
          to: "completed",
          now,
          token: tokenAfter(item, report),
          output: report.output,
        });
        return;
      }
      case "fail":
        this.#fail(item, entry, report, now);
        return;
      case "release":
        this.#release(item, entry, report, now);
        return;
      default:
        unreachable(report);
    }
  }

  #fail(item: ItemFacts, entry: LedgerEntry, report: Report & { readonly type: "fail" }, now: number): void {
    this.#changes.startLate(item, entry, report.startedAt);
    const { error, retryAt: runAt, saved } = report;
    if (runAt === null) {
      this.#changes.end(item, entry, {
        to: "failed",
        now,
        token: tokenAfter(item, report),
        error,
        saved,
        isFailure: true,
      });
      return;
    }
    if (report.lease === null) this.#changes.raiseToken(item);
    this.#changes.returnStarted(item, entry, { outcome: "failed", now, error, runAt, saved, isFailure: true });
  }

  #release(item: ItemFacts, entry: LedgerEntry, report: Report & { readonly type: "release" }, now: number): void {
    const isCrash = report.isCrash === true;
    if (item.state === "pending" && report.startedAt === null) {
      this.#changes.returnUnstarted(item, isCrash);
      return;
    }
    if (item.state === "pending") this.#changes.start(item, entry, report.startedAt ?? now);
    if (isCrash) this.#changes.crash(item, entry, now, report.saved);
    else this.#changes.returnStarted(item, entry, { outcome: "released", now, saved: report.saved });
  }

  #recordOne(ledger: Ledger, report: Report, ended: EndedFresh, now: number): ReportResult {
    const entry = ledger.find(Math.floor(report.item / LIMITS.itemsPerBatch));
    if (entry === null) return NOT_FOUND;
    if (report.type === "complete" && this.#tryComplete(report, entry, ended, now)) return OK;
    ended.settle();
    const item = this.#changes.find(report.item);
    if (item === null) return NOT_FOUND;
    const decision = decideReport(item, report);
    if (!decision.ok) return decision;
    this.#apply(item, entry, report, now);
    return OK;
  }

  #recordNow(reports: readonly Report[], ledger: Ledger): readonly ReportResult[] {
    const ended = new EndedFresh(this.#blocks);
    const results: ReportResult[] = [];
    for (let at = 0; at < reports.length; at = results.length) {
      const items = this.#tryCompleteRun(reports, at, ledger, ended);
      for (let count = 0; count < items; count++) results.push(OK);
      const report = reports[at];
      if (items === 0 && report !== undefined)
        results.push(this.#recordOne(ledger, report, ended, endOf(report) ?? ledger.now));
    }
    ended.settle();
    ledger.settle();
    return results;
  }

  #amendNow({ ref, worker, change }: Amendment, ledger: Ledger): Amended {
    if (this.#queries.worker.get(worker) === undefined) return { ok: false, reason: "lease-lost" };
    const before = this.#reads.itemNow(ref);
    if (before === null) return NOT_FOUND;
    const body = change(before);
    const item = this.#changes.find(before.number);
    if (item === null) return NOT_FOUND;
    if (isTerminal(item.state)) return { ok: false, reason: "wrong-state" };
    if (item.worker !== worker) {
      if (item.worker !== 0) ledger.hasOrders = true;
      this.#changes.takeOver(item, worker);
    }
    const report = { ...body, item: item.number, lease: { token: item.token, worker } };
    const [result = NOT_FOUND] = this.#recordNow([report], ledger);
    const after = this.#reads.itemNow({ number: item.number });
    return result.ok && after !== null ? { ok: true, item: after } : NOT_FOUND;
  }

  async amend(amendment: Amendment): Promise<Amended> {
    let ledger = new Ledger(this.#ledgerQueries, amendment.now);
    const work = (): Amended => {
      ledger = new Ledger(this.#ledgerQueries, amendment.now);
      return this.#amendNow(amendment, ledger);
    };
    return this.#connection.write(work, { hasEnded: () => ledger.hasEnded });
  }

  async record(reports: readonly Report[], now: number): Promise<readonly ReportResult[]> {
    let ledger = new Ledger(this.#ledgerQueries, now);
    const work = (): readonly ReportResult[] => {
      ledger = new Ledger(this.#ledgerQueries, now);
      return this.#recordNow(reports, ledger);
    };
    return this.#connection.write(work, { hasEnded: () => ledger.hasEnded });
  }
}

function decideReport(item: ItemFacts, report: Report): Decision {
  const { lease, type } = report;
  if (lease === null && type !== "complete" && type !== "fail") return { ok: false, reason: "lease-lost" };
  // Worker 0 is nobody: it must never pass for the holder of an item that nobody holds.
  if (lease?.worker === 0) return { ok: false, reason: "lease-lost" };
  // A first progress stands for the start too: both may gather into one commit.
  return decideFenced(type === "progress" && item.state === "pending" ? "start" : type, item, lease);
}

/** When the handler ended, which may be a while before the commit. */
function endOf(report: Report): number | undefined {
  return report.type === "complete" || report.type === "fail" ? report.endedAt : undefined;
}

/** A caller without a lease gets a token for its attempt, so that no other can have it. */
function tokenAfter(item: ItemFacts, report: Report): number {
  return report.lease === null ? item.token + 1 : item.token;
}

/** How many reports from `at` on complete neighbours under their first leases, alike in times and without an output. */
function runLength(reports: readonly Report[], at: number): number {
  const first = reports[at];
  if (first?.type !== "complete" || first.output !== null || first.lease?.token !== FIRST_TOKEN) return 0;
  let items = 1;
  for (; ; items++) {
    const next = reports[at + items];
    const isAlike =
      next?.type === "complete" &&
      next.item === first.item + items &&
      next.startedAt === first.startedAt &&
      next.endedAt === first.endedAt &&
      next.output === null &&
      next.lease?.token === FIRST_TOKEN &&
      next.lease.worker === first.lease.worker;
    if (!isAlike) return items;
  }
}

function toProgressText(progress: ItemProgress): string {
  const { stage, done, total, unit, message } = progress;
  return JSON.stringify({ stage, done, total, unit, message });
}
