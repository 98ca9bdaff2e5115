import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMilepost, StatusManager } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const REPORT = fileURLToPath(new URL("../support/report-documents.ts", import.meta.url));
const REPORT_AND_WAIT = fileURLToPath(new URL("../support/report-and-wait.ts", import.meta.url));
const ROUNDS = 40;

interface Won {
  readonly name: string;
  readonly created: readonly string[];
  readonly ended: readonly string[];
}

async function reportAsProcess(path: string, name: string): Promise<Won> {
  const child = spawn(process.execPath, [REPORT, path, name, String(ROUNDS)], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout)) as Won;
}

async function reportAsThread(path: string, name: string): Promise<Won> {
  const thread = new Worker(REPORT, { argv: [path, name, String(ROUNDS)], stdout: true });
  return JSON.parse(await text(thread.stdout)) as Won;
}

describe("documents that several callers report on", () => {
  test("threads and processes lose no update, and of those who end a document one wins", async () => {
    const path = join(temporaryFolder(), "documents.db");
    const manager = new StatusManager(path, { logger: SILENT });
    onTestFinished(() => manager.close());
    await manager.createStatus("shared", "shared.pdf", {});
    await manager.updateStatus("shared", "parsing", 0.1);
    const won = await Promise.all([
      reportAsProcess(path, "process-1"),
      reportAsProcess(path, "process-2"),
      reportAsThread(path, "thread-1"),
      reportAsThread(path, "thread-2"),
      reportAsThread(path, "thread-3"),
    ]);
    const ids = Array.from({ length: ROUNDS }, (_, round) => `doc-${round}`).toSorted();
    expect(won.flatMap(({ created }) => created).toSorted()).toEqual(ids);
    expect(won.flatMap(({ ended }) => ended).toSorted()).toEqual(ids);
    const shared = await manager.getStatus("shared");
    expect(shared?.metadata).toEqual(Object.fromEntries(won.map(({ name }) => [name, ROUNDS - 1])));
    expect(shared).toMatchObject({ status: "embedding_text", progress: (ROUNDS - 1) / ROUNDS });
    for (const { name, created, ended } of won) {
      for (const docId of created) expect(await manager.getStatus(docId)).toMatchObject({ filename: `${name}.pdf` });
      for (const docId of ended) {
        const status = await manager.getStatus(docId);
        expect(status?.status === "failed" ? status.error : status?.metadata.by, docId).toBe(name);
      }
    }
    await using milepost = await openMilepost(path, { logger: SILENT });
    const { counts } = await milepost.batch("document-status").snapshot();
    expect(counts).toMatchObject({ total: ROUNDS + 1, completed: ROUNDS / 2, failed: ROUNDS / 2, cancelled: 0 });
    expect(await milepost.verify()).toEqual([]);
  });

  test("requests that come at once in one process are each whole", async () => {
    await using manager = new StatusManager("memory:");
    await manager.createStatus("doc", "doc.pdf", {});
    await manager.updateStatus("doc", "parsing", 0.1);
    const updates = Array.from({ length: 200 }, (_, index) =>
      manager.updateStatus("doc", "embedding_text", index / 200, { [`update ${index}`]: index }),
    );
    await Promise.all(updates);
    const ends = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? manager.updateStatus("doc", "storing", 0.95) : manager.markFailed("doc", "no"),
      ),
    );
    const failed = ends.findIndex((end) => end.status === "fulfilled" && end.value.status === "failed");
    expect(ends.slice(0, failed).every(({ status }) => status === "fulfilled")).toBe(true);
    for (const end of ends.slice(failed + 1))
      expect(end).toMatchObject({ status: "rejected", reason: { code: "CONFLICT" } });
    const doc = await manager.getStatus("doc");
    expect(doc?.status).toBe("failed");
    expect(Object.keys(doc?.metadata ?? {})).toHaveLength(200);
  });

  test("the clean-up that is due keeps no process alive", async () => {
    const entry = new URL("../../src/index.ts", import.meta.url).href;
    const script = `import { StatusManager } from ${JSON.stringify(entry)};
      await new StatusManager("memory:").createStatus("doc", "doc.pdf", {});`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" });
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  test("a kill loses nothing that was answered, and the document may begin again", async () => {
    const path = join(temporaryFolder(), "documents.db");
    const child = spawn(process.execPath, [REPORT_AND_WAIT, path, "doc"], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const manager = new StatusManager(path, { logger: SILENT });
    onTestFinished(() => manager.close());
    await expect(manager.updateStatus("doc", "parsing", 0.1)).rejects.toMatchObject({ code: "CONFLICT" });
    child.kill("SIGKILL");
    await once(child, "exit");
    await using milepost = await openMilepost(path, { logger: SILENT });
    await milepost.reap();
    const left = { status: "embedding_text", progress: 0.75, metadata: { chunk: 2 } };
    expect(await manager.getStatus("doc")).toMatchObject(left);
    expect(await milepost.batch("document-status").item("doc").snapshot()).toMatchObject({
      state: "pending",
      crashes: 1,
    });
    await expect(manager.updateStatus("doc", "embedding_visual", 0.2)).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await manager.updateStatus("doc", "parsing", 0.1)).toMatchObject({ status: "parsing", progress: 0.1 });
    await expect(manager.updateStatus("doc", "storing", 0.9)).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await manager.markCompleted("doc")).toMatchObject({ status: "completed" });
  });
});
