import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { StatusManager } from "../../src/index.ts";
import { documentsPipeline } from "../../src/pipelines/documents/documents-pipeline.ts";
import { DocumentSearch } from "../../src/server/document-search.ts";
import { SERVER_LIMITS } from "../../src/server/settings.ts";
import { DOCUMENT_STATES } from "../../src/views/document-state.ts";
import { DOCUMENT_STATUSES, documentHitsSchema, documentSchema, documentsSchema } from "../../src/wire/document.ts";
import { makeDocx, makePdf } from "../support/make-documents.ts";
import { ManualTime } from "../support/manual-time.ts";
import { openForTest } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { hashOf, hitsOf, store, textFile } from "./support/send-documents.ts";
import { startServer, type TestServer, TOKEN } from "./support/start-server.ts";

/** A server whose engine takes documents in. */
async function startWithWorker(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const milepost = await openForTest("sqlite");
  milepost.pipeline(documentsPipeline());
  await milepost.work({ concurrency: 2 });
  return startServer({ milepost, ...options });
}

async function listed(page: Pick<Browser, "fetch">, query = "") {
  const answer = await page.fetch(`/api/documents${query}`);
  expect(answer.status).toBe(200);
  return documentsSchema.parse(await answer.json()).documents;
}

test("documents are sent in, stored and found by their owner; for others and nobody they are not there", async () => {
  const server = await startWithWorker();
  const [ann, bob, operator] = [new Browser(server), new Browser(server), new Browser({ fetch: server.operator })];
  const { bytes, sentences } = await makePdf({ seed: 3, pages: 3 });
  const pdf = { name: "träume.pdf", data: new Uint8Array(bytes) };
  const docx = { name: "letter.docx", data: new Uint8Array(await makeDocx(["The zanzibar lighthouse blinks."])) };
  const note = textFile("note.md", "# Tides\n\nQuicksilver tides return.");
  const { documents, location, batchId } = await store(server, ann, [pdf, docx, note, { ...note, name: "again.md" }]);
  expect(documents).toEqual([
    { docId: hashOf(pdf), filename: "träume.pdf", verdict: "added" },
    { docId: hashOf(docx), filename: "letter.docx", verdict: "added" },
    { docId: hashOf(note), filename: "note.md", verdict: "added" },
    { docId: hashOf(note), filename: "again.md", verdict: "duplicate" },
  ]);
  expect(location).toBe(`/api/batch-status/${batchId}`);
  expect(readdirSync(join(server.files, "uploads"))).toEqual([]);

  const path = `/api/documents/${hashOf(pdf)}`;
  const read = await ann.fetch(path);
  expect(documentSchema.parse(await read.json())).toMatchObject({
    status: "completed",
    filename: "träume.pdf",
    progress: 1,
    totalPages: 3,
    error: null,
    metadata: { numChunks: expect.any(Number) },
  });
  const etag = read.headers.get("etag") ?? "";
  expect((await ann.fetch(path, { headers: { "if-none-match": etag } })).status).toBe(304);
  expect((await listed(ann)).map(({ filename }) => filename)).toEqual(["note.md", "letter.docx", "träume.pdf"]);
  expect(await listed(ann, "?active=true")).toEqual([]);
  expect(await listed(ann, "?limit=1")).toHaveLength(1);

  const sentence = sentences[1] ?? { text: "", page: 0 };
  const [hit] = await hitsOf(ann, sentence.text);
  expect(hit).toMatchObject({ docId: hashOf(pdf), filename: "träume.pdf", page: sentence.page });
  const picture = await ann.fetch(hit?.thumbnail ?? "");
  expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
  expect(picture.headers.get("x-content-type-options")).toBe("nosniff");
  expect(new Uint8Array(await picture.arrayBuffer()).subarray(0, 2)).toEqual(new Uint8Array([0xff, 0xd8]));
  const known = { headers: { "if-none-match": picture.headers.get("etag") ?? "" } };
  expect((await ann.fetch(hit?.thumbnail ?? "", known)).status).toBe(304);
  expect((await hitsOf(ann, "zanzibar"))[0]).toMatchObject({ filename: "letter.docx", page: null, thumbnail: null });

  // To all others there is nothing of it, whatever they ask with; the operator sees where it stands.
  for (const other of [bob, server]) {
    expect(await listed(other)).toEqual([]);
    expect(await hitsOf(other, sentence.text)).toEqual([]);
    const absent = await (await other.fetch(`/api/documents/${"0".repeat(64)}`)).text();
    for (const end of ["", "/events", "/pages/1/thumbnail"]) expect((await other.fetch(path + end)).status).toBe(404);
    expect(await (await other.fetch(path)).text()).toBe(absent);
  }
  expect(await listed(operator)).toHaveLength(3);
  expect(await hitsOf(operator, sentence.text)).toEqual([]);

  // The operator may say whose; others may not, whatever they name.
  const { owner } = await server.milepost.batch(batchId).snapshot();
  const of = (path: string, whose = owner) =>
    `${path}${path.includes("?") ? "&" : "?"}owner=${encodeURIComponent(whose)}`;
  const search = `/api/documents/search?q=${encodeURIComponent(sentence.text)}`;
  const answer = await operator.fetch(of(search));
  const [theirs] = documentHitsSchema.parse(await answer.json()).hits;
  expect(theirs).toMatchObject({ docId: hashOf(pdf), page: sentence.page });
  expect((await operator.fetch(theirs?.thumbnail ?? "")).headers.get("content-type")).toBe("image/jpeg");
  expect(await listed(operator, of(""))).toHaveLength(3);
  expect(await listed(operator, of("", ""))).toEqual([]);
  expect((await operator.fetch(of(path))).status).toBe(200);
  for (const end of ["", "/events", "/pages/1/thumbnail"])
    expect((await operator.fetch(of(path + end, ""))).status).toBe(404);
  for (const whose of ["", "session:../../operator", `session:${"0".repeat(64)}`])
    expect(await (await operator.fetch(of(search, whose))).json()).toEqual({ hits: [] });
  for (const path of [
    search,
    "/api/documents",
    `/api/documents/${hashOf(pdf)}`,
    theirs?.thumbnail?.split("?")[0] ?? "",
  ])
    for (const whose of [owner, ""]) expect((await ann.fetch(of(path, whose))).status, path).toBe(401);

  // The same content again is answered with what is there, and is one document.
  const again = await store(server, ann, [{ ...note, name: "third.md" }]);
  expect(again.location).toBe(`/api/documents/${hashOf(note)}`);
  expect((await listed(ann)).map(({ filename }) => filename)).toEqual(["third.md", "letter.docx", "träume.pdf"]);
  const found = await hitsOf(ann, "quicksilver");
  expect(found.filter(({ docId }) => docId === hashOf(note))).toEqual([found[0]]);
  // Of somebody else it is a document of his own.
  await store(server, bob, [note]);
  expect(await listed(bob)).toHaveLength(1);
  expect(await hitsOf(bob, "quicksilver")).toHaveLength(1);
  const indexes = readdirSync(join(server.files, "indexes"));
  expect(indexes.filter((name) => /^session-[0-9a-f]{64}$/.test(name))).toHaveLength(2);
});

