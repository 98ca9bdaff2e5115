/** Reads one row of a store and keeps its snapshot open until it is told to end: `node read-long.ts <store>`. */
import { DatabaseSync } from "node:sqlite";

const db = new DatabaseSync(process.argv[2] ?? "", { readOnly: true });
db.exec("BEGIN");
db.prepare("SELECT count(*) FROM batches").get();
process.stdout.write("reading\n");
setInterval(() => {}, 1_000);
process.on("SIGTERM", () => {
  db.close();
  process.exit();
});
