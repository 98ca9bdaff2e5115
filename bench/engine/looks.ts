import { type Batch, openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { quantile } from "../summary.ts";

/** Looks that cost microseconds, and pages that cost hundreds of them. */
const LOOKS = 2_000;
const PAGES = 300;
const PAGE_ITEMS = 100;

/** What it costs to look at the batch `measured`: median and 99th percentile of each kind of look. */
export async function measure(input: { path: string }): Promise<Figures> {
  await using milepost = await openMilepost(input.path);
  const batch = milepost.batch("measured");
  return {
    ...(await timed("status", LOOKS, () => batch.snapshot())),
    ...(await timed("watch", LOOKS, () => firstOf(batch))),
    ...(await timed("page", PAGES, () => batch.items({ limit: PAGE_ITEMS }))),
    ...(await timed("failedPage", PAGES, () => batch.items({ limit: PAGE_ITEMS, state: "failed" }))),
    ...(await timed("changes", PAGES, () => batch.changes({ since: 0, limit: PAGE_ITEMS }))),
  };
}

/** The first snapshot that a new watcher gets. */
async function firstOf(batch: Batch): Promise<void> {
  for await (const _ of batch.watch()) return;
}

async function timed(name: string, looks: number, look: () => Promise<unknown>): Promise<Figures> {
  const times: number[] = [];
  for (let count = 0; count < looks; count++) {
    const startedAt = performance.now();
    await look();
    times.push(performance.now() - startedAt);
  }
  return { [`${name}P50Ms`]: quantile(times, 0.5), [`${name}P99Ms`]: quantile(times, 0.99) };
}
