import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { batchStatusAnswerSchema, type WireBatchStatus } from "../../src/wire/batch-status.ts";
import { STORES, temporaryFolder } from "../support/open-for-test.ts";
import { startServer } from "./support/start-server.ts";

async function read(answer: Response): Promise<WireBatchStatus> {
  expect(answer.status).toBe(200);
  return batchStatusAnswerSchema.strict().parse(await answer.json());
}

/** A batch of so many items that this test runs itself. */
async function trackedBatch(milepost: Milepost, items: number) {
  const tracker = await milepost.track();
  const keys = Array.from({ length: items }, (_, index) => `/photos/${index}.png`);
  const { batch, id } = await milepost.submit({ pipeline: "tracked", items: keys });
  return { tracker, batch, id, keys };
}

test.each(STORES)("each poll tells what was recorded before it: %s", async (store) => {
  const { milepost, operator } = await startServer({ store });
  const { tracker, batch, id, keys } = await trackedBatch(milepost, 40);
  let etag = "";
  for (const [index, key] of keys.entries()) {
    const item = await batch.item(key).snapshot();
    await tracker.start([item.id]);
    if (index % 4 === 3) await tracker.fail([item.id], new Error(`no ${index}`));
    else await tracker.complete([item.id]);
    const answer = await operator(`/api/batch-status/${id}`, { headers: { "if-none-match": etag } });
    const { progress, images } = await read(answer);
    expect(progress.processed).toBe(index + 1);
    expect(images.filter(({ status }) => status !== "pending")).toHaveLength(index + 1);
    etag = answer.headers.get("etag") ?? "";
    const again = await operator(`/api/batch-status/${id}`, { headers: { "if-none-match": `"x", W/${etag}` } });
    expect([again.status, again.headers.get("etag")]).toEqual([304, etag]);
  }
  const ended = await operator(`/api/batch-status/${id}`);
  expect(ended.headers.get("retry-after")).toBeNull();
  expect(ended.headers.get("cache-control")).toBe("private, no-cache");
  expect(await read(ended)).toMatchObject({
    status: "completed",
    progress: { total: 40, completed: 30, failed: 10, processed: 40, percent: 100 },
    estimate: null,
    completedAt: expect.any(String),
  });
});

test("images come by state and in pages; none where none are wanted", async () => {
  const { milepost, operator } = await startServer();
  const { tracker, batch, id, keys } = await trackedBatch(milepost, 25);
  const ids = await Promise.all(keys.map(async (key) => (await batch.item(key).snapshot()).id));
  await tracker.start(ids.slice(0, 12));
  for (const [index, itemId] of ids.slice(0, 10).entries()) {
    if (index < 4) await tracker.fail([itemId], new Error("broken"));
    else await tracker.complete([itemId]);
  }
  const of = async (query: string) => read(await operator(`/api/batch-status/${id}?${query}`));
  expect((await of("images=none")).images).toEqual([]);
  expect((await of("images=failed")).images).toEqual(
    [0, 1, 2, 3].map((index) => ({ id: ids[index], filename: `${index}.png`, status: "failed", error: "broken" })),
  );
  expect((await of("images=completed")).images).toHaveLength(6);
  expect((await of("images=processing")).images).toEqual(
    [10, 11].map((index) => ({ id: ids[index], filename: `${index}.png`, status: "processing", progress: 0 })),
  );
  expect((await of("images=pending")).images).toHaveLength(13);
  expect((await of("images=cancelled")).images).toEqual([]);

  const paged: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: WireBatchStatus = await of(`limit=10${cursor === "" ? "" : `&cursor=${cursor}`}`);
    paged.push(...page.images.map((image) => image.id));
    cursor = page.nextCursor;
  }
  expect(paged).toEqual(ids);
});

