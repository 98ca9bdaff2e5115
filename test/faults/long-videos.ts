/** Karaoke videos of many frames, and long sounds: their memory must not grow with them, nor their processors with the machine. Run alone: `npx node test/faults/long-videos.ts`. */
import { statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { openAudioSource } from "../../src/pipelines/karaoke/audio/audio-source.ts";
import { readVorbisHeaders } from "../../src/pipelines/karaoke/audio/vorbis-headers.ts";
import { loadProject } from "../../src/pipelines/karaoke/load-project.ts";
import { loadMediabunny } from "../../src/pipelines/karaoke/media/load-mediabunny.ts";
import { writeOgg } from "../../src/pipelines/karaoke/media/ogg-pages.ts";
import { renderVideo } from "../../src/pipelines/karaoke/render.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";

/** Long enough for the heap to have found its size by the second quarter. */
const SECONDS = 2_400;
const HOUR_SECONDS = 3_600;
const LINE_SECONDS = 2.5;
const SYLLABLES = ["Twin", "kle ", "twin", "kle ", "lit", "tle ", "star"] as const;

async function makeLongVideo(scene: Scene): Promise<void> {
  const lines = Array.from({ length: SECONDS / LINE_SECONDS }, (_, index) => ({
    words: SYLLABLES.map((text, word) => {
      const start = index * LINE_SECONDS + word * 0.3;
      return { text, start, end: start + 0.3 };
    }),
  }));
  const value = { lyrics: { lines }, duration: SECONDS, video: { width: 640, height: 360, fps: 15 } };
  const loaded = await loadProject({ value, baseFolder: scene.folder });
  const peaks: number[] = [0, 0, 0, 0];
  const video = await renderVideo(loaded, scene.path("long.mp4"), {
    signal: new AbortController().signal,
    paused: async () => {},
    onStage() {},
    onFrame: (done, total) => {
      const quarter = Math.min(3, Math.floor((4 * (done - 1)) / total));
      peaks[quarter] = Math.max(peaks[quarter] ?? 0, process.memoryUsage.rss() / 1_048_576);
    },
  });
  const [, second = 0, , last = 0] = peaks;
  scene.check("frames", video.frames, SECONDS * 15);
  scene.check("bytes", video.bytes, statSync(scene.path("long.mp4")).size);
  scene.checkAtMost("MiB that the last quarter takes beyond the second", last - second, 48);
}

/** Processors' time between the first frame and the last by the time that passed, of an export that may use so many. */
async function processorsUsed(scene: Scene, threads: number): Promise<number> {
  const lines = Array.from({ length: 10 }, (_, line) => ({
    words: SYLLABLES.map((text, word) => ({ text, start: line * 2 + word * 0.25, end: line * 2 + word * 0.25 + 0.25 })),
  }));
  const value = { lyrics: { lines }, duration: 20, video: { width: 1_280, height: 720, fps: 30 } };
  const loaded = await loadProject({ value, baseFolder: scene.folder });
  let [begun, used] = [0, process.cpuUsage()];
  let share = 0;
  await renderVideo(
    loaded,
    scene.path("short.mp4"),
    {
      signal: new AbortController().signal,
      paused: async () => {},
      onStage(stage) {
        if (stage === "rendering") [begun, used] = [performance.now(), process.cpuUsage()];
        if (stage !== "encoding") return;
        const { user, system } = process.cpuUsage(used);
        share = (user + system) / 1_000 / (performance.now() - begun);
      },
      onFrame() {},
    },
    { threads, encoder: "webcodecs" },
  );
  return share;
}

async function boundProcessors(scene: Scene): Promise<void> {
  // As fast as it can: where this is little, other work has the machine, and what follows shows little.
  const free = await processorsUsed(scene, availableParallelism());
  scene.checkAtMost("processors used without a bound", free, availableParallelism() + 0.1);
  for (const threads of [1, 0.5, 0.25]) {
    const used = await processorsUsed(scene, threads);
    scene.checkAtMost(`processors used by an export that may use ${threads}`, used, threads * 1.15);
  }
}

/** An Ogg Vorbis file of an hour, of the packets of a short one. @returns its samples */
async function makeLongSound(path: string): Promise<number> {
  const media = await loadMediabunny();
  const short = fileURLToPath(new URL("../support/sounds/mono-22050.ogg", import.meta.url));
  using input = new media.Input({ source: new media.FilePathSource(short), formats: [media.OGG] });
  const track = await input.getPrimaryAudioTrack();
  const config = await track?.getDecoderConfig();
  if (track === null || !(config?.description instanceof Uint8Array)) throw new Error("no sound");
  const { packets: headers, blocks } = readVorbisHeaders(config.description);
  const packets: Uint8Array[] = [];
  for await (const { data } of new media.EncodedPacketSink(track).packets()) packets.push(data);
  const count = Math.ceil((HOUR_SECONDS * config.sampleRate) / (blocks[0] / 2)) + 1;
  const long = Array.from({ length: count }, (_, index) => packets[index % packets.length] ?? new Uint8Array());
  const [first, ...others] = headers;
  writeFileSync(path, writeOgg([[first], others, long]));
  // All blocks are of one size, and of the first nothing is heard.
  return ((count - 1) * blocks[0]) / 2;
}

async function readLongSound(scene: Scene): Promise<void> {
  const samples = await makeLongSound(scene.path("long.ogg"));
  const source = await openAudioSource(scene.path("long.ogg"), 22_050);
  const peaks: number[] = [0, 0, 0, 0];
  let [read, longest] = [0, 0];
  for (let piece = await source.next(); piece !== null; piece = await source.next()) {
    read += piece[0].length;
    longest = Math.max(longest, piece[0].length);
    const quarter = Math.min(3, Math.floor((4 * (read - 1)) / samples));
    peaks[quarter] = Math.max(peaks[quarter] ?? 0, process.memoryUsage.rss() / 1_048_576);
  }
  source.close();
  const [, second = 0, , last = 0] = peaks;
  scene.check("samples", read, samples);
  scene.checkAtMost("samples of a piece", longest, 140_000);
  // Half an hour of its samples would be 151 MiB.
  scene.checkAtMost("MiB that the last quarter takes beyond the second", last - second, 96);
}

export const longVideoFaults: readonly Fault[] = [
  {
    name: "long-video",
    expected: "40 minutes of video take no more memory in their last quarter than in their second",
    isSlow: true,
    run: makeLongVideo,
  },
  {
    name: "long-sound",
    expected:
      "an hour of Ogg Vorbis is read to its last sample, and takes no more memory in its last quarter than in its second",
    isSlow: true,
    run: readLongSound,
  },
  {
    name: "video-threads",
    expected: "an export that may use so many processors uses no more of their time, but for a seventh",
    isSlow: true,
    run: boundProcessors,
  },
];

if (import.meta.main) await runAlone(longVideoFaults);
