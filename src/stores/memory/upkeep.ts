import { mustEnd } from "../../core/batch.ts";
import { type Counts, CountsDelta } from "../../core/counts.ts";
import { chanceOf } from "../../core/ids.ts";
import type { Finding, Retention } from "../../ports/store.ts";
import { Commit } from "./commit.ts";
import { deleteBatch, type MemoryBatch, type MemoryState, notify } from "./memory-state.ts";

export function prune(state: MemoryState, retention: Retention, now: number): readonly string[] {
  const ended = [...state.batches.values()].filter(
    (batch) =>
      batch.endedAt !== null &&
      (retention.queue === undefined || batch.queue.name === retention.queue) &&
      (retention.owner === undefined || batch.owner === retention.owner) &&
      (retention.ownerPrefix === undefined || batch.owner.startsWith(retention.ownerPrefix)),
  );
  ended.sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0) || b.number - a.number);
  const { olderThanMs, keep } = retention;
  const fallen = ended.filter(
    (batch, rank) =>
      (keep !== null || olderThanMs !== null) &&
      (keep === null || rank >= keep) &&
      (olderThanMs === null || now - (batch.endedAt ?? now) > olderThanMs),
  );
  const pruned = fallen.reverse().slice(0, retention.limit);
  for (const batch of pruned) deleteBatch(state, batch, chanceOf(batch.id));
  if (pruned.length > 0) notify(state);
  return pruned.map((batch) => batch.id);
}

export function verify(state: MemoryState, repair: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  for (const batch of state.batches.values()) {
    const found = verifyBatch(state, batch, repair);
    if (found.length > 0 && repair) batch.version += 1;
    findings.push(...found);
  }
  for (const queue of state.queues.values()) {
    const held = [...state.workers.values()].flatMap((worker) =>
      [...worker.held].filter((item) => item.batch.queue === queue),
    ).length;
    if (held === queue.held) continue;
    findings.push(
      finding({ batchId: null, what: `held items of queue ${queue.name}`, expected: held, found: queue.held, repair }),
    );
    if (repair) queue.held = held;
  }
  if (repair && findings.length > 0) notify(state);
  return findings;
}

function verifyBatch(state: MemoryState, batch: MemoryBatch, repair: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const report = (what: string, expected: unknown, found: unknown): void => {
    if (expected !== found) findings.push(finding({ batchId: batch.id, what, expected, found, repair }));
  };
  const { counts, flight } = recount(batch);
  for (const name of Object.keys(counts) as (keyof Counts)[])
    report(`count of ${name}`, counts[name], batch.counts[name]);
  report("sum of fractions in flight", flight, batch.flight);
  if (repair) {
    batch.counts = counts;
    batch.flight = flight;
  }
  for (const item of batch.items) {
    if (item === undefined) continue;
    const isRunning = item.state === "processing";
    if (isRunning && item.worker === 0) report(`holder of item ${item.id}`, "a worker", "none");
    if (!isRunning && item.state !== "pending" && item.worker !== 0) {
      report(`holder of item ${item.id}`, "none", item.worker);
    }
  }
  const isOver = batch.isSealed && counts.pending + counts.processing === 0;
  report("ended", isOver, batch.endedAt !== null);
  if (repair && mustEnd(batch)) batch.endedAt = state.clock.now();
  else if (repair && !isOver) batch.endedAt = null;
  return findings;
}

function recount(batch: MemoryBatch): { readonly counts: Counts; readonly flight: number } {
  const delta = new CountsDelta();
  let flight = 0;
  for (const item of batch.items) {
    if (item === undefined) continue;
    delta.add(item.state);
    flight += item.fraction;
  }
  const none: Counts = { total: 0, pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  return { counts: delta.applyTo(none), flight };
}

function finding(facts: {
  readonly batchId: string | null;
  readonly what: string;
  readonly expected: unknown;
  readonly found: unknown;
  readonly repair: boolean;
}): Finding {
  return {
    batchId: facts.batchId,
    what: facts.what,
    expected: String(facts.expected),
    found: String(facts.found),
    isRepaired: facts.repair,
  };
}

/** Memory outlives no power cut: only the stamp is left of a checkpoint. */
export function checkpoint(state: MemoryState, number: number | null, now: number): void {
  const batch = number === null ? undefined : state.batches.get(number);
  if (batch === undefined) return;
  const commit = new Commit(state, now);
  batch.checkpointAt = now;
  commit.of(batch);
  commit.apply();
}
