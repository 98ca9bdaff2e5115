import { splitItemNumber } from "../../core/ids.ts";
import { unreachable } from "../../core/invariant.ts";
import { type Decision, decideFenced } from "../../core/machine.ts";
import { fractionAfter, type ItemProgress } from "../../core/progress.ts";
import { isTerminal } from "../../core/transitions.ts";
import type { Amended, Amendment } from "../../ports/amendment.ts";
import type { Report, ReportResult } from "../../ports/store.ts";
import type { Connection, Statement } from "./connection.ts";
import { ItemChanges, type ItemFacts, type ItemQueries } from "./item-changes.ts";
import { Ledger, type LedgerEntry, type LedgerQueries } from "./ledger.ts";
import type { Reads } from "./reads.ts";
import type { Transaction } from "./transaction.ts";

type HeldCompletion = Extract<Report, { readonly type: "complete" }> & { readonly lease: NonNullable<Report["lease"]> };

const OK: ReportResult = { ok: true };
const NOT_FOUND = { ok: false, reason: "not-found" } as const;

/** `record` and `amend` of the port. */
export class Recorder {
  readonly #connection: Connection;
  readonly #ledgerQueries: LedgerQueries;
  readonly #items: ItemQueries;
  readonly #reads: Reads;
  readonly #worker: Statement;
  /** `places`: those of the completed, from 1, as JSON; null: all of them. */
  readonly #complete: Statement<readonly [done: number, hasEnded: boolean, places: string | null, unknown]>;

  constructor(
    connection: Connection,
    ledgerQueries: LedgerQueries,
    parts: { readonly items: ItemQueries; readonly reads: Reads },
  ) {
    this.#connection = connection;
    this.#ledgerQueries = ledgerQueries;
    this.#items = parts.items;
    this.#reads = parts.reads;
    this.#worker = connection.query("SELECT 1 FROM @workers WHERE number = $1");
    // The function has run to its end when its rows are read: what is set then stands at the commit, as in Ledger.
    this.#complete =
      connection.query(`SELECT done, has_ended, CASE WHEN done < cardinality($3::int[]) THEN places::text END, CASE WHEN has_ended
      THEN set_config('synchronous_commit', '${connection.durableCommit}', true) END FROM (SELECT count(*)::int AS done,
      coalesce(bool_or(has_ended), false) AS has_ended, json_agg(place) AS places FROM @complete($1, $2, $3::int[], $4::int[],
      $5::int[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[])) AS all_of_them`);
  }

  async record(reports: readonly Report[], now: number): Promise<readonly ReportResult[]> {
    this.#connection.assertOpen();
    if (reports.length === 0) return [];
    const completions = reports.filter(isHeldCompletion);
    const items = new Set(reports.map((report) => report.item));
    if (completions.length < reports.length || items.size < reports.length) return this.#recordAny(reports, now);
    return this.#completeAll(completions, now);
  }

