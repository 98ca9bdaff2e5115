import { readdirSync, readlinkSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import type { WireBatchStatus } from "../../src/wire/batch-status.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { smallPicture } from "../support/make-images.ts";
import { Browser, type FormFile } from "./support/browser.ts";
import { startServer } from "./support/start-server.ts";

/** A batch of files of these names that has ended, and where its outputs are. */
async function madeOf(names: readonly string[], content?: Buffer) {
  const server = await startServer();
  server.milepost.pipeline(imagesPipeline());
  await server.milepost.work({ concurrency: 2 });
  const page = new Browser(server);
  const data = new Uint8Array(content ?? (await smallPicture().png().toBuffer()));
  const fileIds = await page.uploaded(names.map((name): FormFile => ({ name, data })));
  const accepted = await page.post("/api/process-batch", { fileIds, options: { format: "webp" } });
  const { batchId } = (await accepted.json()) as { batchId: string };
  await server.milepost.batch(batchId).done();
  const status = (await (await page.fetch(`/api/batch-status/${batchId}`)).json()) as WireBatchStatus;
  const urls = status.images.map(({ id }) => `/api/batches/${batchId}/items/${id}/output`);
  return { server, page, batchId, status, urls, out: join(server.files, "batches", batchId, "out") };
}

/** Files below `folder` that this process has open. */
function openFilesIn(folder: string): readonly string[] {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return links.filter((path) => path.startsWith(folder));
}

test("a name leaves its header nowhere, and reaches those who can read it whole (rows 67 to 69)", async () => {
  const names = ["写真 ☀.png", `a "b"; filename="c.html".png`, "100%.png", "<script>.png", "é'()*.png"];
  const { page, urls } = await madeOf(names);
  for (const [index, url] of urls.entries()) {
    const answer = await page.fetch(url);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/webp"]);
    await answer.arrayBuffer();
    const disposition = answer.headers.get("content-disposition") ?? "";
    const [, plain, encoded = ""] =
      /^attachment; filename="([^"]*)"; filename\*=UTF-8''([\w.!#$&+^`|~%-]+)$/.exec(disposition) ?? [];
    expect(plain).toMatch(/^[\x20-\x7e]+\.webp$/);
    expect(decodeURIComponent(encoded)).toBe((names[index] ?? "").replace(/png$/, "webp"));
  }
});

test("a part of an output, a known one, and what cannot be met", async () => {
  const { page, urls, out } = await madeOf(["a.png"]);
  const [url = ""] = urls;
  const [file = ""] = readdirSync(out);
  writeFileSync(join(out, file), "0123456789");
  const get = async (headers: Record<string, string>) => {
    const answer = await page.fetch(url, { headers });
    return [answer.status, await answer.text(), answer.headers.get("content-range")];
  };
  const etag = (await page.fetch(url)).headers.get("etag") ?? "";
  expect(await get({})).toEqual([200, "0123456789", null]);
  expect(await get({ range: "bytes=2-4" })).toEqual([206, "234", "bytes 2-4/10"]);
  expect(await get({ range: "bytes=8-" })).toEqual([206, "89", "bytes 8-9/10"]);
  expect(await get({ range: "bytes=-3" })).toEqual([206, "789", "bytes 7-9/10"]);
  expect(await get({ range: "bytes=0-99", "if-range": etag })).toEqual([206, "0123456789", "bytes 0-9/10"]);
  for (const range of ["bytes=4-2", "bytes=0-1,3-4", "bytes=-", "bytes=a-b", "items=0-1"]) {
    expect([range, ...(await get({ range }))]).toEqual([range, 200, "0123456789", null]);
  }
  for (const range of ["bytes=10-", "bytes=10-12", "bytes=-0"]) {
    const answer = await page.fetch(url, { headers: { range } });
    const headers = ["content-range", "content-type", "cache-control", "content-disposition"].map((name) =>
      answer.headers.get(name),
    );
    expect([range, answer.status, ...headers]).toEqual([
      range,
      416,
      "bytes */10",
      "application/problem+json; charset=utf-8",
      "no-store",
      null,
    ]);
    expect(problemSchema.parse(await answer.json()).type).toBe("/problems/range");
  }
  expect(await get({ range: "bytes=10-", "if-range": '"other"' })).toEqual([200, "0123456789", null]);
  expect(await get({ range: "bytes=2-4", "if-range": '"other"' })).toEqual([200, "0123456789", null]);
  expect(await get({ "if-none-match": etag })).toEqual([304, "", null]);
  const head = await page.fetch(url, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "10", ""]);
  const ranged = await page.fetch(url, { method: "HEAD", headers: { range: "bytes=10-" } });
  expect([ranged.status, ranged.headers.get("content-length")]).toEqual([200, "10"]);
  writeFileSync(join(out, file), "");
  expect(await get({ range: "bytes=-3" })).toEqual([200, "", null]);
  expect(await get({ range: "bytes=0-" })).toEqual([416, expect.stringContaining("/problems/range"), "bytes */0"]);
});

