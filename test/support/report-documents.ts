/**
 * One of several who report on the same documents, as a process or a thread: `node report-documents.ts <store> <name> <rounds>`.
 * Prints what it won as one line of JSON.
 */
import { MilepostError, StatusManager } from "../../src/index.ts";

const [path = "", name = "", rounds = "1"] = process.argv.slice(2);
const manager = new StatusManager(path);
const created: string[] = [];
const ended: string[] = [];

/** True if the call was carried out, false if another was first. */
async function isWon(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof MilepostError && error.code === "CONFLICT") return false;
    throw error;
  }
}

for (let round = 0; round < Number(rounds); round++) {
  const docId = `doc-${round}`;
  if (await isWon(manager.createStatus(docId, `${name}.pdf`, {}))) created.push(docId);
  await manager.updateStatus("shared", "embedding_text", round / Number(rounds), { [name]: round });
  const end = round % 2 === 0 ? manager.markFailed(docId, name) : manager.markCompleted(docId, { by: name });
  if (await isWon(end)) ended.push(docId);
}
await manager.close();
process.stdout.write(`${JSON.stringify({ name, created, ended })}\n`);
