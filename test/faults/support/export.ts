/**
 * Exports what waits in a store, as an application would: `node export.ts <store>`. Says `exporting`, and ends when none is left.
 */
import { ExportQueue } from "../../../src/index.ts";

const [store = ""] = process.argv.slice(2);
await using queue = new ExportQueue(store, { threads: 1 });
const isStarted = await queue.startBatchExport();
process.stdout.write(isStarted ? "exporting\n" : "nothing to do\n");
await queue.finished();