  /** The common case, in one call. What it leaves is refused, or told why. */
  async #completeAll(reports: readonly HeldCompletion[], now: number): Promise<readonly ReportResult[]> {
    const places = reports.map((report) => splitItemNumber(report.item));
    const values = [
      this.#connection.gateKey,
      now,
      places.map(({ batch }) => batch),
      places.map(({ ordinal }) => ordinal),
      reports.map(({ lease }) => lease.token),
      reports.map(({ lease }) => lease.worker),
      reports.map(({ startedAt }) => startedAt),
      reports.map(({ endedAt }) => endedAt ?? now),
      reports.map(({ output }) => output),
    ];
    const [done, hasEnded, completed] = (await this.#connection.call(this.#complete, values))[0] ?? [0, false, null];
    if (done > 0) this.#connection.onCommit(hasEnded);
    if (done === reports.length) return reports.map(() => OK);
    const accepted = new Set((JSON.parse(completed ?? "[]") as readonly number[]).map((place) => place - 1));
    const others = reports.filter((_, place) => !accepted.has(place));
    const results = [...(await this.#recordAny(others, now))];
    return reports.map((_, place) => (accepted.has(place) ? OK : (results.shift() ?? NOT_FOUND)));
  }

  async #recordAny(reports: readonly Report[], now: number): Promise<readonly ReportResult[]> {
    let isAwaited = false;
    const work = async (tx: Transaction): Promise<readonly ReportResult[]> => {
      const changes = new ItemChanges(this.#items, tx);
      const ledger = new Ledger(this.#ledgerQueries, tx, now);
      const unheld = reports.filter((report) => report.lease === null);
      changes.keepFromClaims(unheld.map((report) => splitItemNumber(report.item).batch));
      const found = await changes.lock(reports.map((report) => report.item));
      await ledger.lock(found.map((item) => item.batch));
      const results = reports.map((report) => recordOne(changes, ledger, report));
      changes.settle();
      ledger.settle();
      isAwaited = ledger.hasEnded || ledger.hasOrders;
      return results;
    };
    return this.#connection.write(work, { gate: "shared", isAwaited: () => isAwaited });
  }

  async amend(amendment: Amendment): Promise<Amended> {
    let isAwaited = false;
    const work = async (tx: Transaction): Promise<Amended> => {
      const ledger = new Ledger(this.#ledgerQueries, tx, amendment.now);
      const amended = await this.#amendNow(tx, amendment, ledger);
      isAwaited = ledger.hasEnded || ledger.hasOrders;
      return amended;
    };
    return this.#connection.write(work, { gate: "shared", isAwaited: () => isAwaited });
  }

  async #amendNow(tx: Transaction, { ref, worker, change }: Amendment, ledger: Ledger): Promise<Amended> {
    const [session, number] = await Promise.all([tx.get(this.#worker, worker), this.#reads.numberNow(tx, ref)]);
    if (session === undefined) return { ok: false, reason: "lease-lost" };
    if (number === null) return NOT_FOUND;
    const changes = new ItemChanges(this.#items, tx);
    changes.keepFromClaims([splitItemNumber(number).batch]);
    await changes.lock([number]);
    const item = changes.find(number);
    await ledger.lock([splitItemNumber(number).batch]);
    const before = await this.#reads.itemNow(tx, number);
    if (item === null || before === null) return NOT_FOUND;
    const body = change(before);
    if (isTerminal(item.state)) return { ok: false, reason: "wrong-state" };
    if (item.worker !== worker) {
      if (item.worker !== 0) ledger.hasOrders = true;
      changes.takeOver(item, worker);
    }
    const report: Report = { ...body, item: number, lease: { token: item.token, worker } };
    const result = recordOne(changes, ledger, report);
    if (!result.ok) return result;
    changes.settle();
    ledger.settle();
    const after = await this.#reads.itemNow(tx, number);
    return after === null ? NOT_FOUND : { ok: true, item: after };
  }
}

function recordOne(changes: ItemChanges, ledger: Ledger, report: Report): ReportResult {
  const item = changes.find(report.item);
  const entry = item === null ? null : ledger.find(item.batch);
  if (item === null || entry === null) return NOT_FOUND;
  const decision = decideReport(item, report);
  if (!decision.ok) return decision;
  const now = endOf(report) ?? ledger.now;
  switch (report.type) {
    case "start":
      if (item.state === "pending") changes.start(item, entry, report.startedAt);
      return OK;
    case "progress": {
      if (item.state === "pending") changes.start(item, entry, report.startedAt);
      const { progress, saved } = report;
      const fraction = fractionAfter(report, item);
      changes.setProgress(item, entry, { text: toProgressText(progress), stage: progress.stage, fraction, saved });
      return OK;
    }
    case "complete": {
      if (item.state === "pending") changes.startLate(item, entry, report.startedAt);
      const { output } = report;
      changes.end(item, entry, { to: "completed", now, token: tokenAfter(item, report), output });
      return OK;
    }
    case "fail":
      recordFailure(changes, { item, entry, now }, report);
      return OK;
    case "release":
      recordRelease(changes, { item, entry, now }, report);
      return OK;
    default:
      return unreachable(report);
  }
}

interface Under {
  readonly item: ItemFacts;
  readonly entry: LedgerEntry;
  readonly now: number;
}

function recordFailure(
  changes: ItemChanges,
  { item, entry, now }: Under,
  report: Report & { readonly type: "fail" },
): void {
  if (item.state === "pending") changes.startLate(item, entry, report.startedAt);
  const { error, retryAt: runAt, saved } = report;
  if (runAt === null) {
    const token = tokenAfter(item, report);
    changes.end(item, entry, { to: "failed", now, token, error, saved, isFailure: true });
    return;
  }
  if (report.lease === null) changes.raiseToken(item);
  changes.returnStarted(item, entry, { outcome: "failed", now, error, runAt, saved, isFailure: true });
}

function recordRelease(
  changes: ItemChanges,
  { item, entry, now }: Under,
  report: Report & { readonly type: "release" },
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

function decideReport(item: ItemFacts, report: Report): Decision {
  const { lease, type } = report;
  if (lease === null && type !== "complete" && type !== "fail") return { ok: false, reason: "lease-lost" };
  // Worker 0 is nobody: it must never pass for the holder of an item that nobody holds.
  if (lease?.worker === 0) return { ok: false, reason: "lease-lost" };
  // A first progress stands for the start too: both may gather into one commit.
  return decideFenced(type === "progress" && item.state === "pending" ? "start" : type, item, lease);
}

function isHeldCompletion(report: Report): report is HeldCompletion {
  return report.type === "complete" && report.lease !== null;
}

/** When the handler ended, which may be a while before the commit. */
function endOf(report: Report): number | undefined {
  return report.type === "complete" || report.type === "fail" ? report.endedAt : undefined;
}

/** A caller without a lease gets a token for its attempt, so that no other can have it. */
function tokenAfter(item: ItemFacts, report: Report): number {
  return report.lease === null ? item.token + 1 : item.token;
}

function toProgressText(progress: ItemProgress): string {
  const { stage, done, total, unit, message } = progress;
  return JSON.stringify({ stage, done, total, unit, message });
}
