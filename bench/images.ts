/**
 * What the images pipeline costs over a bare loop of sharp at the same concurrency, in turn A B A B on the same files.
 *
 *   npm run bench -- images [--images 300] [--rounds 5] [--concurrency 4] [--width 800] [--format jpeg] [--json]
 *
 * `bare` is `sharp(file).resize().toFormat().toFile()` and nothing else; `engine` is the images pipeline under the whole
 * engine with a store on disk. The ratio of a round is engine / bare; 1.01 means 1 % slower.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { makeImages } from "../examples/make-images.ts";
import { openMilepost } from "../src/index.ts";
import { imagesPipeline, toImageOptions } from "../src/pipelines/images/images-pipeline.ts";
import { show, summaryOf } from "./summary.ts";

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

/** Time on the clock, and of all processors: the second is steadier where other programs run too. */
interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function overAll(
  paths: readonly string[],
  work: (path: string, index: number) => Promise<unknown>,
): Promise<Cost> {
  const waiting = paths.entries();
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const lane = async (): Promise<void> => {
    for (const [index, path] of waiting) await work(path, index);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const cpu = process.cpuUsage(cpuBefore);
  return { wallMs: performance.now() - startedAt, cpuMs: (cpu.user + cpu.system) / 1_000 };
}

function bare(paths: readonly string[], out: string): Promise<Cost> {
  return overAll(paths, (path) =>
    sharp(path)
      .autoOrient()
      .resize({ width, fit: "inside", withoutEnlargement: true })
      .toFormat(format)
      .toFile(join(out, basename(path))),
  );
}

/** The same by the engine: submitted, claimed, recorded and finished in a store of its own on disk. */
async function engine(paths: readonly string[], out: string, store: string): Promise<Cost> {
  await using milepost = await openMilepost(store);
  milepost.pipeline(imagesPipeline());
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await milepost.work({ concurrency });
  const options = { ...toImageOptions({ out, width, format }) };
  const { batch } = await milepost.submit({ pipeline: "images", items: paths, options });
  const { outcome } = await batch.done();
  if (outcome !== "success") throw new Error(`the batch ended with ${outcome}`);
  const cpu = process.cpuUsage(cpuBefore);
  return { wallMs: performance.now() - startedAt, cpuMs: (cpu.user + cpu.system) / 1_000 };
}

// Kept between runs: making 300 photos takes longer than measuring them.
const photos = join(tmpdir(), "milepost-bench-photos");
const { paths } = await makeImages(photos, { count: images, seed: 7, formats: ["jpg"] });
const scratch = await mkdtemp(join(tmpdir(), "milepost-bench-"));
try {
  const times: { bare: Cost; engine: Cost }[] = [];
  const [outA, outB] = [join(scratch, "bare"), join(scratch, "engine")];
  await Promise.all([mkdir(outA), mkdir(outB)]);
  // One round that does not count fills the file cache and compiles the code.
  await bare(paths.slice(0, 40), outA);
  await engine(paths.slice(0, 40), outB, join(scratch, "warm.db"));
  for (let round = 0; round < Number(values.rounds); round++) {
    times.push({ bare: await bare(paths, outA), engine: await engine(paths, outB, join(scratch, `${round}.db`)) });
  }
  const ratio = summaryOf(times.map((time) => time.engine.wallMs / time.bare.wallMs));
  const cpuRatio = summaryOf(times.map((time) => time.engine.cpuMs / time.bare.cpuMs));
  const bareMs = summaryOf(times.map((time) => time.bare.wallMs));
  const engineMs = summaryOf(times.map((time) => time.engine.wallMs));
  const setting = { images, concurrency, width, format, rounds: times.length };
  if (values.json) console.log(JSON.stringify({ bench: "images", ...setting, ratio, cpuRatio, bareMs, engineMs }));
  else {
    console.log(`images: ${images} photos of 0.3 to 12 Mpx → ${width} wide ${format}, ${concurrency} at once`);
    console.log(`bare sharp     ms  ${show(bareMs, 0)}  (${((1_000 * images) / bareMs.median).toFixed(1)} images/s)`);
    console.log(`engine         ms  ${show(engineMs, 0)}`);
    console.log(`engine / bare      ${show(ratio, 4)}`);
    console.log(`  of CPU time      ${show(cpuRatio, 4)}`);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
