/** Takes all images of a job and then does nothing, until it is killed: `node mark-and-wait.ts <store> <jobId>`. */
import { ProgressTracker } from "../../src/index.ts";

const [path = "", job = ""] = process.argv.slice(2);
const tracker = new ProgressTracker(path);
const ids = (await tracker.getPendingImages(job)).map(([id]) => id);
await tracker.markProcessing(ids);
process.stdout.write("marked\n");
setInterval(() => {}, 1_000);
