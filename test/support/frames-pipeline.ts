import type { PipelineDefinition, Step } from "../../src/index.ts";
import type { ExportInput } from "../../src/views/export-status.ts";

interface Frames {
  readonly title: string;
  readonly frames?: number;
  readonly failsAt?: number;
}

/** Called for each frame before it counts. */
export type DrawFrame = (project: Frames, frame: number, step: Step) => unknown;

/** Exports frame by frame, through the stages of a real one, but draws only what `draw` draws: 4 frames, if the project says nothing else. */
export function framesPipeline(draw: DrawFrame = () => {}): PipelineDefinition {
  return {
    name: "frames",
    stages: ["preparing", "rendering", "encoding", "finalizing"],
    async handler(item, step) {
      const { project } = item.input as ExportInput;
      const song = project as unknown as Frames;
      const total = song.frames ?? 4;
      step.stage("preparing");
      step.stage("rendering", { total, unit: "frame" });
      for (let frame = 0; frame < total; frame++) {
        await step.paused();
        step.signal.throwIfAborted();
        step.progress(frame, total);
        if (frame === song.failsAt) throw new Error(`frame ${frame} of ${song.title} cannot be drawn`);
        await draw(song, frame, step);
        step.progress(frame + 1, total);
      }
      step.stage("finalizing");
      return { frames: total };
    },
  };
}
