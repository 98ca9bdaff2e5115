import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  DOCUMENT_TRANSITIONS,
  type DocumentDetails,
  DocumentState,
  type DocumentStatus,
  documentProgress,
  type Milepost,
  openMilepost,
  StatusManager,
} from "../../src/index.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { documentStatusJsonSchema, documentStatusSchema } from "../../src/views/document-status.ts";
import { ManualTime } from "../support/manual-time.ts";
import { openForTest, STORES, signal, temporaryFolder } from "../support/open-for-test.ts";

const STATES = Object.values(DocumentState);

/** The shortest way from `queued` to each state. */
const WAYS: Readonly<Record<DocumentState, readonly DocumentState[]>> = {
  queued: [],
  parsing: ["parsing"],
  embedding_visual: ["parsing", "embedding_visual"],
  embedding_text: ["parsing", "embedding_text"],
  storing: ["parsing", "embedding_text", "storing"],
  completed: ["parsing", "embedding_text", "storing", "completed"],
  failed: ["failed"],
};

/** As the contract has it, written out once more by hand. */
const ALLOWED: Readonly<Record<DocumentState, string>> = {
  queued: "queued parsing failed",
  parsing: "parsing embedding_visual embedding_text failed",
  embedding_visual: "embedding_visual embedding_text failed",
  embedding_text: "embedding_text storing failed",
  storing: "storing completed failed",
  completed: "",
  failed: "",
};

function managerOver(milepost: Milepost): StatusManager {
  const manager = new StatusManager(milepost);
  onTestFinished(() => manager.close());
  return manager;
}

async function createIn(manager: StatusManager, docId: string, state: DocumentState): Promise<void> {
  await manager.createStatus(docId, `${docId}.pdf`, {});
  for (const next of WAYS[state]) await manager.updateStatus(docId, next, 0.25);
}