test("uploads of documents become a batch by process-batch too, with options; a failed one names its file", async () => {
  const server = await startWithWorker();
  const page = new Browser(server);
  const [good, broken] = [textFile("good.txt", "Marmalade skies."), textFile("broken.pdf", "%PDF-1.7 nothing")];
  const fileIds = await page.uploaded([good, broken, { ...good, name: "same.txt" }]);
  const body = { fileIds, options: { chunkSize: 200, overlap: 0 } };
  const made = (await (await page.post("/api/process-batch", body)).json()) as { batchId: string; verdicts: unknown };
  expect(made.verdicts).toEqual([{ fileId: fileIds[2], verdict: "duplicate" }]);
  await server.milepost.batch(made.batchId).done();
  const failures = await (await page.fetch(`/api/batches/${made.batchId}/failures`)).json();
  expect(failures).toMatchObject({ failures: [{ code: "INVALID_DOCUMENT", example: { name: "broken.pdf" } }] });
  const items = await (await page.fetch(`/api/batches/${made.batchId}/items`)).text();
  expect(JSON.parse(items).items.map(({ name }: { name: string }) => name)).toEqual(["good.txt", "broken.pdf"]);
  expect(items).not.toContain(server.files);
  const status = documentSchema.parse(await (await page.fetch(`/api/documents/${hashOf(broken)}`)).json());
  expect(status).toMatchObject({ status: "failed", error: expect.stringContaining("damaged"), progress: 0.1 });
  expect((await hitsOf(page, "marmalade")).map(({ filename }) => filename)).toEqual(["good.txt"]);
  const wrong = await page.post("/api/process-batch", { fileIds, options: { chunkSize: 200, overlap: 150 } });
  expect([wrong.status, (await wrong.json()) as object]).toMatchObject([422, { type: "/problems/validation" }]);
  const path = await page.post("/api/process-batch", { fileIds, options: { index: "/tmp/x.db" } });
  expect(path.status).toBe(422);

  // The entries go when they are asked to; what was stored is found as before.
  const cleanUp = (maxAgeSeconds: number) => page.post("/api/documents/cleanup", { maxAgeSeconds });
  expect(await (await cleanUp(3_600)).json()).toEqual({ removed: 0 });
  expect(await (await cleanUp(0)).json()).toEqual({ removed: 2 });
  expect(await listed(page)).toEqual([]);
  expect(await hitsOf(page, "marmalade")).toHaveLength(1);
});

