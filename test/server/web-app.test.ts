import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { expect, test } from "vitest";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { batchStatusAnswerSchema, type WireBatchStatus } from "../../src/wire/batch-status.ts";
import { makeImages } from "../support/make-images.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { Browser, type FormFile } from "./support/browser.ts";
import { startServer } from "./support/start-server.ts";

/** Polls as a browser does: with the ETag it has, until the batch has ended. */
async function pollToEnd(browser: Browser, url: string): Promise<WireBatchStatus> {
  let etag = "";
  for (;;) {
    const answer = await browser.fetch(url, etag === "" ? {} : { headers: { "if-none-match": etag } });
    if (answer.status === 304) {
      expect(await answer.text()).toBe("");
      continue;
    }
    expect(answer.status).toBe(200);
    etag = answer.headers.get("etag") ?? "";
    const status = batchStatusAnswerSchema.strict().parse(await answer.json());
    const { total, completed, failed, processing, pending, cancelled, processed } = status.progress;
    expect(completed + failed + processing + pending + cancelled).toBe(total);
    expect(processed).toBe(completed + failed + cancelled);
    if (status.completedAt !== null) return status;
    expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  }
}

/** The files of a ZIP whose entries are stored as they are, by name; their checksums are checked. */
function unzip(data: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = data.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = data.readUInt32LE(end + 16);
  for (let left = data.readUInt16LE(end + 10); left > 0; left--) {
    const [bytes, nameLength] = [data.readUInt32LE(at + 24), data.readUInt16LE(at + 28)];
    const name = data.toString("utf8", at + 46, at + 46 + nameLength);
    const local = data.readUInt32LE(at + 42);
    const start = local + 30 + data.readUInt16LE(local + 26) + data.readUInt16LE(local + 28);
    const content = data.subarray(start, start + bytes);
    expect(crc32(content)).toBe(data.readUInt32LE(at + 16));
    files.set(name, content);
    at += 46 + nameLength + data.readUInt16LE(at + 30) + data.readUInt16LE(at + 32);
  }
  return files;
}

test("a page uploads three photos, has them processed, follows them and downloads what was made", async () => {
  const server = await startServer({ store: "sqlite" });
  server.milepost.pipeline(imagesPipeline());
  await server.milepost.work({ concurrency: 2 });
  const { paths } = await makeImages(temporaryFolder(), { count: 3, maxMpx: 0.4, seed: 5 });
  const photos: readonly FormFile[] = paths.map((path) => ({
    name: basename(path),
    data: new Uint8Array(readFileSync(path)),
  }));
  const page = new Browser(server);
  const fileIds = await page.uploaded(photos);

  const accepted = await page.post("/api/process-batch", { fileIds, options: { width: 200, format: "webp" } });
  expect(accepted.status).toBe(202);
  const { batchId } = (await accepted.json()) as { batchId: string };
  const location = accepted.headers.get("location") ?? "";
  expect(location).toBe(`/api/batch-status/${batchId}`);

  const status = await pollToEnd(page, location);
  expect(status).toMatchObject({
    batchId,
    status: "completed",
    progress: {
      total: 3,
      completed: 3,
      failed: 0,
      processing: 0,
      pending: 0,
      cancelled: 0,
      processed: 3,
      percent: 100,
    },
    nextCursor: null,
    estimatedTimeRemaining: null,
    estimate: null,
  });
  expect(status.images.map(({ id: _id, ...image }) => image)).toEqual(
    photos.map(({ name }) => ({ filename: name, status: "completed" })),
  );

  const outputs = new Map<string, Buffer>();
  for (const { id, filename } of status.images) {
    const answer = await page.fetch(`/api/batches/${batchId}/items/${id}/output`);
    expect(answer.status).toBe(200);
    const name = filename.replace(/\.\w+$/, ".webp");
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "image/webp",
      "content-disposition": `attachment; filename="${name}"; filename*=UTF-8''${name}`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
    });
    outputs.set(name, Buffer.from(await answer.arrayBuffer()));
  }
  for (const content of outputs.values()) {
    expect(await sharp(content).metadata()).toMatchObject({ format: "webp", width: 200 });
  }
  const zip = await page.fetch(`/api/batches/${batchId}/outputs.zip`);
  expect([zip.status, zip.headers.get("content-type")]).toEqual([200, "application/zip"]);
  expect(unzip(Buffer.from(await zip.arrayBuffer()))).toEqual(outputs);

  const [item] = status.images;
  const paths404 = [
    `/api/batch-status/${batchId}`,
    `/api/batch-status/${batchId}?images=none`,
    `/api/batches/${batchId}`,
    `/api/batches/${batchId}/items/${item?.id}/output`,
    `/api/batches/${batchId}/outputs.zip`,
  ];
  const other = new Browser(server);
  await other.uploaded([{ name: "own.jpg", data: photos[0]?.data ?? new Uint8Array() }]);
  const absent = await other.fetch(`/api/batch-status/${crypto.randomUUID()}`);
  for (const path of paths404) {
    for (const caller of [other, new Browser(server)]) {
      const answer = await caller.fetch(path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(await answer.json()).toMatchObject({ type: "/problems/not-found" });
    }
  }
  expect(await (await other.fetch(`/api/batch-status/${batchId}`)).text()).toBe(await absent.text());
  const stolen = await other.post("/api/process-batch", { fileIds });
  const unknown = await other.post("/api/process-batch", { fileIds: [crypto.randomUUID()] });
  expect([stolen.status, unknown.status]).toEqual([404, 404]);
  expect(await stolen.text()).toBe(await unknown.text());
});
