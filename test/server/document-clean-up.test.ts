import { appendFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { documentsPipeline } from "../../src/pipelines/documents/documents-pipeline.ts";
import { markedName } from "../../src/platform/process-mark.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { openForTest } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { hitsOf, send, store, textFile } from "./support/send-documents.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

/** No number of an ordinary process. */
const DEAD = { ...systemHost.self, pid: 4_194_999, birth: "1" };

async function startWithWorker(): Promise<TestServer & { readonly page: Browser }> {
  const milepost = await openForTest("sqlite");
  milepost.pipeline(documentsPipeline());
  await milepost.work({ concurrency: 2 });
  const server = await startServer({ milepost });
  return { ...server, page: new Browser(server) };
}

/** Another server on the same files: it sweeps as it starts. */
async function sweep({ milepost, files }: { readonly milepost: Milepost; readonly files: string }): Promise<void> {
  const { close } = await startServer({ milepost, files });
  await close();
}

/** The folder of the only session's index. */
function indexIn(files: string): { readonly name: string; readonly folder: string } {
  const name = readdirSync(join(files, "indexes")).find((found) => found.startsWith("session-")) ?? "";
  return { name, folder: join(files, "indexes", name) };
}

/** True if the index has the word: what is only like it is found too. */
async function isFound(page: Browser, word: string): Promise<boolean> {
  return (await hitsOf(page, word)).some(({ snippet }) => snippet.toLowerCase().includes(word));
}

test("a document goes from a session's index with the last of the batches that have it", async () => {
  const server = await startWithWorker();
  const { page, milepost, files } = server;
  const own = Array.from({ length: 12 }, (_, index) => textFile(`${index}.txt`, `Saffron number ${index}.`));
  const shared = textFile("shared.txt", "Both have juniper.");
  const first = await store(server, page, [...own, shared]);
  const second = await store(server, page, [shared, textFile("more.txt", "Quicksilver alone.")]);
  await milepost.batch(first.batchId).remove();
  await sweep(server);
  expect(await isFound(page, "saffron")).toBe(false);
  expect([await isFound(page, "juniper"), await isFound(page, "quicksilver")]).toEqual([true, true]);
  const { folder } = indexIn(files);
  const lists = (): readonly string[] => readdirSync(folder).filter((name) => name.endsWith(".documents"));
  expect(lists()).toEqual([`${second.batchId}.documents`]);

  // Entries that were cleaned up leave what was stored where it is, as long as their batch is there.
  await page.post("/api/documents/cleanup", { maxAgeSeconds: 0 });
  await sweep(server);
  expect(await isFound(page, "juniper")).toBe(true);
  const third = await store(server, page, [shared]);
  // Whoever deletes a batch need not wait for the next sweep.
  const deleted = await page.fetch(`/api/batches/${second.batchId}`, { method: "DELETE" });
  expect(deleted.status).toBe(200);
  expect([await isFound(page, "juniper"), await isFound(page, "quicksilver")]).toEqual([true, false]);
  expect((await page.fetch(`/api/batches/${third.batchId}`, { method: "DELETE" })).status).toBe(200);
  expect(existsSync(folder)).toBe(false);
});

test("a removal that a dead process began is done again; a list of what was never submitted takes nothing away", async () => {
  const server = await startWithWorker();
  const { page, milepost, files } = server;
  const [old, kept] = [textFile("old.txt", "Saffron sails."), textFile("kept.txt", "Juniper lanes.")];
  const first = await store(server, page, [old, kept]);
  const second = await store(server, page, [kept]);
  const { folder } = indexIn(files);
  const list = join(folder, `${first.batchId}.documents`);
  await milepost.batch(first.batchId).remove();
  // As a process leaves it that died in the middle of writing: the last line is not whole.
  appendFileSync(list, "0123");
  const never = join(folder, `${crypto.randomUUID()}.documents`);
  writeFileSync(never, `\n${second.documents[0]?.docId}\n`);
  await sweep(server);
  expect([await isFound(page, "saffron"), await isFound(page, "juniper")]).toEqual([false, true]);
  expect([existsSync(list), existsSync(never)]).toEqual([false, false]);
});

test("while documents are being submitted anywhere, nothing is removed; a dead submission hinders nobody", async () => {
  const server = await startWithWorker();
  const { page, milepost, files } = server;
  const { batchId } = await store(server, page, [textFile("a.txt", "Saffron sails.")]);
  const { name, folder } = indexIn(files);
  await milepost.batch(batchId).remove();
  // As another server would have it.
  const [flag, dead] = [markedName(`submit-${name}`), markedName(`submit-${name}`, DEAD)];
  writeFileSync(join(files, "guards", flag), "");
  await sweep(server);
  expect(await isFound(page, "saffron")).toBe(true);
  renameSync(join(files, "guards", flag), join(files, "guards", dead));
  await sweep(server);
  expect([existsSync(folder), await isFound(page, "saffron")]).toEqual([false, false]);
  expect(readdirSync(join(files, "guards"))).toEqual([]);
});

test("a submission waits for a removal in another process, and for no dead one", async () => {
  const server = await startWithWorker();
  const { page, files } = server;
  await store(server, page, [textFile("a.txt", "Saffron sails.")]);
  const { name } = indexIn(files);
  const guards = join(files, "guards");
  const flag = markedName(`remove-${name}`);
  writeFileSync(join(guards, markedName(`remove-${name}`, DEAD)), "");
  writeFileSync(join(guards, flag), "");
  let isAnswered = false;
  const sent = send(page, [textFile("b.txt", "Juniper lanes.")]).finally(() => {
    isAnswered = true;
  });
  await expect.poll(() => readdirSync(guards).some((found) => found.startsWith("submit-"))).toBe(true);
  expect(isAnswered).toBe(false);
  rmSync(join(guards, flag));
  await server.milepost.batch((await sent).batchId).done();
  expect(await isFound(page, "juniper")).toBe(true);
});