describe.each(STORES)("StatusManager on %s", (store) => {
  test("tells of a document from its creation to its end", async () => {
    const time = new ManualTime();
    const milepost = await openForTest(store, { clock: time.clock });
    const manager = managerOver(milepost);
    const startedAt = new Date(time.clock.now());
    const created = await manager.createStatus("doc", "report.pdf", { author: "Ada", tags: ["a", 1, null] });
    expect(created).toEqual({
      docId: "doc",
      filename: "report.pdf",
      status: "queued",
      progress: 0,
      stage: "Waiting",
      page: null,
      totalPages: null,
      startedAt,
      updatedAt: startedAt,
      completedAt: null,
      elapsedTime: 0,
      estimatedRemaining: null,
      metadata: { author: "Ada", tags: ["a", 1, null] },
      error: null,
    });
    expect(await manager.getStatus("doc")).toEqual(created);
    time.clock.advance(1_000);
    await manager.updateStatus("doc", "parsing", 0.1);
    time.clock.advance(2_000);
    const details = { stage: "Looking at page 5", page: 5, totalPages: 20 };
    const updated = await manager.updateStatus("doc", "embedding_visual", 0.225, details);
    expect(updated).toMatchObject({ status: "embedding_visual", progress: 0.225, ...details, elapsedTime: 3 });
    expect(updated.updatedAt.getTime() - startedAt.getTime()).toBe(3_000);
    expect(updated.estimatedRemaining).toBeCloseTo((2 * (1 - 0.225)) / 0.225, 9);
    expect(await manager.getStatus("doc")).toEqual(updated);
    expect(await manager.listActive()).toEqual([updated]);
    await manager.updateStatus("doc", "embedding_text", 0.6);
    await manager.updateStatus("doc", "storing", 0.95);
    time.clock.advance(1_500);
    const completed = await manager.markCompleted("doc", { numChunks: 30, storageIds: ["c1", "c2"] });
    expect(completed).toMatchObject({
      status: "completed",
      progress: 1,
      stage: "Completed",
      page: 5,
      totalPages: 20,
      completedAt: new Date(time.clock.now()),
      elapsedTime: 4.5,
      estimatedRemaining: null,
      metadata: { author: "Ada", numChunks: 30, storageIds: ["c1", "c2"] },
    });
    time.clock.advance(60_000);
    expect(await manager.getStatus("doc")).toEqual(completed);
    expect(await manager.listActive()).toEqual([]);
    expect(await manager.listAll()).toEqual([completed]);
  });

  test("each transition is allowed or forbidden as the contract says", async () => {
    const manager = managerOver(await openForTest(store));
    for (const from of STATES) {
      for (const to of STATES) {
        const docId = `${from} ${to}`;
        await createIn(manager, docId, from);
        const before = await manager.getStatus(docId);
        const update = manager.updateStatus(docId, to, 0.5);
        if (ALLOWED[from].split(" ").includes(to)) {
          expect(await update).toMatchObject({ status: to, progress: 0.5 });
          continue;
        }
        const message = new RegExp(`${docId} cannot go from ${from} to ${to}; allowed: `);
        await expect(update, docId).rejects.toMatchObject({
          code: "CONFLICT",
          message: expect.stringMatching(message),
        });
        for (const state of DOCUMENT_TRANSITIONS[from]) await expect(update).rejects.toThrow(state);
        const after = await manager.getStatus(docId);
        expect(after).toEqual({
          ...before,
          elapsedTime: after?.elapsedTime,
          estimatedRemaining: expect.toBeOneOf([null, expect.any(Number)]),
        });
      }
    }
  });

  test("markCompleted and markFailed are accepted from every active status and from no other", async () => {
    const manager = managerOver(await openForTest(store));
    for (const from of STATES) {
      const isOver = from === "completed" || from === "failed";
      await createIn(manager, `complete ${from}`, from);
      await createIn(manager, `fail ${from}`, from);
      const ends = [manager.markCompleted(`complete ${from}`), manager.markFailed(`fail ${from}`, new Error("broken"))];
      if (isOver) {
        for (const end of ends) await expect(end).rejects.toMatchObject({ code: "CONFLICT" });
        continue;
      }
      const [completed, failed] = await Promise.all(ends);
      expect(completed).toMatchObject({ status: "completed", progress: 1 });
      const progress = from === "queued" ? 0 : 0.25;
      expect(failed).toMatchObject({ status: "failed", progress, error: "broken", estimatedRemaining: null });
      expect(failed?.completedAt).toBeInstanceOf(Date);
    }
  });

  test("failed keeps its last progress, page and step; updates leave what they do not name", async () => {
    const manager = managerOver(await openForTest(store));
    await createIn(manager, "doc", "parsing");
    await manager.updateStatus("doc", "embedding_visual", 0.4, { page: 12, totalPages: 20, stage: "Page 12", dpi: 72 });
    const again = await manager.updateStatus("doc", "embedding_visual", 0.3);
    expect(again).toMatchObject({ progress: 0.3, page: 12, totalPages: 20, stage: "Page 12", metadata: { dpi: 72 } });
    const failed = await manager.markFailed("doc", "the page is black");
    expect(failed).toMatchObject({
      status: "failed",
      progress: 0.3,
      page: 12,
      stage: "Page 12",
      error: "the page is black",
    });
    await createIn(manager, "other", "parsing");
    const given = await manager.updateStatus("other", "failed", 0.7, { error: "encrypted" });
    expect(given).toMatchObject({ status: "failed", progress: 0.7, error: "encrypted", stage: "Reading the document" });
  });

  test("refuses what cannot be, and changes nothing", async () => {
    const manager = managerOver(await openForTest(store));
    await createIn(manager, "doc", "parsing");
    const invalid = { code: "INVALID_ARGUMENT" };
    for (const progress of [-0.01, 1.01, Number.NaN, Number.POSITIVE_INFINITY, "0.5" as unknown as number]) {
      const update = manager.updateStatus("doc", "parsing", progress);
      await expect(update).rejects.toMatchObject({ ...invalid, message: expect.stringContaining("from 0 to 1") });
    }
    await expect(manager.updateStatus("doc", "done" as DocumentState, 0.5)).rejects.toMatchObject({
      ...invalid,
      message: expect.stringContaining("embedding_visual"),
    });
    const wrong: readonly unknown[] = [
      { page: 3, totalPages: 2 },
      { page: -1 },
      { totalPages: 1.5 },
      { stage: "" },
      [],
    ];
    for (const details of wrong) {
      await expect(manager.updateStatus("doc", "parsing", 0.2, details as DocumentDetails)).rejects.toMatchObject(
        invalid,
      );
    }
    await expect(
      manager.updateStatus("doc", "parsing", 0.2, { when: new Date() as unknown as string }),
    ).rejects.toMatchObject({
      code: "NOT_JSON",
    });
    expect(await manager.getStatus("doc")).toMatchObject({ progress: 0.25, page: null, metadata: {} });
    for (const missing of [
      manager.updateStatus("none", "parsing", 0.1),
      manager.markCompleted("none"),
      manager.markFailed("none", "no"),
    ]) {
      await expect(missing).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("none") });
    }
    expect(await manager.getStatus("none")).toBeUndefined();
    await expect(manager.createStatus("doc", "doc.pdf", {})).rejects.toMatchObject({ code: "CONFLICT" });
    for (const docId of ["", "a\0b", "x".repeat(5_000)]) {
      await expect(manager.createStatus(docId, "doc.pdf", {})).rejects.toMatchObject(invalid);
      expect(await manager.getStatus(docId)).toBeUndefined();
    }
    for (const docId of [7, null, undefined] as unknown as readonly string[]) {
      await expect(manager.getStatus(docId)).rejects.toMatchObject(invalid);
      await expect(manager.updateStatus(docId, "parsing", 0.1)).rejects.toMatchObject(invalid);
    }
    for (const metadata of [null, [], "text"] as unknown as DocumentDetails[]) {
      await expect(manager.createStatus("new", "new.pdf", metadata)).rejects.toMatchObject(invalid);
    }
    await expect(manager.createStatus("new", "new.pdf", { big: 1n as unknown as number })).rejects.toMatchObject({
      code: "NOT_JSON",
    });
    const odd = JSON.parse('{ "__proto__": { "isAdmin": true }, "nested": { "kept": 1 } }');
    const created = await manager.createStatus("odd", "odd.pdf", {
      ...odd,
      gone: undefined,
      deep: [{ gone: undefined }],
    });
    expect(created.metadata).toEqual({ nested: { kept: 1 }, deep: [{}] });
    expect(Object.hasOwn(Object.prototype, "isAdmin")).toBe(false);
    await expect(manager.listAll(0)).rejects.toMatchObject(invalid);
    await expect(manager.cleanupOldEntries(Number.NaN)).rejects.toMatchObject(invalid);
    expect((await manager.listAll()).map(({ docId }) => docId)).toEqual(["odd", "doc"]);
  });

  test("any text that is not empty is a docId", async () => {
    const milepost = await openForTest(store);
    const manager = managerOver(milepost);
    const first = (await manager.createStatus("a", "a", {})).docId;
    const itemId = (await milepost.batch("document-status").items()).items[0]?.id ?? "";
    const ids = [itemId, " ", "../../etc/passwd", "日本語", "__proto__", "x".repeat(4_000), "a'b\"c\n\t", "έ"];
    for (const docId of ids) {
      await manager.createStatus(docId, "f", {});
      expect(await manager.updateStatus(docId, "parsing", 0.1)).toMatchObject({ docId, status: "parsing" });
      expect(await manager.getStatus(docId)).toMatchObject({ docId, status: "parsing" });
    }
    expect((await manager.listActive()).map(({ docId }) => docId).toSorted()).toEqual([first, ...ids].toSorted());
  });

  test("every status fits the schema that is exported", async () => {
    const manager = managerOver(await openForTest(store));
    for (const state of STATES) await createIn(manager, state, state);
    const statuses = await manager.listAll();
    expect(statuses).toHaveLength(STATES.length);
    for (const status of statuses) expect(documentStatusSchema.parse(status)).toEqual(status);
    const [valid] = statuses;
    const broken: readonly object[] = [
      { progress: 2 },
      { status: "done" },
      { docId: "" },
      { page: -1 },
      { startedAt: "now" },
    ];
    for (const part of broken) expect(documentStatusSchema.safeParse({ ...valid, ...part }).success).toBe(false);
    const schema = JSON.stringify(documentStatusJsonSchema);
    for (const field of Object.keys(valid ?? {})) expect(schema).toContain(`"${field}"`);
    expect(schema).toContain('"format":"date-time"');
  });

  test("lists are the most recent first, as long as asked for, with the pipeline's documents among them", async () => {
    const time = new ManualTime();
    const milepost = await openForTest(store, { clock: time.clock });
    const manager = managerOver(milepost);
    const create = async (docId: string): Promise<void> => {
      time.clock.advance(1_000);
      await manager.createStatus(docId, docId, {});
    };
    await create("one");
    await create("two");
    time.clock.advance(1_000);
    const items = ["r1", "r2"].map((key) => ({
      key,
      input: { path: `/${key}.md`, filename: `${key}.md`, metadata: {} },
    }));
    await milepost.submit({ pipeline: "documents", items });
    await create("three");
    await milepost.submit({ pipeline: "images", items: ["photo.jpg"] });
    const ids = (statuses: readonly DocumentStatus[]): string[] => statuses.map(({ docId }) => docId);
    expect(ids(await manager.listAll())).toEqual(["three", "r2", "r1", "two", "one"]);
    expect(ids(await manager.listAll(3))).toEqual(["three", "r2", "r1"]);
    await manager.markCompleted("two");
    await manager.markFailed("three", "no");
    expect(ids(await manager.listActive(2))).toEqual(["r2", "r1"]);
    expect(ids(await manager.listActive())).toEqual(["r2", "r1", "one"]);
    expect(ids(await manager.listAll(2))).toEqual(["three", "r2"]);
    for (const call of [manager.updateStatus("r1", "parsing", 0.1), manager.createStatus("r1", "r1", {})]) {
      await expect(call).rejects.toMatchObject({ code: "CONFLICT" });
    }
  });

  test("the last of very many documents cost a page", async () => {
    const milepost = await openForTest(store);
    const manager = managerOver(milepost);
    const items = Array.from({ length: 2_500 }, (_, index) => ({
      key: `doc-${index}`,
      kind: "reported-document",
      input: { filename: "f", metadata: {}, createdAt: index },
    }));
    await milepost.submit({ pipeline: "tracked", queue: "documents", name: "document-status", items });
    const all = await manager.listAll(2_400);
    expect([all.length, all[0]?.docId, all.at(-1)?.docId]).toEqual([2_400, "doc-2499", "doc-100"]);
    expect(await manager.listActive()).toHaveLength(2_500);
    expect((await manager.listAll()).map(({ docId }) => docId)).toEqual(all.slice(0, 100).map(({ docId }) => docId));
  });

  test("clean-up removes what ended long enough ago, and nothing that is active", async () => {
    let laterMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + laterMs };
    const milepost = await openForTest(store, { clock });
    const manager = managerOver(milepost);
    await milepost.submit({ pipeline: "documents", name: "run", items: ["of the pipeline"] });
    await milepost.batch("run").cancel();
    for (const state of STATES) await createIn(manager, state, state);
    laterMs = 1_800_000;
    await createIn(manager, "young", "completed");
    await milepost.batch("document-status").item("storing").cancel();
    expect(await manager.cleanupOldEntries()).toBe(0);
    expect(await manager.cleanupOldEntries(1_800)).toBe(2);
    const left = (await manager.listAll()).map(({ docId }) => docId);
    expect(left).toEqual([
      "young",
      "storing",
      "embedding_text",
      "embedding_visual",
      "parsing",
      "queued",
      "of the pipeline",
    ]);
    expect(await manager.cleanupOldEntries(0)).toBe(2);
    expect(await manager.listActive()).toHaveLength(4);
    expect(await manager.createStatus("completed", "again", {})).toMatchObject({ status: "queued" });
    for (const { docId } of (await manager.listActive()).slice(0, 5)) await manager.markFailed(docId, "no");
    expect(await manager.cleanupOldEntries(0)).toBe(5);
    expect(await manager.cleanupOldEntries(0)).toBe(0);
    expect(await manager.createStatus("queued", "again", {})).toMatchObject({ status: "queued" });
    expect(await milepost.verify()).toEqual([]);
  });

  test("clean-up runs by itself, every 15 minutes, for what ended an hour ago, until close", async () => {
    const time = new ManualTime();
    const milepost = await openForTest(store, { clock: time.clock });
    const manager = new StatusManager(milepost);
    const reader = new StatusManager(milepost, { cleansUp: false });
    await manager.createStatus("ended", "f", {});
    await manager.createStatus("active", "f", {});
    await time.pass(60_000, 5_000);
    await milepost.batch("document-status").item("ended").cancel();
    await time.pass(60 * 60_000, 5_000);
    expect(await reader.getStatus("ended")).toMatchObject({ status: "failed" });
    await time.pass(15 * 60_000, 5_000);
    expect((await reader.listAll()).map(({ docId }) => docId)).toEqual(["active"]);
    await milepost.batch("document-status").item("active").cancel();
    await manager.close();
    expect(time.clock.timers).toBe(0);
    await time.pass(3 * 60 * 60_000, 60_000);
    expect(await reader.getStatus("active")).toMatchObject({ status: "failed" });
    await reader.close();
  });

  test("documents are in the counts, the stages and the feed of the engine", async () => {
    const milepost = await openForTest(store);
    const manager = managerOver(milepost);
    for (const state of ["queued", "embedding_text", "completed", "failed"] as const)
      await createIn(manager, state, state);
    const batch = milepost.batch("document-status");
    expect(await batch.snapshot()).toMatchObject({
      queue: "documents",
      status: "processing",
      counts: { total: 4, pending: 1, processing: 1, completed: 1, failed: 1, cancelled: 0 },
    });
    expect(await batch.stages()).toEqual([{ stage: "embedding_text", items: 1 }]);
    expect(await batch.item("embedding_text").snapshot()).toMatchObject({ state: "processing", fraction: 0.25 });
    const { version } = await batch.snapshot();
    await manager.updateStatus("embedding_text", "embedding_text", 0.75, { page: 3, totalPages: 4 });
    const { items } = await batch.changes({ since: version });
    expect(items).toMatchObject([
      { key: "embedding_text", fraction: 0.75, progress: { done: 3, total: 4, unit: "page" } },
    ]);
    await manager.markCompleted("embedding_text");
    await manager.markCompleted("queued");
    expect(await batch.snapshot()).toMatchObject({ status: "completed", outcome: "partial", percent: 100 });
  });

  test("an operator's cancel ends a document as failed, and his retry queues it again", async () => {
    const milepost = await openForTest(store);
    const manager = managerOver(milepost);
    await createIn(manager, "doc", "embedding_text");
    await createIn(manager, "broken", "failed");
    const batch = milepost.batch("document-status");
    await batch.item("doc").cancel();
    expect(await manager.getStatus("doc")).toMatchObject({ status: "failed", progress: 0.25, error: "cancelled" });
    await expect(manager.updateStatus("doc", "storing", 0.95)).rejects.toMatchObject({ code: "CONFLICT" });
    await batch.item("broken").retry();
    expect(await manager.getStatus("broken")).toMatchObject({ status: "queued", progress: 0, error: null });
    expect(await manager.updateStatus("broken", "parsing", 0.1)).toMatchObject({ status: "parsing" });
  });

  test("shows what the pipeline does in the words of the contract", async () => {
    const milepost = await openForTest(store);
    const manager = managerOver(milepost);
    const reached = signal();
    const go = signal();
    milepost.pipeline({
      name: "documents",
      attempts: 1,
      stages: [
        { name: "parsing", weight: 0.1 },
        { name: "embedding_visual", weight: 0.5 },
        { name: "embedding_text", weight: 0.35 },
        { name: "storing", weight: 0.05 },
      ],
      handler: async (item, step) => {
        step.stage("parsing");
        await step.save({ progress: 0.1, totalPages: 8 });
        if (item.key === "bad") throw new Error("the file is encrypted");
        step.stage("embedding_visual", { total: 8, unit: "page" });
        step.progress(2, 8, "page");
        await step.save({ progress: 0.225, totalPages: 8 });
        reached.give();
        await go.wait;
        return { documentId: 7, sha256: item.key, index: "/home/ada/library.db", totalPages: 8, numChunks: 3 };
      },
    });
    const input = { path: "/a.pdf", filename: "a.pdf", metadata: { by: "Ada" } };
    const { batch } = await milepost.submit({
      pipeline: "documents",
      items: ["bad", "good", "late"].map((key) => ({ key, input })),
    });
    await milepost.work();
    await reached.wait;
    expect(await manager.getStatus("bad")).toMatchObject({
      status: "failed",
      progress: 0.1,
      totalPages: 8,
      error: "the file is encrypted",
    });
    expect(await manager.getStatus("good")).toMatchObject({
      filename: "a.pdf",
      status: "embedding_visual",
      progress: documentProgress("embedding_visual", { done: 2, total: 8 }),
      stage: "Embedding pages",
      page: 2,
      totalPages: 8,
      metadata: { by: "Ada" },
    });
    expect(await manager.getStatus("late")).toMatchObject({ status: "queued", progress: 0, page: null });
    expect((await manager.listActive()).map(({ docId }) => docId).toSorted()).toEqual(["good", "late"]);
    go.give();
    await batch.done();
    const good = await manager.getStatus("good");
    expect(good).toMatchObject({ status: "completed", progress: 1, page: 8, totalPages: 8 });
    expect(good?.metadata).toEqual({ by: "Ada", documentId: 7, numChunks: 3 });
  });

  test("documents of one owner are not another's", async () => {
    const milepost = await openForTest(store);
    const managers = ["ada", "bob"].map((owner) => new StatusManager(milepost, { owner, cleansUp: false }));
    const [ada, bob] = managers as [StatusManager, StatusManager];
    await ada.createStatus("doc", "a.pdf", {});
    await bob.createStatus("doc", "b.pdf", {});
    await milepost.submit({ pipeline: "documents", owner: "ada", items: ["run"] });
    await ada.updateStatus("doc", "parsing", 0.1);
    expect(await bob.getStatus("doc")).toMatchObject({ filename: "b.pdf", status: "queued" });
    expect((await ada.listAll()).map(({ docId }) => docId).toSorted()).toEqual(["doc", "run"]);
    expect((await bob.listActive()).map(({ docId }) => docId)).toEqual(["doc"]);
    expect(await bob.getStatus("run")).toBeUndefined();
    await milepost.batch((await milepost.batches({ owner: "ada" })).batches[0]?.id ?? "").cancel();
    expect(await bob.cleanupOldEntries(0)).toBe(0);
    expect(await ada.cleanupOldEntries(0)).toBe(1);
    expect((await ada.listAll()).map(({ docId }) => docId)).toEqual(["doc"]);
    for (const manager of managers) await manager.close();
  });
});

