import { dirname } from "node:path";
import { loadProject } from "../../src/pipelines/karaoke/load-project.ts";
import { type RenderHooks, renderVideo } from "../../src/pipelines/karaoke/render.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import type { KaraokeInput } from "./input.ts";

const hooks: RenderHooks = {
  signal: new AbortController().signal,
  paused: async () => {},
  onStage() {},
  onFrame() {},
};

/** From the reading of the lyrics to the whole file, libraries loaded on the way. */
export async function measure(input: KaraokeInput): Promise<Figures> {
  const { lyrics, background, output, seconds, width, height, fps, lines } = input;
  let bytes = 0;
  const cost = await costOf(async () => {
    const value = {
      lyrics,
      duration: seconds,
      background: { type: "image", path: background },
      video: { width, height, fps },
      style: { font: "DejaVu Sans", lines, leadIn: 0, fadeMs: 0 },
    };
    const loaded = await loadProject({ value, baseFolder: dirname(lyrics) });
    ({ bytes } = await renderVideo(loaded, output, hooks, { encoder: "webcodecs" }));
  });
  return { ...cost, bytes, peakBytes: process.resourceUsage().maxRSS * 1_024 };
}
