import type { Milepost } from "../engine/milepost.ts";
import { commandPipeline } from "../pipelines/command/command-pipeline.ts";
import { documentsPipeline } from "../pipelines/documents/documents-pipeline.ts";
import { imagesPipeline } from "../pipelines/images/images-pipeline.ts";
import { karaokePipeline } from "../pipelines/karaoke/karaoke-pipeline.ts";
import type { Io } from "./io.ts";

/** Every kind of work that the command line can do: for processes that run whatever waits. */
export function declarePipelines(milepost: Milepost, { io }: { readonly io: Pick<Io, "env"> }): void {
  milepost.pipeline(imagesPipeline());
  milepost.pipeline(documentsPipeline());
  milepost.pipeline(karaokePipeline());
  milepost.pipeline(commandPipeline({ env: io.env }));
}
