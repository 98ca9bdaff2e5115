import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { markedName } from "../../src/platform/process-mark.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { createServer } from "../../src/server/server.ts";
import { smallPicture } from "../support/make-images.ts";
import { openForTest, signal, temporaryFolder } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { PNG } from "./support/raw-form.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

const png = { name: "a.png", data: new Uint8Array(PNG) };
/** Everything is old at once, and the sweep comes at once. */
const HASTY = { retentionMs: 1, sweepEveryMs: 20 };
/** No number of an ordinary process. */
const DEAD = markedName("", { ...systemHost.self, pid: 4_194_999, birth: "1" }).slice(1);

function namesIn(files: string, folder: string): readonly string[] {
  return readdirSync(join(files, folder)).sort();
}

async function batchOf(page: Browser, fileIds: readonly string[]): Promise<string> {
  const answer = await page.post("/api/process-batch", { fileIds });
  return ((await answer.json()) as { batchId: string }).batchId;
}

test("finished batches of sessions go with their files, and uploads that nothing uses; what runs and what is an operator's stays", async () => {
  const milepost = await openForTest("sqlite");
  const begun = signal();
  const end = signal();
  const images = imagesPipeline();
  milepost.pipeline({
    ...images,
    handler: async (item, step) => {
      const { filename } = item.input as { filename: string };
      if (filename === "slow.png") {
        begun.give();
        await end.wait;
      }
      return images.handler?.(item, step);
    },
  });
  await milepost.work({ concurrency: 2 });
  const server = await startServer({ milepost });
  const picture = new Uint8Array(await smallPicture().png().toBuffer());
  const [page, operator] = [new Browser(server), new Browser({ fetch: server.operator })];
  const running = await batchOf(page, await page.uploaded([{ name: "slow.png", data: picture }]));
  await begun.wait;
  const finished = await batchOf(page, await page.uploaded([{ name: "fast.png", data: picture }]));
  const theirs = await batchOf(operator, await operator.uploaded([{ name: "theirs.png", data: picture }]));
  const library = await milepost.submit({ pipeline: "elsewhere", items: ["a"] });
  await library.batch.cancel();
  await page.upload([png]);
  await Promise.all([finished, theirs].map((id) => milepost.batch(id).done()));

  await startServer({ milepost, files: server.files, limits: HASTY });
  await expect.poll(() => namesIn(server.files, "batches"), { timeout: 20_000 }).toEqual([running, theirs].sort());
  expect((await page.fetch(`/api/batch-status/${finished}`)).status).toBe(404);
  await expect.poll(() => namesIn(server.files, "uploads").length, { timeout: 20_000 }).toBe(2);
  expect(await library.batch.snapshot()).toMatchObject({ status: "cancelled" });
  end.give();
  await expect.poll(() => namesIn(server.files, "batches"), { timeout: 20_000 }).toEqual([theirs]);
  const output = await operator.fetch(`/api/batches/${theirs}/outputs.zip`);
  expect(output.status).toBe(200);
  await milepost.batch(theirs).remove();
  await expect.poll(() => namesIn(server.files, "batches"), { timeout: 20_000 }).toEqual([]);
  await expect.poll(() => namesIn(server.files, "uploads"), { timeout: 20_000 }).toEqual([]);
});

test("a start removes what dead processes left, and only that", async () => {
  const milepost = await openForTest("memory");
  const files = temporaryFolder();
  const [mine, orphan] = [markedName(randomUUID()), randomUUID()];
  for (const folder of [
    `uploads/${randomUUID()}.${DEAD}`,
    `uploads/${mine}`,
    `batches/${randomUUID()}.${DEAD}`,
    `batches/${orphan}/in`,
    "batches/not-ours",
  ]) {
    mkdirSync(join(files, folder), { recursive: true });
    writeFileSync(join(files, folder, "data"), "x");
  }
  await using server = await createServer(milepost, { port: 0, token: TOKEN, files });
  await server.listen();
  expect(namesIn(files, "uploads")).toEqual([mine]);
  expect(namesIn(files, "batches")).toEqual(["not-ours"]);
});

test("a submission that was cut off half-way is finished if part of it was recorded, and removed if nothing was", async () => {
  const milepost = await openForTest("sqlite");
  const files = temporaryFolder();
  const page = async () => {
    const server = await startServer({ milepost, files });
    return new Browser({ fetch: server.operator });
  };
  const before = await page();
  const fileIds = await before.uploaded([png, png]);
  const known = await batchOf(before, fileIds);

  // As if the process had died after the first of two items, in both of the ways in which items come.
  const { batch, id } = await milepost.submit({ pipeline: "images", items: ["one"], seal: false });
  for (const [folder, items] of [
    [id, [{ key: "one" }, { key: "two" }]],
    [randomUUID(), [{ key: "never" }]],
    [known, [{ key: "late" }]],
  ] as const) {
    mkdirSync(join(files, "batches", folder, "in"), { recursive: true });
    // A file need not be called as its item is.
    const inputs = items.map(({ key }) => ({ name: `file-${key}.png`, key }));
    for (const { name } of inputs) writeFileSync(join(files, "batches", folder, "in", name), "x");
    const order = JSON.stringify({ id: folder, owner: "", pipeline: "images", items, inputs });
    writeFileSync(join(files, "batches", folder, `order.${DEAD}`), order);
  }
  await page();
  expect(await batch.snapshot()).toMatchObject({ isSealed: true, counts: { total: 2 } });
  expect(namesIn(files, "batches")).toEqual([known, id].sort());
  expect(namesIn(files, `batches/${id}/in`)).toEqual(["file-one.png", "file-two.png"]);
  expect(namesIn(files, `batches/${known}/in`)).toEqual(fileIds.map((fileId) => `${fileId}.png`).sort());
  expect(namesIn(files, `batches/${known}`)).toEqual(["in", "out"]);
  expect(existsSync(join(files, "batches", id, `order.${DEAD}`))).toBe(false);
});

test("a folder of another store is refused, and left as it is", async () => {
  const files = temporaryFolder();
  const first = await startServer({ store: "sqlite", files });
  const { id } = await first.milepost.submit({ pipeline: "work", items: ["a"] });
  const folder = join(files, "batches", id);
  mkdirSync(folder, { recursive: true });
  await first.close();
  await expect(startServer({ store: "sqlite", files })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(existsSync(folder)).toBe(true);
});
