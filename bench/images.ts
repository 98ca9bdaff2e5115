/**
 * What the images pipeline costs over a bare loop of sharp at the same concurrency, in turn A B A B on the same files.
 *
 *   node bench/images.ts [--images 300] [--rounds 5] [--concurrency 4] [--width 800] [--format jpeg] [--json]
 *
 * `bare` is `sharp(file).resize().toFormat().toFile()` and nothing else; `handler` is the pipeline's handler without an
 * engine. The ratio of a round is handler / bare; 1.01 means 1 % slower.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { makeImages } from "../examples/make-images.ts";
import type { Step } from "../src/engine/pipeline.ts";
import { imagesPipeline, toImageOptions } from "../src/pipelines/images/images-pipeline.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "300" },
    rounds: { type: "string", default: "5" },
    concurrency: { type: "string", default: "4" },
    width: { type: "string", default: "800" },
    format: { type: "string", default: "jpeg" },
    json: { type: "boolean", default: false },
  },
});
const images = Number(values.images);
const concurrency = Number(values.concurrency);
const width = Number(values.width);
const format = values.format as "jpeg" | "png" | "webp" | "avif";

const STEP: Step = {
  signal: new AbortController().signal,
  stage() {},
  progress() {},
  message() {},
  save: async () => {},
  paused: async () => {},
  log() {},
};

async function overAll(
  paths: readonly string[],
  work: (path: string, index: number) => Promise<unknown>,
): Promise<number> {
  const waiting = paths.entries();
  const startedAt = performance.now();
  const lane = async (): Promise<void> => {
    for (const [index, path] of waiting) await work(path, index);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return performance.now() - startedAt;
}

function bare(paths: readonly string[], out: string): Promise<number> {
  return overAll(paths, (path) =>
    sharp(path)
      .autoOrient()
      .resize({ width, fit: "inside", withoutEnlargement: true })
      .toFormat(format)
      .toFile(join(out, basename(path))),
  );
}

function handled(paths: readonly string[], out: string): Promise<number> {
  const { handler } = imagesPipeline();
  const batch = { id: "bench", name: null, options: toImageOptions({ out, width, format }) };
  return overAll(paths, async (key, index) =>
    handler?.({ id: String(index), key, input: null, size: null, saved: null, attempt: 1, batch }, STEP),
  );
}

function summaryOf(numbers: readonly number[]): { median: number; min: number; max: number } {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { median: at(0.5), min: at(0), max: at(1) };
}

// Kept between runs: making 300 photos takes longer than measuring them.
const photos = join(tmpdir(), "milepost-bench-photos");
const { paths } = await makeImages(photos, { count: images, seed: 7, formats: ["jpg"] });
const scratch = await mkdtemp(join(tmpdir(), "milepost-bench-"));
try {
  const times: { bareMs: number; handlerMs: number }[] = [];
  const [outA, outB] = [join(scratch, "bare"), join(scratch, "handler")];
  await Promise.all([mkdir(outA), mkdir(outB)]);
  // One round that does not count fills the file cache and compiles the code.
  await bare(paths.slice(0, 40), outA);
  await handled(paths.slice(0, 40), outB);
  for (let round = 0; round < Number(values.rounds); round++) {
    times.push({ bareMs: await bare(paths, outA), handlerMs: await handled(paths, outB) });
  }
  const ratio = summaryOf(times.map(({ bareMs, handlerMs }) => handlerMs / bareMs));
  const bareMs = summaryOf(times.map((time) => time.bareMs));
  const handlerMs = summaryOf(times.map((time) => time.handlerMs));
  const setting = { images, concurrency, width, format, rounds: times.length };
  if (values.json) console.log(JSON.stringify({ bench: "images", ...setting, ratio, bareMs, handlerMs }));
  else {
    const show = (s: { median: number; min: number; max: number }, digits: number): string =>
      `median ${s.median.toFixed(digits)}  min ${s.min.toFixed(digits)}  max ${s.max.toFixed(digits)}`;
    console.log(`images: ${images} photos of 0.3 to 12 Mpx → ${width} wide ${format}, ${concurrency} at once`);
    console.log(`bare sharp     ms  ${show(bareMs, 0)}  (${((1_000 * images) / bareMs.median).toFixed(1)} images/s)`);
    console.log(`handler        ms  ${show(handlerMs, 0)}`);
    console.log(`handler / bare     ${show(ratio, 4)}`);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
