/** Reports on a document, says so after each report, and waits until it is killed: `node report-and-wait.ts <store> <docId>`. */
import { StatusManager } from "../../src/index.ts";

const [path = "", docId = ""] = process.argv.slice(2);
const manager = new StatusManager(path);
await manager.createStatus(docId, "report.pdf", {});
await manager.updateStatus(docId, "parsing", 0.1);
await manager.updateStatus(docId, "embedding_text", 0.75, { chunk: 2 });
process.stdout.write("reported\n");
setInterval(() => {}, 1_000);
