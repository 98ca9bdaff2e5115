import type { Milepost } from "../engine/milepost.ts";
import { commandPipeline } from "../pipelines/command/command-pipeline.ts";
import { documentsPipeline } from "../pipelines/documents/documents-pipeline.ts";
import { imagesPipeline } from "../pipelines/images/images-pipeline.ts";
import { karaokePipeline } from "../pipelines/karaoke/karaoke-pipeline.ts";
import type { Storage } from "../server/files/storage/storage.ts";
import { storedPipeline } from "../server/files/storage/stored-pipeline.ts";
import type { Io } from "./io.ts";

/**
 * Every kind of work that the command line can do: for processes that run whatever waits.
 * @param storage for files of a server that this machine may not see; null where it sees all
 */
export function declarePipelines(
  milepost: Milepost,
  { io }: { readonly io: Pick<Io, "env"> },
  storage: Storage | null = null,
): void {
  const images = imagesPipeline();
  milepost.pipeline(storage === null ? images : storedPipeline(images, storage));
  milepost.pipeline(documentsPipeline());
  milepost.pipeline(karaokePipeline());
  milepost.pipeline(commandPipeline({ env: io.env }));
}
