/** Real exports that are disturbed at moments drawn by chance. Run alone: `npx node test/faults/exports.ts [name]`. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Batch } from "../../src/index.ts";
import { ExportQueue, type KaraokeProject } from "../../src/index.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { psnr, readVideo } from "../support/read-video.ts";
import { mountDisk, mountObstacle } from "./support/as-root.ts";
import { Child } from "./support/child.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openIn, STORE } from "./support/scenery.ts";

const FRAMES = 600;
const PROJECT: KaraokeProject = {
  lyrics: {
    lines: [0, 4, 8, 12, 16].map((start) => ({
      words: ["one ", "two ", "three"].map((text, index) => ({ text, start: start + index, end: start + index + 1 })),
    })),
  },
  background: { type: "gradient", from: "#203060", to: "#603020", angle: 45 },
  video: { width: 320, height: 180, fps: 30 },
  duration: FRAMES / 30,
};
const LEAST_DB = 40;

type Disturbance = "pause" | "stop" | "kill";

/** Exports one video undisturbed, and one that is disturbed so, at frames drawn by the seed; they must show the same. */
async function disturb(scene: Scene, disturbances: readonly Disturbance[], seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const milepost = await openIn(scene);
  await using queue = new ExportQueue(milepost);
  await queue.exportVideo(PROJECT, scene.path("whole.mp4"));
  const id = await queue.addToExportQueue(PROJECT, scene.path("disturbed.mp4"));
  const orders = milepost.queue("exports");
  const batch = milepost.batch("exports");
  let child = await exporter(scene);
  for (const [index, disturbance] of disturbances.entries()) {
    const at = Math.floor(((index + random.fraction()) / disturbances.length) * FRAMES * 0.8);
    // After a stop or a kill it begins anew, and may be beyond that frame only later.
    const frame = await reached(batch, disturbance === "pause" ? at : Math.min(at, FRAMES / 2));
    if (frame === null) throw new Error(`the export ended before it was disturbed, at ${at}`);
    const { attempts } = await milepost.item(id).snapshot();
    const where = `${disturbance} at frame ${frame}`;
    if (disturbance === "kill") {
      child.signal("SIGKILL");
      await child.ended;
      child = await exporter(scene);
      continue;
    }
    await orders[disturbance]();
    if (disturbance === "stop") {
      // On a busy machine the rest may be drawn before the order comes: then the whole file is there, and else none.
      const isWhole = (await milepost.item(id).snapshot()).state === "completed";
      scene.check(`${where}: files`, filesIn(scene), isWhole ? ["disturbed.mp4", "whole.mp4"] : ["whole.mp4"]);
      scene.check(`${where}: status`, await queue.getQueueStatus(), "stopped");
      await orders.resume();
      if (isWhole) break;
      continue;
    }
    scene.check(`${where}: status`, await queue.getQueueStatus(), "paused");
    scene.check(`${where}: its file is being written`, filesIn(scene).length, 2);
    await orders.resume();
    // On a busy machine the rest may be drawn between two looks.
    const isOver = (await reached(batch, frame + 1)) === null;
    scene.check(`${where}: attempts`, (await milepost.item(id).snapshot()).attempts, attempts);
    if (isOver) break;
  }
  await child.ended;
  scene.check("files", filesIn(scene), ["disturbed.mp4", "whole.mp4"]);
  scene.check("completed", (await queue.getCompletedJobs()).length, 1);
  const [whole, disturbed] = [await readVideo(scene.path("whole.mp4")), await readVideo(scene.path("disturbed.mp4"))];
  scene.check("frames", disturbed.pictures.length, FRAMES);
  scene.check("the same times", isDeepStrictEqual(disturbed.times, whole.times), true);
  const unlike = disturbed.pictures.filter((picture, index) => {
    const other = whole.pictures[index];
    return other === undefined || !(psnr(picture, other) >= LEAST_DB);
  });
  scene.check(`frames that differ by more than ${LEAST_DB} dB`, unlike.length, 0);
  scene.check("verify", await milepost.verify(), []);
}

async function exporter(scene: Scene): Promise<Child> {
  const child = Child.script(scene, "export.ts", [scene.path(STORE)]);
  await child.until(({ stdout }) => stdout.includes("exporting"));
  return child;
}

/** Waits until the job has drawn so many frames; returns how many it had by then, null if it ended before it was seen to. */
async function reached(batch: Batch, frame: number): Promise<number | null> {
  for await (const _ of batch.watch({ everyMs: 5 })) {
    const now = await frameOf(batch);
    if (now >= frame) return now;
  }
  return null;
}

/** The last frame that the running job has reported; -1 while none runs. */
async function frameOf(batch: Batch): Promise<number> {
  const [item] = (await batch.items({ state: "processing" })).items;
  const { stage = null, done = null } = item?.progress ?? {};
  if (stage === "encoding" || stage === "finalizing") return FRAMES;
  return stage === "rendering" ? (done ?? 0) : -1;
}

function filesIn(scene: Scene): readonly string[] {
  return readdirSync(scene.folder)
    .filter((name) => name.endsWith(".mp4") || name.startsWith(".milepost"))
    .sort();
}

/** A disk with room for some of a video, which takes a part of a write without an error, and then with room for all. */
async function fullDisk(scene: Scene): Promise<void> {
  const disk = mountDisk(scene, 1);
  const filler = join(disk, "filler");
  const output = join(disk, "video.mp4");
  await using queue = new ExportQueue(await openIn(scene), { encoder: "webcodecs" });
  for (const freeBytes of [4_096, 12_288, 20_480, 40_960]) {
    writeFileSync(filler, Buffer.alloc(1_048_576 - freeBytes));
    const { progress } = await queue.exportVideo(PROJECT, output);
    scene.check(`${freeBytes} bytes left: ${progress.errorMessage}`, progress.status, "failed");
    scene.check("files", readdirSync(disk), ["filler"]);
    rmSync(filler);
  }
  const { progress } = await queue.exportVideo(PROJECT, output);
  scene.check("with room", progress.status, "completed");
  scene.check("frames", (await readVideo(output)).pictures.length, FRAMES);
}

export const exportFaults: readonly Fault[] = [
  {
    name: "export-disturbed",
    expected: "paused, killed and stopped, the video is the same picture by picture, and no half file stays",
    run: (scene) => disturb(scene, ["pause", "kill", "stop"], 1),
  },
  {
    name: "export-disk-full",
    expected: "the export fails whatever of it fits, and leaves nothing; with room it is made",
    obstacle: mountObstacle,
    run: fullDisk,
  },
  ...[2, 3, 4, 5].map((seed) => ({
    name: `export-disturbed-often-${seed}`,
    expected: "the same after many disturbances in any order",
    isSlow: true,
    run: (scene: Scene) => {
      const random = new SeededRandom(seed);
      const kinds = ["pause", "stop", "kill", "pause"] as const;
      const drawn = Array.from({ length: 12 }, () => kinds[Math.floor(random.fraction() * kinds.length)] ?? "pause");
      return disturb(scene, drawn, seed);
    },
  })),
];

if (import.meta.main) {
  const [wanted = ""] = process.argv.slice(2);
  await runAlone(exportFaults.filter(({ name }) => name.includes(wanted)));
}