test("a session's index counts as its own, and goes with its last batch; the operator's stays", async () => {
  const server = await startWithWorker();
  const [page, operator] = [new Browser(server), new Browser({ fetch: server.operator })];
  const note = textFile("note.txt", "Saffron sails.");
  const { batchId } = await store(server, page, [note]);
  const theirs = await store(server, operator, [note]);
  expect(await hitsOf(operator, "saffron")).toHaveLength(1);
  await page.upload([textFile("a.txt", "more")]);
  const session = readdirSync(join(server.files, "indexes")).find((name) => name.startsWith("session-")) ?? "";
  const folder = join(server.files, "indexes", session);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const modes = readdirSync(folder).map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8));
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(["library.db", `${batchId}.documents`]));
  expect(new Set(modes)).toEqual(new Set(["600"]));

  // The index alone is larger than this: a fresh look counts it.
  const small = await startServer({ milepost: server.milepost, files: server.files, limits: { sessionBytes: 60_000 } });
  const refused = await new Browser({ fetch: (path, init) => small.fetch(path, withCookie(page, init)) }).upload([
    note,
  ]);
  expect([refused.status, await refused.text()]).toEqual([413, expect.stringContaining("too-large")]);

  const hasty = { retentionMs: 1, sweepEveryMs: 20 };
  await startServer({ milepost: server.milepost, files: server.files, limits: hasty });
  await expect.poll(() => readdirSync(join(server.files, "indexes")), { timeout: 20_000 }).toEqual(["operator"]);
  expect((await page.fetch(`/api/batch-status/${batchId}`)).status).toBe(404);
  expect(await hitsOf(page, "saffron")).toEqual([]);
  expect(await hitsOf(operator, "saffron")).toHaveLength(1);
  expect((await operator.fetch(`/api/batch-status/${theirs.batchId}`)).status).toBe(200);
});

test("searches are bounded: by time, and for each session by number", async () => {
  const server = await startWithWorker();
  const page = new Browser(server);
  await store(server, page, [textFile("note.txt", "Juniper lanes.")]);
  const limits = { searchTimeoutMs: 1 };
  const strict = await startServer({ milepost: server.milepost, files: server.files, limits });
  const answer = await strict.fetch("/api/documents/search?q=juniper", withCookie(page));
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "5"]);
  expect(await answer.text()).toContain("took longer than");

  const indexes = { pathOf: (owner: string) => join(server.files, owner, "none.db") };
  const search = new DocumentSearch({ indexes, limits: { ...SERVER_LIMITS, searchesPerSession: 1 } });
  onTestFinished(() => search.close());
  const first = search.search("session:a", "juniper", 1);
  await expect(search.search("session:a", "juniper", 1)).rejects.toMatchObject({ problem: "rate-limited" });
  const others = [search.search("session:b", "juniper", 1), search.search("", "j", 1), search.search("", "j", 1)];
  expect(await Promise.all([first, ...others])).toEqual([[], [], [], []]);
  expect(await search.search("session:a", "juniper", 1)).toEqual([]);
});

test("the client sends documents in, watches, lists and searches them", async () => {
  const server = await startWithWorker();
  const { documents } = createClient({ url: server.url, token: TOKEN });
  const { bytes, sentences } = await makePdf({ seed: 5, pages: 2 });
  const content = new Blob([new Uint8Array(bytes)]);
  const { documents: accepted } = await documents.upload([{ name: "paper.pdf", content }]);
  const docId = accepted[0]?.docId ?? "";
  const states: string[] = [];
  for await (const { status } of documents.watch(docId)) states.push(status);
  expect(states.at(-1)).toBe("completed");
  expect(await documents.get(docId)).toMatchObject({ filename: "paper.pdf", totalPages: 2 });
  expect((await documents.list({ active: true })).documents).toEqual([]);
  expect((await documents.list({ limit: 5 })).documents).toHaveLength(1);
  const { hits } = await documents.search(sentences[1]?.text ?? "", { limit: 1 });
  expect(hits).toMatchObject([{ docId, page: 2 }]);
  expect((await documents.thumbnail(docId, 2)).headers.get("content-type")).toBe("image/jpeg");
  // The pipeline's entries of the operator belong to their batches.
  expect(await documents.cleanUp({ maxAgeSeconds: 0 })).toEqual({ removed: 0 });
});

test("a server removes the entries of documents that ended an hour ago, every 15 minutes; active ones stay", async () => {
  const time = new ManualTime();
  const milepost = await openForTest("memory", { clock: time.clock });
  const { operator } = await startServer({ milepost });
  await using manager = new StatusManager(milepost, { cleansUp: false });
  for (const docId of ["over", "under way"]) await manager.createStatus(docId, `${docId}.pdf`);
  await manager.markCompleted("over");
  const minutes = (count: number): Promise<void> => time.pass(count * 60_000, 60_000);
  const ids = async () => (await listed({ fetch: operator })).map(({ docId }) => docId);
  await minutes(50);
  expect(await ids()).toEqual(["under way", "over"]);
  await minutes(25);
  expect(await ids()).toEqual(["under way"]);
  expect((await operator("/api/documents/under%20way")).status).toBe(200);
});

test("the states on the wire are those of the view", () => {
  expect(DOCUMENT_STATUSES).toEqual(DOCUMENT_STATES);
});

function withCookie(page: Browser, init: RequestInit = {}): RequestInit {
  return { ...init, headers: { ...(init.headers as object), cookie: page.cookie } };
}
