/**
 * A server in a process of its own, to be killed: `node server-process.ts <store> <files> [token]`. Sends its address when it listens. It
 * works on what it is sent.
 */
import { readdirSync } from "node:fs";
import { openMilepost } from "../../../src/index.ts";
import { imagesPipeline } from "../../../src/pipelines/images/images-pipeline.ts";
import { SILENT } from "../../../src/ports/logger.ts";
import { createServer } from "../../../src/server/server.ts";

const [store = "", files = "", token] = process.argv.slice(2);
const milepost = await openMilepost(store, { logger: SILENT });
milepost.pipeline(imagesPipeline());
await milepost.work({ concurrency: 1 });
const server = await createServer(milepost, { port: 0, files, ...(token !== undefined && { token }) });
process.send?.(await server.listen());
process.on("message", () => {
  globalThis.gc?.();
  process.send?.({ bytes: process.memoryUsage().rss, files: readdirSync("/proc/self/fd").length });
});
