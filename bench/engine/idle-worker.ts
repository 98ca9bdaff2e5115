/** `node idle-worker.js <store>`: works, and tells its parent the time of each start of a handler, until it is disconnected. */
import { openMilepost } from "../../src/index.ts";

const milepost = await openMilepost(process.argv[2] ?? "");
milepost.pipeline("nothing", () => void process.send?.(String(process.hrtime.bigint())));
await milepost.work();
process.once("disconnect", () => void milepost.close());
process.send?.("ready");
