import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { StatusManager } from "../../src/index.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { callMain } from "./support/call-main.ts";
import { CliRun, jsonLines } from "./support/run-cli.ts";

it("documents show in list, items and watch like all other work", async () => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, ".milepost"));
  const manager = new StatusManager(join(cwd, ".milepost/milepost.db"));
  const call = async (...args: readonly string[]): Promise<string> => (await callMain(args, cwd)).stdout;
  try {
    for (const docId of ["report", "letter", "scan"]) await manager.createStatus(docId, `${docId}.pdf`, {});
    await manager.updateStatus("report", "parsing", 0.1);
    const details = { page: 3, totalPages: 20, stage: "Looking at page 3" };
    await manager.updateStatus("report", "embedding_visual", 0.175, details);
    await manager.markFailed("scan", "the file is encrypted");
    expect(await call("list", "--queue", "documents")).toMatch(/\ndocument-status +processing +39% +3 +1 +documents /);
    const items = await call("items", "document-status");
    expect(items).toMatch(/processing +1 +report\.pdf +embedding_visual 3 of 20: Looking at page 3\n/);
    expect(items).toMatch(/pending +0 +letter\.pdf\n/);
    expect(items).toMatch(/failed +1 +scan\.pdf +the file is encrypted\n/);
    expect(await call("items", "document-status", "--stage", "embedding_visual", "--json")).toContain('"done":3');
    const watching = new CliRun(["watch", "document-status", "--json"], { cwd });
    await watching.until((run) => run.stdout.includes('"progress"'));
    await manager.markCompleted("report");
    await manager.markCompleted("letter");
    const { status, stdout } = await watching.ended;
    expect(status).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      batch: { status: "completed", outcome: "partial", counts: { completed: 2, failed: 1 }, percent: 100 },
    });
  } finally {
    await manager.close();
  }
});
