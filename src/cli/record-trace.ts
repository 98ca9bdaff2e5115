import type { Attempt, ItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import type { Batch } from "../engine/batch.ts";
import type { Followed } from "./follow-trace.ts";

/**
 * What happened: `s` an attempt started, `p` it reported (the fraction), `d` the item was done, `f` an attempt failed (1: for
 * good), `P` and `R` pause and resume.
 */
export type TraceEvent = readonly [timeMs: number, code: "s" | "p" | "d" | "f" | "P" | "R", item: number, x?: number];

/** A recorded batch in the format of `bench/eta/trace.ts`: sizes, kinds and times, no keys, inputs or outputs. */
export interface TraceFile {
  readonly name: string;
  readonly group: string;
  readonly c: number;
  readonly unit: "ms";
  readonly items: readonly { readonly size?: number; readonly kind?: string }[];
  readonly ev: readonly TraceEvent[];
}

/** Where nobody followed the batch, a span in which nothing ran is taken for a pause if it is longer than this. */
const PAUSE_MS = 60_000;

/** One attempt that came to an end of its own. */
interface Span {
  readonly item: number;
  readonly from: number;
  readonly to: number;
  readonly end: readonly ["d"] | readonly ["f", 0 | 1];
  readonly reports: readonly (readonly [at: number, fraction: number])[];
}

/**
 * Writes down what a store knows of a batch, and what was seen by following it. Items that never ran, or still run, are left out.
 */
export async function recordTrace(batch: Batch, followed: Followed | null): Promise<TraceFile> {
  const { name, id, pipeline } = await batch.snapshot();
  const items: { readonly size?: number; readonly kind?: string }[] = [];
  const spans: Span[] = [];
  for await (const item of itemsOf(batch)) {
    const found = spansOf(items.length, item, item.attempts > 1 ? await batch.item(item.id).attempts() : null);
    if (found.length === 0) continue;
    const reports = followed?.reports.get(item.id) ?? [];
    spans.push(
      ...found.map((span) => ({ ...span, reports: reports.filter(([at]) => at > span.from && at < span.to) })),
    );
    items.push({ ...(item.size !== null && { size: item.size }), ...(item.kind !== null && { kind: item.kind }) });
  }
  const { events, workers } = toEvents(spans, followed?.pauses ?? null);
  return { name: name ?? id, group: pipeline, c: workers, unit: "ms", items, ev: events };
}

async function* itemsOf(batch: Batch): AsyncGenerator<ItemSnapshot> {
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Batch["items"]>> = await batch.items({
      limit: LIMITS.pageItems,
      ...(after !== null && { after }),
    });
    yield* page.items;
    after = page.nextCursor;
  } while (after !== null);
}

function spansOf(index: number, item: ItemSnapshot, attempts: readonly Attempt[] | null): readonly Span[] {
  const isOver = item.state === "completed" || item.state === "failed";
  if (!isOver || item.startedAt === null || item.endedAt === null) return [];
  const ends: Span["end"] = item.state === "completed" ? ["d"] : ["f", 1];
  const [from, to] = [item.startedAt.getTime(), item.endedAt.getTime()];
  const last: Span = { item: index, from, to, end: ends, reports: [] };
  const before = (attempts ?? [])
    .filter(({ outcome }) => outcome === "failed")
    .slice(0, item.state === "failed" ? -1 : undefined);
  const failed = before.flatMap(({ startedAt, endedAt }): Span[] =>
    endedAt === null
      ? []
      : [{ item: index, from: startedAt.getTime(), to: endedAt.getTime(), end: ["f", 0], reports: [] }],
  );
  return [...failed, last].map((span) => ({ ...span, to: Math.max(span.from, span.to) }));
}

interface Moment {
  readonly event: TraceEvent;
  /** At the same time what ends comes before what starts, unless it has just started. */
  readonly rank: number;
  /** How many more run from then on. */
  readonly starts: -1 | 0 | 1;
}

function momentsOf({ item, from, to, end, reports }: Span, first: number): readonly Moment[] {
  const [code, x] = end;
  const ended: TraceEvent = x === undefined ? [to - first, code, item] : [to - first, code, item, x];
  return [
    { event: [from - first, "s", item], rank: 1, starts: 1 },
    ...reports.map(([at, fraction]): Moment => ({ event: [at - first, "p", item, fraction], rank: 2, starts: 0 })),
    { event: ended, rank: to > from ? 0 : 3, starts: -1 },
  ];
}

/** In the order of time. `pauses`: as they were seen; null where nobody looked. */
function toEvents(
  spans: readonly Span[],
  pauses: Followed["pauses"] | null,
): { readonly events: readonly TraceEvent[]; readonly workers: number } {
  const first = spans.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY);
  const seen = (pauses ?? []).flatMap(([from, to]): readonly Moment[] => [
    { event: [Math.max(0, from - first), "P", -1], rank: 4, starts: 0 },
    { event: [Math.max(0, to - first), "R", -1], rank: -1, starts: 0 },
  ]);
  const moments = [...spans.flatMap((span) => momentsOf(span, first)), ...seen].sort(
    (a, b) => a.event[0] - b.event[0] || a.rank - b.rank,
  );
  const events: TraceEvent[] = [];
  let running = 0;
  let workers = 0;
  let last = 0;
  for (const { event, starts } of moments) {
    const [at] = event;
    if (pauses === null && running === 0 && at - last > PAUSE_MS) events.push([last, "P", -1], [at, "R", -1]);
    events.push(event);
    running += starts;
    workers = Math.max(workers, running);
    last = at;
  }
  return { events, workers: Math.max(1, workers) };
}