test("what cannot be meant is malformed, whoever's the batch is (rows 42 to 45, 51 to 54)", async () => {
  const { milepost, operator, fetch } = await startServer();
  const { id } = await milepost.submit({ pipeline: "nothing", items: ["a"] });
  const other = await milepost.submit({ pipeline: "nothing", items: ["a"] });
  const foreign = (await other.batch.item("a").snapshot()).id;
  const queries = [
    ...[
      "limit=0",
      "limit=-1",
      "limit=1e9",
      "limit=abc",
      "limit=1&limit=2",
      "limit=1001",
      "images=__proto__",
      "images=",
    ],
    ...["cursor=x", `cursor=${foreign}`, `cursor=${crypto.randomUUID()}`, "cursor=", "images=all&images=none"],
  ];
  for (const query of queries) {
    const answers = await Promise.all(
      [id, crypto.randomUUID()].map((of) => operator(`/api/batch-status/${of}?${query}`)),
    );
    expect([query, ...answers.map(({ status }) => status)]).toEqual([query, 400, 400]);
  }
  for (const malformed of ["__proto__", "' OR '1'='1", "*", "..%2f", "%00", "%c0%ae", "x".repeat(100)]) {
    const { status } = await operator(`/api/batch-status/${malformed}`);
    expect([malformed, [400, 404].includes(status)]).toEqual([malformed, true]);
  }
  const [nobodys, absent] = await Promise.all([
    fetch(`/api/batch-status/${id}`),
    fetch(`/api/batch-status/${crypto.randomUUID()}`),
  ]);
  expect([nobodys.status, absent.status]).toEqual([404, 404]);
  expect(await nobodys.text()).toBe(await absent.text());
  expect((await operator(`/api/batch-status/${id.toUpperCase()}`)).status).toBe(200);
});

test("a removed batch is not there any more, at the next poll", async () => {
  const { milepost, operator } = await startServer({ store: "sqlite" });
  const { id, batch } = await milepost.submit({ pipeline: "nothing", items: ["a"] });
  expect((await operator(`/api/batch-status/${id}`)).status).toBe(200);
  await batch.cancel();
  expect(await read(await operator(`/api/batch-status/${id}`))).toMatchObject({ status: "cancelled" });
  await batch.remove();
  expect((await operator(`/api/batch-status/${id}`)).status).toBe(404);
});

test("what another process records is seen as soon as the store tells of it", async () => {
  const path = join(temporaryFolder(), "work.db");
  const milepost = await openMilepost(path, { logger: SILENT });
  const elsewhere = await openMilepost(path, { logger: SILENT });
  onTestFinished(async () => {
    await Promise.all([milepost.close(), elsewhere.close()]);
  });
  const { operator } = await startServer({ milepost });
  const { tracker, batch, id, keys } = await trackedBatch(elsewhere, 3);
  const statusNow = async () => (await read(await operator(`/api/batch-status/${id}?images=none`))).progress.completed;
  expect(await statusNow()).toBe(0);
  for (const [index, key] of keys.entries()) {
    await tracker.complete([(await batch.item(key).snapshot()).id]);
    await expect.poll(statusNow, { interval: 5, timeout: 1_000 }).toBe(index + 1);
  }
});

test("while work goes on there is a range of time left, in round seconds", async () => {
  const { milepost, operator } = await startServer();
  milepost.pipeline("steady", async (_item, step) => {
    step.stage("draw");
    for (let done = 0; done <= 10 && !step.signal.aborted; done++) {
      step.progress(done, 10);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  const { id } = await milepost.submit({
    pipeline: "steady",
    items: Array.from({ length: 400 }, (_, index) => `${index}`),
  });
  await milepost.work({ concurrency: 4 });
  const seen: WireBatchStatus[] = [];
  await expect
    .poll(
      async () => {
        seen.push(await read(await operator(`/api/batch-status/${id}`)));
        return seen.at(-1)?.estimate ?? null;
      },
      { timeout: 30_000, interval: 20 },
    )
    .not.toBeNull();
  const { estimate, estimatedTimeRemaining, images } = seen.at(-1) as WireBatchStatus;
  expect(estimatedTimeRemaining).toBe(estimate?.median);
  for (const seconds of Object.values(estimate ?? {})) expect(Number.isInteger(seconds) && seconds >= 1).toBe(true);
  expect(
    images
      .filter(({ status }) => status === "processing")
      .every(({ stage }) => stage === "draw" || stage === undefined),
  ).toBe(true);
  await milepost.batch(id).pause();
  const paused = await read(await operator(`/api/batch-status/${id}`));
  expect([paused.status, paused.estimate]).toEqual(["paused", null]);
});
