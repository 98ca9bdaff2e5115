import type { Attempt, ItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import type { Batch } from "../engine/batch.ts";

/** What happened: `s` an attempt started, `d` the item was done, `f` an attempt failed (1: for good), `P` and `R` pause and resume. */
export type TraceEvent = readonly [timeMs: number, code: "s" | "d" | "f" | "P" | "R", item: number, x?: 0 | 1];

/** A recorded batch in the format of `bench/eta/trace.ts`: sizes, kinds and times, no keys, inputs or outputs. */
export interface TraceFile {
  readonly name: string;
  readonly group: string;
  readonly c: number;
  readonly unit: "ms";
  readonly items: readonly { readonly size?: number; readonly kind?: string }[];
  readonly ev: readonly TraceEvent[];
}

/** A span in which nothing ran is taken for a pause if it is longer than this. */
const PAUSE_MS = 60_000;

/** One attempt that came to an end of its own. */
interface Span {
  readonly item: number;
  readonly from: number;
  readonly to: number;
  readonly end: readonly ["d"] | readonly ["f", 0 | 1];
}

/** Writes down what a store knows of a batch. Items that never ran, or still run, are left out. */
export async function recordTrace(batch: Batch): Promise<TraceFile> {
  const { name, id, pipeline } = await batch.snapshot();
  const items: { readonly size?: number; readonly kind?: string }[] = [];
  const spans: Span[] = [];
  for await (const item of itemsOf(batch)) {
    const found = spansOf(items.length, item, item.attempts > 1 ? await batch.item(item.id).attempts() : null);
    if (found.length === 0) continue;
    spans.push(...found);
    items.push({ ...(item.size !== null && { size: item.size }), ...(item.kind !== null && { kind: item.kind }) });
  }
  const { events, workers } = toEvents(spans);
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
  const last: Span = { item: index, from: item.startedAt.getTime(), to: item.endedAt.getTime(), end: ends };
  const before = (attempts ?? [])
    .filter(({ outcome }) => outcome === "failed")
    .slice(0, item.state === "failed" ? -1 : undefined);
  const failed = before.flatMap(({ startedAt, endedAt }): Span[] =>
    endedAt === null ? [] : [{ item: index, from: startedAt.getTime(), to: endedAt.getTime(), end: ["f", 0] }],
  );
  return [...failed, last].map((span) => ({ ...span, to: Math.max(span.from, span.to) }));
}

/** In the order of time; at the same time what ends comes before what starts, unless it has just started. */
function toEvents(spans: readonly Span[]): { readonly events: readonly TraceEvent[]; readonly workers: number } {
  const first = spans.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY);
  const moments = spans
    .flatMap(({ item, from, to, end }) => {
      const [code, x] = end;
      const ended: TraceEvent = x === undefined ? [to - first, code, item] : [to - first, code, item, x];
      return [
        { event: [from - first, "s", item] as TraceEvent, rank: 1 },
        { event: ended, rank: to > from ? 0 : 2 },
      ];
    })
    .sort((a, b) => a.event[0] - b.event[0] || a.rank - b.rank);
  const events: TraceEvent[] = [];
  let running = 0;
  let workers = 0;
  let last = 0;
  for (const { event } of moments) {
    const [at, code] = event;
    if (running === 0 && at - last > PAUSE_MS) events.push([last, "P", -1], [at, "R", -1]);
    events.push(event);
    running += code === "s" ? 1 : -1;
    workers = Math.max(workers, running);
    last = at;
  }
  return { events, workers: Math.max(1, workers) };
}
