/** The process that draws one frame, sends it to its parent and ends; it ends with its parent too. */
import { constants, setPriority } from "node:os";
import type { Json } from "../../core/json.ts";
import { loadVideo, toVideoInput } from "./export-karaoke.ts";
import type { FrameAnswer, FrameQuestion } from "./frame-process.ts";
import { toKaraokeOptions } from "./karaoke-options.ts";
import { renderFrame } from "./render.ts";

async function draw({ input, options: given, isConfined, at, sideMax }: FrameQuestion): Promise<Uint8Array> {
  const video = toVideoInput(input);
  const options = toKaraokeOptions({ ...(given as { readonly [name: string]: Json } | null), ...video.settings });
  const loaded = await loadVideo(video, { ...options, isConfined: isConfined || options.isConfined });
  const atMs = "ms" in at ? at.ms : (at.frame * 1_000) / loaded.project.video.fps;
  return await renderFrame(loaded, atMs, sideMax);
}

async function answer(question: FrameQuestion): Promise<FrameAnswer> {
  try {
    return { ok: true, picture: await draw(question) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

try {
  // A look at an export must not hold the export up.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Where that is not allowed, it works as fast as the rest.
}
process.on("disconnect", () => process.exit());
process.once("message", async (question: FrameQuestion) => {
  const answered = await answer(question);
  process.send?.(answered, () => process.disconnect());
});
