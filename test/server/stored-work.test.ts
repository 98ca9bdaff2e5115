import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { openS3Storage, type S3Storage } from "../../src/server/files/storage/s3-storage.ts";
import { storedPipeline } from "../../src/server/files/storage/stored-pipeline.ts";
import type { WireBatchStatus } from "../../src/wire/batch-status.ts";
import { smallPicture } from "../support/make-images.ts";
import { openForTest, temporaryFolder } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { startS3 } from "./support/s3-server.ts";
import { startServer } from "./support/start-server.ts";

async function keysOf(storage: S3Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const page of storage.list("")) keys.push(...page);
  return keys.sort();
}

test("a worker that does not see the server's folder fetches inputs from S3 and sends outputs there", async () => {
  const s3 = await startS3();
  const storage = await openS3Storage(s3.location("cluster"));
  onTestFinished(async () => {
    storage.close();
    await s3.stop();
  });
  const milepost = await openForTest("sqlite");
  const server = await startServer({ milepost, storage: s3.location("cluster"), limits: { sweepEveryMs: 20 } });
  const page = new Browser(server);
  const data = new Uint8Array(await smallPicture().png().toBuffer());
  const fileIds = await page.uploaded([
    { name: "a.png", data },
    { name: "b.png", data },
  ]);
  const accepted = await page.post("/api/process-batch", { fileIds, options: { format: "webp" } });
  const { batchId } = (await accepted.json()) as { batchId: string };
  const inputs = fileIds.map((id) => `${batchId}/in/${id}.png`);
  expect(await keysOf(storage)).toEqual(inputs.toSorted());

  const temporary = temporaryFolder();
  vi.stubEnv("TMPDIR", temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  milepost.pipeline(storedPipeline(imagesPipeline(), storage, () => false));
  await milepost.work({ concurrency: 2 });
  expect(await milepost.batch(batchId).done()).toMatchObject({ outcome: "success" });
  const outputs = fileIds.map((id) => `${batchId}/out/${id}.webp`);
  expect(await keysOf(storage)).toEqual([...inputs, ...outputs].sort());
  expect(readdirSync(join(server.files, "batches", batchId, "out"))).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);

  const status = (await (await page.fetch(`/api/batch-status/${batchId}`)).json()) as WireBatchStatus;
  const url = `/api/batches/${batchId}/items/${status.images[0]?.id}/output`;
  const whole = await page.fetch(url);
  const bytes = Buffer.from(await whole.arrayBuffer());
  expect([whole.status, whole.headers.get("content-type")]).toEqual([200, "image/webp"]);
  expect(bytes.subarray(8, 12).toString("latin1")).toBe("WEBP");
  const part = await page.fetch(url, { headers: { range: "bytes=8-11" } });
  expect([part.status, await part.text()]).toEqual([206, "WEBP"]);
  const etag = whole.headers.get("etag") ?? "";
  expect((await page.fetch(url, { headers: { "if-none-match": etag } })).status).toBe(304);
  const zip = Buffer.from(await (await page.fetch(`/api/batches/${batchId}/outputs.zip`)).arrayBuffer());
  expect(zip.includes("a.webp") && zip.includes("b.webp") && zip.includes(bytes)).toBe(true);

  await milepost.batch(batchId).remove();
  await expect.poll(() => keysOf(storage), { timeout: 20_000 }).toEqual([]);
});

test("work that is no server's, and inputs that are seen, are done where they lie; what is nowhere fails for good", async () => {
  const seen: unknown[] = [];
  const storage = { location: "s3://none/", open: async () => null } as unknown as S3Storage;
  const definition = { name: "p", handler: ({ input }: { readonly input: unknown }) => void seen.push(input) };
  const milepost = await openForTest("memory");
  milepost.pipeline(storedPipeline(definition, storage, (path) => path.startsWith("/here")));
  const id = "00000000-0000-7000-8000-000000000000";
  const inputs = {
    own: { source: "/data/a.png", output: "/data/b.png" },
    seen: { source: `/here/batches/${id}/in/a.png`, output: `/here/batches/${id}/out/a.png` },
    gone: { source: `/far/batches/${id}/in/a.png`, output: `/far/batches/${id}/out/a.png` },
  };
  const items = Object.entries(inputs).map(([key, input]) => ({ key, input }));
  const { batch } = await milepost.submit({ pipeline: "p", items });
  await milepost.work();
  expect((await batch.done()).counts).toMatchObject({ completed: 2, failed: 1 });
  expect(seen).toEqual([inputs.own, inputs.seen]);
  expect(await batch.item("gone").snapshot()).toMatchObject({ error: { code: "INPUT_MISSING" }, attempts: 1 });
  expect(existsSync("/far")).toBe(false);
});
