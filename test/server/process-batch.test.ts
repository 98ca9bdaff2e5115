import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { pipelinesSchema } from "../../src/wire/pipelines.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { batchAcceptedSchema } from "../../src/wire/process-batch.ts";
import { smallPicture } from "../support/make-images.ts";
import { Browser } from "./support/browser.ts";
import { PNG } from "./support/raw-form.ts";
import { startServer } from "./support/start-server.ts";

const png = (name: string) => ({ name, data: new Uint8Array(PNG) });

async function pageWith(files: number, limits: Record<string, number> = {}) {
  const server = await startServer({ limits });
  server.milepost.pipeline(imagesPipeline());
  const page = new Browser(server);
  const fileIds =
    files === 0 ? [] : await page.uploaded(Array.from({ length: files }, (_, index) => png(`${index}.png`)));
  return { server, page, fileIds };
}

async function accepted(answer: Response): Promise<string> {
  expect([answer.status, answer.status === 202 ? "" : await answer.clone().text()]).toEqual([202, ""]);
  return batchAcceptedSchema.parse(await answer.json()).batchId;
}

test("a batch is made of one's uploads, with second names for their content", async () => {
  const { server, page, fileIds } = await pageWith(3);
  const batchId = await accepted(
    await page.post("/api/process-batch", {
      fileIds,
      pipeline: "images",
      options: { width: 100, height: null, fit: "cover", withoutEnlargement: false, format: "jpeg", quality: 50 },
      name: "Ferien ☀",
      priority: "high",
    }),
  );
  const batch = server.milepost.batch(batchId);
  expect(await batch.snapshot()).toMatchObject({
    name: "Ferien ☀",
    owner: expect.stringMatching(/^session:/),
    priority: -10,
    isSealed: true,
    counts: { total: 3, pending: 3 },
    options: {
      out: join(server.files, "batches", batchId, "out"),
      width: 100,
      fit: "cover",
      nameTemplate: "{name}.{ext}",
    },
  });
  const folder = join(server.files, "batches", batchId);
  expect(readdirSync(folder).sort()).toEqual(["in", "out"]);
  expect(readdirSync(join(folder, "in")).sort()).toEqual(fileIds.map((id) => `${id}.png`).sort());
  for (const fileId of fileIds)
    expect((await page.fetch(`/api/uploads/${fileId}`, { method: "DELETE" })).status).toBe(204);
  expect(readdirSync(join(folder, "in"))).toHaveLength(3);
});

test("a file that is given twice is one item, and said to be (row 26)", async () => {
  const { server, page, fileIds } = await pageWith(2);
  const [one, two] = fileIds;
  const answer = await page.post("/api/process-batch", { fileIds: [one, two, one, one] });
  expect(answer.status).toBe(202);
  const { batchId, verdicts } = batchAcceptedSchema.parse(await answer.json());
  expect(verdicts).toEqual([one, one].map((fileId) => ({ fileId, verdict: "duplicate" })));
  expect(await server.milepost.batch(batchId).snapshot()).toMatchObject({ counts: { total: 2 } });
});

test("the same name adds to the same batch, at once or one after the other; other options are refused", async () => {
  const { server, page, fileIds } = await pageWith(4, { filesPerBatch: 4 });
  const add = (files: readonly (string | undefined)[], more: object = {}): Promise<Response> =>
    page.post("/api/process-batch", { fileIds: files, name: "one", ...more });
  const ids = await Promise.all(fileIds.slice(0, 3).map(async (fileId) => accepted(await add([fileId]))));
  expect(new Set(ids).size).toBe(1);
  const grown = batchAcceptedSchema.parse(await (await add(fileIds, { options: {} })).json());
  const verdicts = fileIds.slice(0, 3).map((fileId) => ({ fileId, verdict: "known" }));
  expect(grown).toEqual({ batchId: ids[0], verdicts });
  expect(await accepted(await add(fileIds))).toBe(ids[0]);
  expect(await server.milepost.batch(ids[0] ?? "").snapshot()).toMatchObject({ isSealed: true, counts: { total: 4 } });
  expect((await add(fileIds, { options: { width: 7 } })).status).toBe(409);
  const [fifth] = await page.uploaded([png("5.png")]);
  expect((await add([fifth])).status).toBe(422);
  expect(readdirSync(join(server.files, "batches"))).toEqual([ids[0]]);

  const other = new Browser(server);
  const theirs = await other.uploaded([png("a.png")]);
  expect(await accepted(await other.post("/api/process-batch", { fileIds: theirs, name: "one" }))).not.toBe(ids[0]);
});

