/**
 * What the dashboard costs a browser: `node test/web/measure.ts [minutes, 0: the overview alone]`. A batch of 1,000,000 items of which 1,000 change a
 * second is watched and scrolled, for 10 minutes where its memory is to be judged; then an overview of 10,000 batches. Prints the
 * compressed JavaScript, first paints, the tasks of the main thread with their 95th percentile, and the heap after collection at each
 * minute. Not a part of `npm test`: it takes minutes, and its times are those of an idle machine; the heap does not depend on it.
 *
 * The heap may grow by what has a bound: the rows of 60 pages of items, 12,000, and 1,200 samples of the charts.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { CDPSession, Page } from "playwright-core";
import { buildWeb } from "../../scripts/build-web.ts";
import { type Batch, openMilepost } from "../../src/index.ts";
import { createServer } from "../../src/server/server.ts";
import { openBrowser } from "./support/open-browser.ts";

const ITEMS = 1_000_000;
const BATCHES = 10_000;
const CHANGES_PER_SECOND = 1_000;
/** Turns of the event loop that are noted: those of an hour, at most. */
const NOTES_MAX = 1_000_000;
const TOKEN = "the-operators-token-of-measures";
const minutes = Number(process.argv[2] ?? 1);

const folder = mkdtempSync(join(tmpdir(), "milepost-measure-"));
await buildWeb(join(folder, "web"));
const milepost = await openMilepost("memory:");
const server = await createServer(milepost, {
  port: 0,
  token: TOKEN,
  files: join(folder, "files"),
  dashboard: join(folder, "web"),
});
const browser = await openBrowser();
try {
  printScripts();
  const context = await browser.newContext({
    baseURL: await server.listen(),
    locale: "en-GB",
    viewport: { width: 1440, height: 900 },
  });
  await context.addInitScript(
    `if (location.protocol === "http:") sessionStorage.setItem("milepost-token", "${TOKEN}")`,
  );
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  if (minutes > 0) await measureBatch(page);
  await measureOverview(page);
} finally {
  await browser.close();
  await server.close();
  await milepost.close({ graceMs: 100 });
  rmSync(folder, { recursive: true, force: true });
}

async function measureBatch(page: Page): Promise<void> {
  const items = Array.from({ length: ITEMS }, (_, index) => `photo-${index}.jpg`);
  const { batch } = await milepost.submit({ pipeline: "outside", name: "a million", items });
  const { id } = await batch.snapshot();
  await page.goto(`/batches/${id}`);
  await page.getByRole("link", { name: "photo-0.jpg" }).waitFor();
  await printFirstPaint(page, "batch");
  await page.evaluate("document.querySelector('.items').scrollTo(0, 1e9)");
  await page.getByRole("link", { name: `photo-${ITEMS - 1}.jpg` }).waitFor();
  const stop = new AbortController();
  const changing = changeItems(batch, stop.signal);
  await watchTasks(page);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("HeapProfiler.enable");
  const heaps = [await heapOf(devtools)];
  const begun = performance.now();
  for (let turn = 0; performance.now() < begun + minutes * 60_000; turn++) {
    // What people do: scroll a little, and now and then drag the bar to another end of the list.
    const script = turn % 20 === 19 ? "scrollTo(0, Math.random() * 14e6)" : "scrollBy(0, 300)";
    await page.evaluate(`document.querySelector(".items").${script}`);
    await setTimeout(250);
    if (performance.now() >= begun + heaps.length * 60_000) heaps.push(await heapOf(devtools));
  }
  stop.abort();
  print("changes a second", Math.round((await changing) / (minutes * 60)));
  await printTasks(page, "batch of 1,000,000 items");
  print("heap after collection by minutes, MB", heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(" "));
}

