/** A karaoke video of many minutes: its memory must not grow with it. Run alone: `npx node test/faults/long-videos.ts`. */
import { statSync } from "node:fs";
import { loadProject } from "../../src/pipelines/karaoke/load-project.ts";
import { renderVideo } from "../../src/pipelines/karaoke/render.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";

const SECONDS = 1_200;
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

export const longVideoFaults: readonly Fault[] = [
  {
    name: "long-video",
    expected: "20 minutes of video take no more memory in their last quarter than in their second",
    isSlow: true,
    run: makeLongVideo,
  },
];

if (import.meta.main) await runAlone(longVideoFaults);