test("a session may take so many files and no more; the operator as many as there are (row 24)", async () => {
  const { server, page, fileIds } = await pageWith(3, { filesPerBatch: 2 });
  expect((await page.post("/api/process-batch", { fileIds })).status).toBe(422);
  await accepted(await page.post("/api/process-batch", { fileIds: fileIds.slice(1) }));
  const operator = new Browser({ fetch: server.operator });
  const theirs = await operator.uploaded([png("a.png"), png("b.png"), png("c.png")]);
  const batchId = await accepted(await operator.post("/api/process-batch", { fileIds: theirs }));
  expect(await server.milepost.batch(batchId).snapshot()).toMatchObject({ owner: "", counts: { total: 3 } });
  expect((await operator.post("/api/process-batch", { fileIds })).status).toBe(404);
});

test("while too much waits, sessions are refused more and told when to come back; the operator is not", async () => {
  const { server, page, fileIds } = await pageWith(1, { waitingItems: 2 });
  await server.milepost.submit({ pipeline: "outside", items: ["a", "b"] });
  const refused = await page.post("/api/process-batch", { fileIds });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"]);
  const operator = new Browser({ fetch: server.operator });
  await accepted(await operator.post("/api/process-batch", { fileIds: await operator.uploaded([png("a.png")]) }));
  expect(readdirSync(join(server.files, "uploads"))).toContain(fileIds[0]);
});

test("what is no order is refused and leaves nothing (rows 23 to 33, 38, 39)", async () => {
  const { server, page, fileIds } = await pageWith(1);
  const id = crypto.randomUUID();
  const refused: readonly [object, number][] = [
    [{}, 422],
    [{ fileIds: null }, 422],
    [{ fileIds: [] }, 422],
    [{ fileIds: "x" }, 422],
    [{ fileIds: { length: 1 } }, 422],
    [{ fileIds: [null] }, 422],
    [{ fileIds: [0] }, 422],
    [{ fileIds: [[id]] }, 422],
    [{ fileIds: [{ $ne: null }] }, 422],
    [{ fileIds: ["../../etc/passwd"] }, 422],
    [{ fileIds: ["http://169.254.169.254"] }, 422],
    [{ fileIds: ["file:///etc/passwd"] }, 422],
    [{ fileIds: [`${id}\0`] }, 422],
    [{ fileIds: ["\ud800"] }, 422],
    [{ fileIds: [id] }, 404],
    [{ fileIds: [fileIds[0], id] }, 404],
    [{ fileIds, status: "completed" }, 422],
    [{ fileIds, ownerId: "x" }, 422],
    [{ fileIds, options: [] }, 422],
    [{ fileIds, options: { out: "/tmp" } }, 422],
    [{ fileIds, options: { nameTemplate: "../{name}" } }, 422],
    [{ fileIds, options: { width: 0 } }, 422],
    [{ fileIds, options: { width: 1.5 } }, 422],
    [{ fileIds, options: { width: 10_000, height: 10_000 } }, 422],
    [{ fileIds, options: { format: "svg" } }, 422],
    [{ fileIds, options: { quality: 101 } }, 422],
    [{ fileIds, pipeline: "command" }, 422],
    [{ fileIds, pipeline: "__proto__" }, 422],
    ...["highest", 1.5, 1e308, [1], true].map((priority): [object, number] => [{ fileIds, priority }, 422]),
    ...["", "x".repeat(10_240), "a\r\nb", "a\0", "\ud800", {}, id].map((name): [object, number] => [
      { fileIds, name },
      422,
    ]),
  ];
  for (const [body, status] of refused) {
    const answer = await page.post("/api/process-batch", body);
    expect([body, answer.status]).toEqual([body, status]);
    problemSchema.parse(await answer.json());
  }
  expect((await page.fetch("/api/process-batch", { method: "POST" })).status).toBeGreaterThanOrEqual(400);
  expect(readdirSync(join(server.files, "batches"))).toEqual([]);
  expect((await server.milepost.batches()).batches).toEqual([]);
});

