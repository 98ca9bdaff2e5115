import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { BatchSnapshot } from "../../../src/index.ts";
import { planOutputs, toImageOptions } from "../../../src/pipelines/images/images-pipeline.ts";
import { SeededRandom } from "../../../src/testing/seeded-random.ts";
import { makeImages } from "../../support/make-images.ts";
import type { Scene } from "../support/fault.ts";
import { auditBatch, auditImages, auditLedgers, type Followed } from "./audit.ts";
import { FeedCopy } from "./feed-copy.ts";
import { buildScenery, type Scenery, type SceneryOptions, TOKEN } from "./scenery.ts";
import { submitByHttp } from "./submit-by-http.ts";
import { meetTrouble } from "./trouble.ts";

export interface Life extends SceneryOptions {
  /** Items that do nothing. */
  readonly items: number;
  readonly images: number;
  /** How long each of them takes. */
  readonly itemMs: number;
  /** How long things go wrong, unless the work is done before. */
  readonly faultsMs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

const PICTURES = 100;
const REST_MS = [100, 1_500] as const;
/** More items than this take longer to submit than two troubles of one server are apart: they are submitted in peace. */
const DISTURBED_ITEMS = 100_000;
const TELL_EVERY_MS = 5_000;
/** An item may crash its worker often here without being to blame. */
const CRASH_BUDGET = 1_000;

/** Submits the work through the servers, lets things go wrong while it runs, and checks what is there at the end. */
export async function liveThrough(scene: Scene, life: Life): Promise<void> {
  const { tell, signal } = life;
  tell(
    `seed ${life.seed}: ${life.items} items, ${life.images} images, ${life.workers} workers, ${life.servers} servers`,
  );
  const paths = await pictures(scene, life);
  const scenery = await buildScenery(scene, life);
  signal.throwIfAborted();
  const isOver = new AbortController();
  const over = AbortSignal.any([isOver.signal, signal]);
  const submitted = Promise.withResolvers<void>();
  if (life.items <= DISTURBED_ITEMS) submitted.resolve();
  const troubles = submitted.promise.then(() => disturb(scenery, life, over));
  try {
    const submitting = submitItems(scene, scenery, life);
    void submitting.then(() => submitted.resolve(), submitted.reject);
    // Not before the troubles begin, or they would be done by then.
    await submitted.promise;
    const [nothing, images] = await Promise.all([submitting, submitImages(scene, scenery, paths)]);
    const telling = tellNow(scenery, [nothing, images], { tell, signal: over });
    await untilEnded(scenery, [nothing, images], signal);
    isOver.abort();
    await Promise.all([troubles, telling]);
    await Promise.all([nothing, images].map(({ following }) => following));
    tell("the work is done; looking at what is there");
    scene.check("recount of all counters", await scenery.milepost.verify(), []);
    for (const batch of [nothing, images]) await auditBatch(scene, scenery, batch);
    tell(auditLedgers(scene, nothing));
    tell(await auditImages(scene, scenery, { id: images.id, out: scene.path("out") }));
    scene.check("batches", (await scenery.milepost.batches()).batches.length, 2);
    const statuses = await Promise.all(scenery.members.map((member) => member.stop()));
    scene.check(
      "what did not leave when it was asked to",
      statuses.filter((status) => status !== "left"),
      [],
    );
    scene.check(
      "ends that nobody caused",
      scenery.members.flatMap(({ surprises }) => surprises),
      [],
    );
    const [left] = await scenery.cluster.sql(`SELECT count(*)::int AS n FROM "${scenery.schema}".workers`);
    tell(`sessions left to lapse: ${left?.n}`);
  } finally {
    isOver.abort();
    submitted.resolve();
    await troubles.catch(() => {});
  }
}

/** Some are made, and copied under names of their own until there are enough: each is decoded and converted all the same. */
async function pictures(scene: Scene, { images, signal }: Life): Promise<readonly string[]> {
  const count = Math.min(images, PICTURES);
  const { paths } = await makeImages(scene.path("in"), { count, seed: 5, minMpx: 0.02, maxMpx: 0.1, signal });
  const copies = Array.from({ length: images - count }, (_, index) => {
    const original = paths[index % count] ?? "";
    return { original, copy: join(dirname(original), `copy-${index}-${basename(original)}`) };
  });
  for (const { original, copy } of copies) await copyFile(original, copy);
  return [...paths, ...copies.map(({ copy }) => copy)];
}

interface Submitted extends Followed {
  readonly following: Promise<void>;
}

function follow(scene: Scene, { urls }: Scenery, batch: Omit<Followed, "copy">): Submitted {
  const copy = new FeedCopy({ urls, token: TOKEN, batchId: batch.id });
  scene.afterwards(() => copy.close());
  return { ...batch, copy, following: copy.follow() };
}

async function submitItems(scene: Scene, scenery: Scenery, { items, itemMs, signal, tell }: Life): Promise<Submitted> {
  const { batchId, tries } = await submitByHttp({
    ...{ urls: scenery.urls, token: TOKEN, items, signal },
    fields: { pipeline: "nothing", name: "no-ops", crashBudget: CRASH_BUDGET, options: JSON.stringify({ ms: itemMs }) },
  });
  tell(`${items} items submitted over HTTP, at the ${tries}. try with one Idempotency-Key`);
  return follow(scene, scenery, { what: "no-ops", id: batchId, items });
}

async function submitImages(scene: Scene, scenery: Scenery, paths: readonly string[]): Promise<Submitted> {
  const options = toImageOptions({ out: scene.path("out"), width: 32 });
  for (;;) {
    try {
      const { batch } = await scenery.milepost.submit({
        ...{ pipeline: "images", name: "images", options, crashBudget: CRASH_BUDGET },
        items: withoutNulls(paths, options),
      });
      const { id } = await batch.snapshot();
      return follow(scene, scenery, { what: "images", id, items: paths.length });
    } catch (error) {
      // PostgreSQL may be away for longer than the engine tries; the same name again goes on with what is there.
      if (!(error instanceof Error && "retryable" in error && error.retryable === true)) throw error;
    }
  }
}

async function* withoutNulls(paths: readonly string[], options: ReturnType<typeof toImageOptions>) {
  for await (const { key, input, size, kind } of planOutputs(paths, options)) {
    yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
  }
}

/** One trouble after another, two at a time. */
async function disturb(scenery: Scenery, life: Life, over: AbortSignal): Promise<void> {
  const until = performance.now() + life.faultsMs;
  const lane = async (name: string): Promise<void> => {
    const random = SeededRandom.for(life.seed, name);
    while (!over.aborted && performance.now() < until) {
      await setTimeout(random.between(...REST_MS));
      if (over.aborted) return;
      const what = await meetTrouble(scenery, random).catch((error: unknown) => `no trouble: ${String(error)}`);
      life.tell(`  ${what}`);
    }
  };
  await Promise.all(["one", "other"].map(lane));
}

async function snapshotOf({ milepost }: Scenery, id: string): Promise<BatchSnapshot | null> {
  return milepost
    .batch(id)
    .snapshot()
    .catch(() => null);
}

/** Read again and again, for the way of reading may be what is broken. */
async function untilEnded(scenery: Scenery, batches: readonly Submitted[], signal: AbortSignal): Promise<void> {
  for (const { id } of batches) {
    while ((await snapshotOf(scenery, id))?.outcome == null) await setTimeout(200, undefined, { signal });
  }
}

async function tellNow(
  scenery: Scenery,
  batches: readonly Submitted[],
  { tell, signal }: { readonly tell: (line: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await setTimeout(TELL_EVERY_MS, undefined, { signal }).catch(() => {});
    const lines = await Promise.all(
      batches.map(async ({ what, id, items, copy }) => {
        const counts = (await snapshotOf(scenery, id))?.counts;
        return `${what} ${counts?.completed ?? "?"} of ${items}, told of ${copy.items.size}`;
      }),
    );
    tell(lines.join("; "));
  }
}