/** Starts and ends items all over the batch, so many a second; how many changes it made. */
async function changeItems(batch: Batch, signal: AbortSignal): Promise<number> {
  const tracker = await milepost.track();
  let made = 0;
  for (let from = 0; !signal.aborted && from < ITEMS; from += 50) {
    const begun = performance.now();
    const ids = (await batch.items({ from, limit: 50 })).items.map(({ id }) => id);
    await tracker.start(ids);
    await tracker.complete(ids);
    made += 100;
    await setTimeout(Math.max(0, (100 * 1_000) / CHANGES_PER_SECOND - (performance.now() - begun)));
  }
  await tracker.close();
  return made;
}

async function measureOverview(page: Page): Promise<void> {
  for (let made = 0; made < BATCHES; made++) {
    await milepost.submit({ pipeline: "outside", name: `batch ${made}`, items: ["a", "b"] });
  }
  const begun = performance.now();
  await page.goto("/?sort=name");
  await printFirstPaint(page, "overview");
  await watchTasks(page);
  // The rows of the table and its head.
  const rows = "Number(document.querySelector('.batches')?.getAttribute('aria-rowcount') ?? 0)";
  while ((await page.evaluate<number>(rows)) <= BATCHES) await setTimeout(50);
  print(`${BATCHES} batches shown and sorted after, s`, ((performance.now() - begun) / 1_000).toFixed(1));
  for (let turn = 0; turn < 40; turn++) {
    await page.evaluate("scrollBy(0, 3000)");
    await setTimeout(100);
  }
  await printTasks(page, "overview of 10,000 batches");
}

function printScripts(): void {
  const assets = join(folder, "web", "assets");
  const sizes = readdirSync(assets)
    .filter((name) => name.endsWith(".js.br"))
    .map((name) => statSync(join(assets, name)).size);
  const sum = sizes.reduce((one, two) => one + two, 0);
  print("JavaScript, compressed, bytes", `${sum} in ${sizes.length} files, the largest ${Math.max(...sizes)}`);
}

async function printFirstPaint(page: Page, name: string): Promise<void> {
  const read = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
  let paint: number | null = null;
  while (paint === null) {
    await setTimeout(50);
    paint = await page.evaluate<number | null>(read);
  }
  print(`first paint, ${name}, ms`, Math.round(paint));
}

/**
 * Notes how long each task of the main thread took, as the time between two turns of its event loop; the rest is idle. In
 * arrays made before, so that the heap does not grow by what is noted.
 */
async function watchTasks(page: Page): Promise<void> {
  await page.evaluate(`
    globalThis.notes = { longTasks: new Float64Array(${NOTES_MAX}), turns: new Float64Array(${NOTES_MAX}), long: 0, turn: 0 };
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) notes.longTasks[notes.long++] = duration;
    }).observe({ type: "longtask" });
    const { port1, port2 } = new MessageChannel();
    let last = performance.now();
    port1.onmessage = () => { const now = performance.now(); notes.turns[notes.turn++] = now - last; last = now; setTimeout(() => { last = performance.now(); port2.postMessage(0); }, 5); };
    port2.postMessage(0);
  `);
}

async function printTasks(page: Page, name: string): Promise<void> {
  const long = await page.evaluate<number[]>("[...notes.longTasks.subarray(0, notes.long).sort()]");
  const turns = await page.evaluate<number[]>("[...notes.turns.subarray(0, notes.turn).sort()]");
  const at = (list: readonly number[], share: number): string =>
    (list[Math.floor((list.length - 1) * share)] ?? 0).toFixed(1);
  print(
    `${name}: tasks of the main thread, ms: median ${at(turns, 0.5)}, p95 ${at(turns, 0.95)}, p99 ${at(turns, 0.99)}, the longest`,
    at(turns, 1),
  );
  print(
    `${name}: tasks over 50 ms: ${long.length} of ${turns.length}, half of them over ${at(long, 0.5)}, the longest`,
    at(long, 1),
  );
}

async function heapOf(devtools: CDPSession): Promise<number> {
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = (await devtools.send("Runtime.getHeapUsage")) as { usedSize: number };
  return usedSize;
}

function print(name: string, value: string | number): void {
  process.stdout.write(`${name}: ${value}\n`);
}
