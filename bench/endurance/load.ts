import { setTimeout as sleep } from "node:timers/promises";
import { type Batch, type Milepost, MilepostError, openMilepost } from "../../src/index.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import type { Figures } from "../case.ts";
import { names } from "../names.ts";

export interface LoadInput {
  readonly path: string;
  readonly minutes: number;
  readonly seed: number;
  /** Milliseconds between two things that a lane does. */
  readonly betweenMs: number;
}

const LANES = 4;
const LOOK_EVERY_MS = 60_000;
/** Ended batches that are kept; the older ones are deleted as the load goes on. */
const KEPT_BATCHES = 50;

/**
 * Everything that an engine is asked to do, for as long as wanted, by lanes that each submit batches of 1 to 5,000 items and
 * watch, pause, stop, resume, cancel, retry, reorder, extend and remove them, beside a caller who tracks work of his own. Each
 * minute the process looks at its memory after a collection. Figures: `heap3Bytes` is what was in use in the third minute.
 */
export async function measure(input: LoadInput): Promise<Figures> {
  await using milepost = await openMilepost(input.path, { logger: { info() {}, warn() {}, error: console.error } });
  declare(milepost, SeededRandom.for(input.seed, "handlers"));
  const worker = await milepost.work({ concurrency: 16 });
  const startedAt = performance.now();
  const endsAt = startedAt + input.minutes * LOOK_EVERY_MS;
  const isOver = (): boolean => performance.now() >= endsAt;
  const ended = { batches: 0, items: 0 };
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const random = SeededRandom.for(input.seed, `lane ${lane}`);
    while (!isOver()) {
      const end = await (lane === 0 ? trackOne(milepost, random) : liveThrough(milepost, random));
      ended.batches += 1;
      ended.items += end;
      await sleep(random.between(0, input.betweenMs * 2));
    }
  });
  const figures: Record<string, number> = {};
  const looks = (async () => {
    for (let minute = 1; minute <= input.minutes; minute++) {
      await sleep(Math.max(0, startedAt + minute * LOOK_EVERY_MS - performance.now()));
      await milepost.prune({ keep: KEPT_BATCHES });
      Object.assign(figures, look(minute));
      process.stderr.write(`minute ${minute}: ${JSON.stringify({ ...look(minute), ...ended })}\n`);
    }
  })();
  await Promise.all([...lanes, looks]);
  await worker.stop();
  const findings = await milepost.verify();
  return { ...figures, ...ended, findings: findings.length };
}

function look(minute: number): Figures {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    [`heap${minute}Bytes`]: heapUsed,
    [`external${minute}Bytes`]: external,
    [`rss${minute}Bytes`]: rss,
    [`timers${minute}`]: process.getActiveResourcesInfo().length,
  };
}

/** Work that does nothing, work in stages that fails at times, and work that takes its time and obeys its signal. */
function declare(milepost: Milepost, random: SeededRandom): void {
  milepost.pipeline("nothing", () => {});
  milepost.pipeline({
    name: "stages",
    stages: ["read", { name: "write", weight: 3 }],
    attempts: 2,
    delayMs: 20,
    handler: async (item, step) => {
      step.stage("read", { total: 5, unit: "page" });
      for (let page = 1; page <= 5; page++) step.progress(page, 5);
      step.stage("write");
      if (random.isTrue(0.1)) await step.save({ at: item.attempt });
      if (random.isTrue(0.1)) throw new Error(`failed at page ${random.whole(5)}`);
      return { pages: 5 };
    },
  });
  milepost.pipeline("waiting", async (_item, step) => {
    await sleep(random.between(1, 20), undefined, { signal: step.signal });
    await step.paused();
  });
}

/** One batch from its submission to its removal, with what people do to batches in between. Returns its items. */
async function liveThrough(milepost: Milepost, random: SeededRandom): Promise<number> {
  const pipeline = random.pick(["nothing", "stages", "waiting"]) ?? "nothing";
  const count = pipeline === "waiting" ? random.between(1, 100) : random.between(1, 5_000);
  const isNamed = random.isTrue(0.3);
  const { batch } = await milepost.submit({
    pipeline,
    items: names(count),
    priority: random.pick([-10, 0, 0, 10]) ?? 0,
    ...(isNamed && { name: `named ${random.whole(1_000_000)}` }),
  });
  const watching = (async () => {
    for await (const snapshot of batch.watch({ everyMs: 50 })) void snapshot.percent;
  })();
  for (let acts = random.whole(4); acts > 0; acts--) {
    await sleep(random.between(0, 30));
    await act(batch, random).catch(ignoreConflict);
  }
  await batch.resume().catch(ignoreConflict);
  await batch.done();
  await watching;
  if (random.isTrue(0.3)) {
    await batch.retry({ failed: true });
    // One that was paused before it was cancelled still is.
    await batch.resume().catch(ignoreConflict);
  }
  await batch.done();
  await batch.failures();
  await batch.changes({ since: 0, limit: 100 });
  if (random.isTrue(0.3)) await batch.remove().catch(ignoreConflict);
  return count;
}

async function act(batch: Batch, random: SeededRandom): Promise<void> {
  const { items } = await batch.items({ limit: 5 });
  const item = batch.item(random.pick(items)?.id ?? "");
  const acts: readonly (() => Promise<unknown>)[] = [
    () => batch.pause(),
    () => batch.resume(),
    () => batch.stop(),
    () => batch.cancel(),
    () => batch.setPriority(random.between(-5, 5)),
    () => batch.add([`added ${random.whole(1_000)}`]),
    () => item.hold().then(() => item.unhold()),
    () => item.cancel(),
    () => item.setPriority(-1),
  ];
  await random.pick(acts)?.();
}

/** A caller who drives the loop: some end well, some fail, some are given back and taken again. */
async function trackOne(milepost: Milepost, random: SeededRandom): Promise<number> {
  const count = random.between(1, 200);
  const { batch } = await milepost.submit({ pipeline: "tracked by its caller", items: names(count) });
  await using tracker = await milepost.track();
  const { items } = await batch.items({ limit: count });
  const ids = await tracker.start(items.map(({ id }) => id));
  await tracker.progress(ids, { message: "under way" });
  await tracker.fail(ids.slice(0, 3), new Error("not this one"));
  await tracker.release(ids.slice(3, 6));
  await tracker.start(ids.slice(3, 6));
  await tracker.complete(ids.slice(3));
  await batch.done();
  return count;
}

/** What is there may not allow what is asked for, or is gone already. */
function ignoreConflict(error: unknown): void {
  if (error instanceof MilepostError && (error.code === "CONFLICT" || error.code === "NOT_FOUND")) return;
  throw error;
}
