import { expect, test } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { StatusManager } from "../../src/index.ts";
import { documentsEventSchemas, type WireDocument } from "../../src/wire/document.ts";
import { STORES } from "../support/open-for-test.ts";
import { beginSession } from "./support/begin-session.ts";
import { EventReader } from "./support/event-reader.ts";
import { startServer, type TestServer, TOKEN } from "./support/start-server.ts";

const PATH = "/api/documents/events";

/** The documents of a whole snapshot. */
async function snapshotOf(reader: EventReader): Promise<readonly WireDocument[]> {
  const documents: WireDocument[] = [];
  for (let isLast = false; !isLast; ) {
    const { data } = await reader.nextNamed("snapshot");
    const page = documentsEventSchemas.snapshot.parse(data);
    expect(page.isFirst).toBe(documents.length === 0);
    documents.push(...page.documents);
    ({ isLast } = page);
  }
  return documents;
}

/** Reads on until a document is told to be so. */
async function told(reader: EventReader, docId: string, status: string): Promise<void> {
  for (;;) {
    const { documents } = documentsEventSchemas.changes.parse((await reader.nextNamed("changes")).data);
    if (documents.some((document) => document.docId === docId && document.status === status)) return;
  }
}

const submit = async ({ milepost }: TestServer, items: readonly string[], owner = "") =>
  (await milepost.submit({ pipeline: "documents", queue: "documents", owner, items })).batch;

test.each(STORES)("%s: all documents are told as they are, come, change and go", async (store) => {
  const server = await startServer({ store });
  await using manager = new StatusManager(server.milepost, { cleansUp: false });
  await manager.createStatus("a/report", "report.pdf");
  const first = await submit(server, ["one", "two"]);
  const reader = await EventReader.open(server.url + PATH);
  expect(reader.response.headers["content-type"]).toBe("text/event-stream");
  expect((await snapshotOf(reader)).map(({ docId }) => docId)).toEqual(["two", "one", "a/report"]);

  await manager.updateStatus("a/report", "parsing", 0.1);
  await told(reader, "a/report", "parsing");
  await manager.createStatus("b/report", "other.pdf");
  await told(reader, "b/report", "queued");
  const second = await submit(server, ["two", "three"]);
  await told(reader, "three", "queued");
  await second.item("three").cancel();
  await told(reader, "three", "failed");
  await manager.markCompleted("a/report");
  await told(reader, "a/report", "completed");
  // What a newer batch has too is told as that one's: it is still there.
  await first.item("two").cancel();
  await first.item("two").remove();
  await told(reader, "two", "queued");
  await first.item("one").cancel();
  await first.item("one").remove();
  const removed = await reader.nextNamed("removed");
  expect(documentsEventSchemas.removed.parse(removed.data)).toEqual({ docIds: ["one"] });

  // With a batch go all its documents at once.
  await second.cancel();
  await second.remove();
  expect((await snapshotOf(reader)).map(({ docId }) => docId)).toEqual(["b/report", "a/report"]);
});

test("a session hears of its own documents alone, the operator of everybody's or of those of whom he names", async () => {
  const server = await startServer();
  const [ann, bob] = [await beginSession(server), await beginSession(server)];
  await submit(server, ["anns"], ann.owner);
  const open = (query = "", headers: Record<string, string> = {}, token: string | null = null) =>
    EventReader.open(server.url + PATH + query, headers, token);
  const idsOf = async (reader: EventReader) => (await snapshotOf(reader)).map(({ docId }) => docId);
  const anns = await open("", { cookie: ann.cookie });
  const bobs = await open("", { cookie: bob.cookie });
  const all = await open("", {}, TOKEN);
  const own = await open("?owner=", {}, TOKEN);
  const named = await open(`?owner=${ann.owner}&limit=1`, {}, TOKEN);
  expect(await Promise.all([anns, bobs, all, own, named].map(idsOf))).toEqual([["anns"], [], ["anns"], [], ["anns"]]);
  for (const [path, cookie] of [
    [PATH, ""],
    [`${PATH}?owner=${bob.owner}`, bob.cookie],
  ] as const)
    expect((await server.fetch(path, { headers: { cookie } })).status, path).toBe(401);
  expect((await bob.fetch(`${PATH}?limit=1001`)).status).toBe(400);

  await submit(server, ["bobs"], bob.owner);
  await Promise.all([bobs, all].map((reader) => told(reader, "bobs", "queued")));
  await submit(server, ["anns too"], ann.owner);
  for (const reader of [anns, named, all]) {
    const { documents } = (await reader.nextNamed("changes")).data;
    expect(documents.map(({ docId }) => docId)).toEqual(["anns too"]);
  }
});

test("the client gives all documents first, and then what changes", async () => {
  const server = await startServer();
  const { documents } = createClient({ url: server.url, token: TOKEN });
  const batch = await submit(
    server,
    Array.from({ length: 700 }, (_, index) => `${"long name ".repeat(40)}${index}`),
  );
  const stop = new AbortController();
  const updates: unknown[] = [];
  for await (const { documents: some, removed, isFresh } of documents.watchAll({ limit: 1_000, signal: stop.signal })) {
    updates.push([isFresh, some.length, removed.length]);
    if (updates.length === 1) await batch.item({ key: some[0]?.docId ?? "" }).cancel();
    if (updates.length === 2) stop.abort();
  }
  expect(updates).toEqual([
    [true, 700, 0],
    [false, 1, 0],
  ]);
});
