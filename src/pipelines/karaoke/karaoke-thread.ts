import type { Handler } from "../../engine/pipeline.ts";
import { exportKaraoke } from "./export-karaoke.ts";
import { renderVideo } from "./render.ts";

/** What a thread of the pipeline runs for each item. */
export const handler: Handler = (item, step) => exportKaraoke(item, step, renderVideo);