test("a session that has all that it may have gets no more batches", async () => {
  const { server, page } = await pageWith(0, { sessionBytes: 6_000 });
  await server.milepost.work({ concurrency: 1 });
  const picture = { name: "a.png", data: new Uint8Array(await smallPicture().png().toBuffer()) };
  const fileIds = await page.uploaded([picture]);
  const order = { fileIds, options: { width: 1_000, withoutEnlargement: false, format: "png" } };
  await server.milepost.batch(await accepted(await page.post("/api/process-batch", order))).done();
  const answers = await Promise.all([page.post("/api/process-batch", order), page.upload([picture])]);
  for (const answer of answers)
    expect([answer.status, problemSchema.parse(await answer.json()).type]).toEqual([413, "/problems/too-large"]);
});

test("everybody may read what can be done with uploads", async () => {
  const server = await startServer();
  const { pipelines } = pipelinesSchema.parse(await (await server.fetch("/api/pipelines")).json());
  expect(pipelines).toMatchObject([
    {
      name: "images",
      stages: ["decode", "transform", "write"],
      accepts: ["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff"],
      options: { type: "object", additionalProperties: false },
    },
    {
      name: "karaoke",
      stages: ["preparing", "rendering", "encoding", "finalizing"],
      accepts: expect.arrayContaining(["application/json", "text/x-lrc", "audio/mpeg", "video/mp4", "image/png"]),
      options: { type: "object", additionalProperties: false },
    },
    {
      name: "documents",
      stages: ["parsing", "embedding_visual", "embedding_text", "storing"],
      accepts: expect.arrayContaining(["application/pdf", "text/html", "text/markdown", "text/plain"]),
      options: { type: "object", additionalProperties: false },
    },
  ]);
  expect(existsSync(join(server.files, "uploads"))).toBe(true);
});

test("with an Idempotency-Key the same request makes one batch, however often it is sent", async () => {
  const { server, page, fileIds } = await pageWith(2);
  const body = { fileIds: [...fileIds, ...fileIds], options: { width: 10 } };
  const key = { "idempotency-key": "the first try" };
  const answers = await Promise.all([1, 2, 3].map(() => page.post("/api/process-batch", body, key)));
  // Of those that came while the first was under way, each is told so.
  expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409]);
  const first = answers.find(({ status }) => status === 202);
  const text = (await first?.text()) ?? "";
  const again = await page.post("/api/process-batch", body, key);
  expect([again.status, await again.text()]).toEqual([202, text]);
  expect(again.headers.get("location")).toBe(first?.headers.get("location"));
  const other = await page.post("/api/process-batch", { ...body, options: { width: 11 } }, key);
  expect([other.status, problemSchema.parse(await other.json()).type]).toEqual([422, "/problems/validation"]);
  const empty = await page.post("/api/process-batch", body, { "idempotency-key": "" });
  expect(empty.status).toBe(400);
  const { batches } = await server.milepost.batches();
  expect(batches.length).toBe(1);
  expect(readdirSync(join(server.files, "batches"))).toEqual([batches[0]?.id]);
});
