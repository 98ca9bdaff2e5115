import { assertLearnedFits } from "../../core/learned-size.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Evidence, Learned, LearnedTexts } from "../../ports/evidence.ts";
import { isLapsed, type MemoryBatch, type MemoryItem, type MemoryState } from "./memory-state.ts";
import { toBatchRow, toItemRow } from "./rows.ts";

export function learn(state: MemoryState, number: number, change: (known: Learned) => LearnedTexts): boolean {
  const batch = state.batches.get(number);
  if (batch === undefined) return false;
  const before = { ...learnedOf(state, batch), epoch: batch.epoch, isEnded: batch.endedAt !== null };
  const after = change(before);
  assertLearnedFits(after);
  batch.learned = after.batch;
  if (after.work === before.work) return true;
  state.works.delete(batch.work);
  if (after.work !== null) state.works.set(batch.work, after.work);
  const oldest = state.works.size > LIMITS.works ? state.works.keys().next().value : undefined;
  if (oldest !== undefined) state.works.delete(oldest);
  return true;
}

export function history(state: MemoryState, work: string): string | null {
  return state.works.get(work) ?? null;
}

export function evidence(state: MemoryState, number: number): Evidence | null {
  const batch = state.batches.get(number);
  if (batch === undefined) return null;
  const running = runningOf(state, batch);
  return {
    row: toBatchRow(state, batch),
    learned: learnedOf(state, batch),
    running: running.map(toItemRow),
    tracked: running.filter((item) => isTracked(state, item)).length,
    held: Math.min(LIMITS.controlChunkItems, batch.held.size),
    readyAt: batch.waiting.lastRank(),
    queueControl: batch.queue.control,
    queueConcurrency: batch.queue.concurrency,
    dedicated: dedicatedTo(state, batch),
    rivals: rivalsOf(state, batch),
  };
}

function learnedOf(state: MemoryState, batch: MemoryBatch): LearnedTexts {
  return { batch: batch.learned, work: state.works.get(batch.work) ?? null };
}

function runningOf(state: MemoryState, batch: MemoryBatch): readonly MemoryItem[] {
  const held = [...state.workers.values()].flatMap((worker) => [...worker.held]);
  const running = held.filter((item) => item.batch === batch && item.state === "processing");
  return running.sort((a, b) => a.number - b.number).slice(0, LIMITS.evidenceItems);
}

function isTracked(state: MemoryState, item: MemoryItem): boolean {
  const worker = state.workers.get(item.worker);
  return worker !== undefined && worker.spec.concurrency === 0 && !isLapsed(state, worker);
}

function dedicatedTo(state: MemoryState, batch: MemoryBatch): number {
  const workers = [...state.workers.values()].filter((worker) => worker.spec.batch === batch.number);
  return workers.reduce((sum, worker) => sum + (isLapsed(state, worker) ? 0 : worker.spec.concurrency), 0);
}

function rivalsOf(state: MemoryState, batch: MemoryBatch): Evidence["rivals"] {
  const now = state.clock.now();
  const first: MemoryBatch[] = [];
  // The older ones come first, so that only a better priority takes the place of one that is there.
  for (const other of batch.queue.batches) {
    if (other === batch || other.control !== "run" || other.isCancelled || other.counts.pending === 0) continue;
    if (other.startAt !== null && other.startAt > now) continue;
    const last = first.at(-1);
    if (last !== undefined && first.length === LIMITS.rivals && other.priority >= last.priority) continue;
    first.push(other);
    first.sort((a, b) => a.priority - b.priority || a.number - b.number);
    first.length = Math.min(first.length, LIMITS.rivals);
  }
  return first.map((other) => ({ number: other.number, priority: other.priority }));
}