test("only what the batch made is ever sent", async () => {
  const { server, page, batchId, urls, out } = await madeOf(["a.png"]);
  const [file = ""] = readdirSync(out);
  const secret = join(server.files, "secret");
  // Work from elsewhere may say that it made any file.
  const { milepost } = server;
  const tracker = await milepost.track();
  const { batch, id } = await milepost.submit({ pipeline: "elsewhere", items: ["a", "b", "c"] });
  const outputs = [secret, join(out, "..", "..", "..", "secret"), `${out}-not`];
  for (const [index, path] of outputs.entries()) {
    const item = (await batch.item(["a", "b", "c"][index] ?? "").snapshot()).id;
    await tracker.complete([item], { path, format: "png" });
    expect((await server.operator(`/api/batches/${id}/items/${item}/output`)).status).toBe(404);
  }
  expect((await server.operator(`/api/batches/${id}/outputs.zip`)).status).toBe(404);
  expect((await page.fetch(`/api/batches/${batchId}/items/${crypto.randomUUID()}/output`)).status).toBe(404);
  expect((await page.fetch(`/api/batches/${batchId}/items/..%2f/output`)).status).toBe(400);

  rmSync(join(out, file));
  symlinkSync(secret, join(out, file));
  const [url = ""] = urls;
  expect((await page.fetch(url)).status).toBe(404);
  rmSync(join(out, file));
  expect((await page.fetch(url)).status).toBe(404);
  expect((await page.fetch(`/api/batches/${batchId}/outputs.zip`)).status).toBe(404);
});

test("names in an archive are unique, whatever their case, and fit for any system (row 72)", async () => {
  const { page, batchId } = await madeOf([
    "a.png",
    "A.png",
    "a-2.png",
    "a.jpg",
    "CON.png",
    "nul",
    'x:"?.png',
    "a/b.png",
  ]);
  const zip = Buffer.from(await (await page.fetch(`/api/batches/${batchId}/outputs.zip`)).arrayBuffer());
  const names: string[] = [];
  for (let at = zip.indexOf("PK\x01\x02", 0, "latin1"); at >= 0; at = zip.indexOf("PK\x01\x02", at + 4, "latin1")) {
    names.push(zip.toString("utf8", at + 46, at + 46 + zip.readUInt16LE(at + 28)));
  }
  expect(names).toEqual([
    "a.webp",
    "A-2.webp",
    "a-2-2.webp",
    "a-3.webp",
    "_CON.webp",
    "_nul.webp",
    "x___.webp",
    "b.webp",
  ]);
});

test.skipIf(process.platform !== "linux")("who asks for the head of a file has nothing of it read", async () => {
  const { page, urls, out } = await madeOf(["a.png"]);
  for (const name of readdirSync(out)) truncateSync(join(out, name), 2 ** 36);
  const head = await page.fetch(urls[0] ?? "", { method: "HEAD" });
  expect([head.status, head.headers.get("content-length")]).toEqual([200, String(2 ** 36)]);
  expect(openFilesIn(out)).toEqual([]);
});

test.skipIf(process.platform !== "linux")("who leaves in the middle of a download leaves no file open", async () => {
  const { server, page, batchId, urls, out } = await madeOf(["a.png", "b.png", "c.png"]);
  for (const name of readdirSync(out)) writeFileSync(join(out, name), Buffer.alloc(20_000_000));
  const { hostname, port, host } = new URL(server.url);
  for (const path of [urls[0] ?? "", `/api/batches/${batchId}/outputs.zip`]) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connect(Number(port), hostname).on("error", () => {});
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${page.cookie}\r\n\r\n`);
        const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
        expect(first.toString("latin1")).toMatch(/^HTTP\/1\.1 200/);
        socket.destroy();
      }),
    );
  }
  await expect.poll(() => openFilesIn(out), { timeout: 10_000 }).toEqual([]);
});