describe("a document's progress by its stage", () => {
  test.each([
    ["queued", null, null, 0],
    ["parsing", 3, 4, 0.1],
    ["embedding_visual", null, null, 0.1],
    ["embedding_visual", 3, 20, 0.175],
    ["embedding_visual", 20, 20, 0.6],
    ["embedding_text", 0, 0, 0.6],
    ["embedding_text", 2, 4, 0.75],
    ["storing", null, null, 0.95],
    ["completed", null, null, 1],
  ] as const)("%s with %s of %s is %s", (state, done, total, progress) => {
    expect(documentProgress(state, { done, total })).toBeCloseTo(progress, 12);
  });
});

test("documents that ended tell how long the others will take", async () => {
  const time = new ManualTime();
  const milepost = await openForTest("memory", { clock: time.clock });
  const manager = managerOver(milepost);
  const ids = Array.from({ length: 12 }, (_, index) => `doc-${index}`);
  for (const docId of ids) await manager.createStatus(docId, docId, {});
  for (const docId of ids.slice(0, 8)) {
    await manager.updateStatus(docId, "parsing", 0.1);
    await time.pass(10_000, 1_000);
    await manager.markCompleted(docId);
  }
  await manager.updateStatus("doc-8", "parsing", 0.1);
  await time.pass(1_000);
  const { estimate, percent, noEstimate } = await milepost.batch("document-status").snapshot();
  expect([percent, noEstimate]).toEqual([67, null]);
  expect(estimate?.median).toBeGreaterThan(25);
  expect(estimate?.median).toBeLessThan(55);
});

test("a file keeps what was reported, and the next process goes on with it", async () => {
  const path = join(temporaryFolder(), "documents.db");
  const open = async (): Promise<StatusManager> => new StatusManager(path, { logger: SILENT });
  const first = await open();
  await createIn(first, "doc", "embedding_text");
  const before = await first.getStatus("doc");
  await first.close();
  await using second = await open();
  const after = await second.getStatus("doc");
  expect(after).toMatchObject({ status: "embedding_text", progress: 0.25, updatedAt: before?.updatedAt });
  await expect(second.updateStatus("doc", "parsing", 0.1)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await second.updateStatus("doc", "storing", 0.95)).toMatchObject({ status: "storing" });
  await using milepost = await openMilepost(path, { logger: SILENT });
  expect(await milepost.verify()).toEqual([]);
});

test("what is no store is told by the first call", async () => {
  const manager = new StatusManager("redis://localhost");
  await expect(manager.getStatus("doc")).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
});
