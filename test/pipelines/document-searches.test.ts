import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type SearchLimits, SearchProcesses } from "../../src/pipelines/documents/search-processes.ts";
import { ingest, writeFiles } from "../support/ingest.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { SlowIndex } from "../support/slow-index.ts";

function open(limits: SearchLimits): SearchProcesses {
  const processes = new SearchProcesses(limits);
  onTestFinished(() => processes.close());
  return processes;
}

test("a search is ended within a statement of SQLite, by its time limit and by close; who waits has the turn", async () => {
  const folder = temporaryFolder();
  const index = join(folder, "quick.db");
  await ingest(writeFiles(folder, { "quick.txt": "Juniper lanes." }), { index });
  const slow = await SlowIndex.make(folder);
  const limits: { -readonly [Name in keyof SearchLimits]: SearchLimits[Name] } = {
    atOnce: 1,
    waiting: 1,
    timeLimitMs: 1_500,
  };
  const strict = open(limits);
  const held = strict.search({ index: slow.path }, "juniper", 1);
  await expect(held).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", details: { reason: "too-much" } });
  limits.timeLimitMs = null;
  expect(await strict.search({ index }, "juniper", 1)).toHaveLength(1);

  const patient = open({ atOnce: 1, waiting: 1, timeLimitMs: null });
  const first = patient.search({ index: slow.path }, "juniper", 1);
  const second = patient.search({ index }, "juniper", 1);
  await expect(patient.search({ index }, "juniper", 1)).rejects.toMatchObject({ details: { reason: "too-much" } });
  const ends = Promise.allSettled([first, second]);
  await slow.until(true);
  await patient.close();
  expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await slow.until(false);
});
