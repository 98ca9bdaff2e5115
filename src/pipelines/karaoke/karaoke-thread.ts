import type { Handler } from "../../engine/pipeline.ts";
import { exportKaraoke } from "./export-karaoke.ts";
import { renderTo } from "./render.ts";

/** What a thread of the pipeline runs for each item. */
export const handler: Handler = (item, step) => exportKaraoke(item, step, renderTo);
