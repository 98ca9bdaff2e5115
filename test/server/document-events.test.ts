import { expect, test } from "vitest";
import { StatusManager } from "../../src/index.ts";
import { documentEventSchemas, type WireDocument } from "../../src/wire/document.ts";
import { STORES } from "../support/open-for-test.ts";
import { beginSession } from "./support/begin-session.ts";
import { EventReader, type ReadEvent } from "./support/event-reader.ts";
import { startServer } from "./support/start-server.ts";

function documentIn(event: ReadEvent | null): WireDocument {
  const name = event?.event as "snapshot" | "changes" | "end";
  return documentEventSchemas[name].parse(event?.data).document;
}

test.each(STORES)("%s: a document is told as it changes, on from any event, and to its end", async (store) => {
  const { milepost, url } = await startServer({ store });
  await using manager = new StatusManager(milepost, { cleansUp: false });
  await manager.createStatus("a/report", "report.pdf", { year: 2026 });
  const address = `${url}/api/documents/${encodeURIComponent("a/report")}/events`;
  const reader = await EventReader.open(address);
  expect(reader.response.headers["content-type"]).toBe("text/event-stream");
  const first = await reader.next();
  expect([first?.event, documentIn(first)]).toMatchObject(["snapshot", { status: "queued", docId: "a/report" }]);

  await manager.updateStatus("a/report", "parsing", 0.1);
  const second = await reader.next();
  expect([second?.event, documentIn(second).status]).toEqual(["changes", "parsing"]);
  reader.close();
  await manager.updateStatus("a/report", "embedding_visual", 0.35, { page: 1, totalPages: 2 });

  // Whoever comes back is told what was missed, and nothing twice.
  const back = await EventReader.open(address, { "last-event-id": second?.id ?? "" });
  const third = await back.next();
  expect([third?.event, documentIn(third)]).toMatchObject(["changes", { page: 1, progress: 0.35 }]);
  const present = await EventReader.open(`${address}?after=${encodeURIComponent(third?.id ?? "")}`);
  await manager.markCompleted("a/report", { numChunks: 3 });
  for (const one of [back, present]) {
    const changed = await one.next();
    expect([changed?.event, documentIn(changed).status]).toEqual(["changes", "completed"]);
    const end = await one.next();
    expect([end?.event, documentIn(end).metadata]).toEqual(["end", { year: 2026, numChunks: 3 }]);
    expect(await one.next()).toBeNull();
  }
  const over = await EventReader.open(address, { "last-event-id": back.lastId ?? "" });
  expect(over.response.statusCode).toBe(204);
  const late = await EventReader.open(address);
  expect((await late.rest()).map(({ event }) => event)).toEqual(["snapshot", "end"]);
});

test("a cursor that leads nowhere is answered with a reset, one that is none with 400; a removed document is told", async () => {
  const server = await startServer();
  const session = await beginSession(server);
  await using manager = new StatusManager(server.milepost, { cleansUp: false, owner: session.owner });
  await manager.createStatus("one", "one.pdf");
  const path = "/api/documents/one/events";
  const address = server.url + path;
  const headers = { cookie: session.cookie };
  for (const lastId of [`${crypto.randomUUID()}/1`, `${(await itemIdOf(address, headers)) ?? ""}/999999`]) {
    const reader = await EventReader.open(address, { ...headers, "last-event-id": lastId }, null);
    expect((await reader.next())?.event).toBe("reset");
    expect((await reader.next())?.event).toBe("snapshot");
    reader.close();
  }
  for (const lastId of [
    "abc",
    "-1",
    "1.5",
    "9".repeat(24),
    `${crypto.randomUUID()}/-1`,
    `${crypto.randomUUID()}/1/2`,
  ]) {
    const answer = await session.fetch(path, { headers: { "last-event-id": lastId } });
    expect([lastId, answer.status]).toEqual([lastId, 400]);
  }
  expect((await server.fetch(path)).status).toBe(404);
  expect((await (await beginSession(server)).fetch(path)).status).toBe(404);

  const reader = await EventReader.open(address, headers, null);
  await reader.next();
  await server.milepost.batch("document-status", { owner: session.owner }).item("one").cancel();
  expect(documentIn(await reader.nextNamed("end"))).toMatchObject({ status: "failed" });
  await manager.createStatus("two", "two.pdf");
  const other = await EventReader.open(`${server.url}/api/documents/two/events`, headers, null);
  await other.next();
  await server.milepost.batch("document-status", { owner: session.owner }).item("two").remove();
  expect((await other.nextNamed("removed")).data).toEqual({ docId: "two" });
});

test("a session may have so many streams open, of documents too, and hears heartbeats", async () => {
  const server = await startServer({ limits: { streamsPerSession: 1, heartbeatMs: 20 } });
  const session = await beginSession(server);
  await using manager = new StatusManager(server.milepost, { cleansUp: false, owner: session.owner });
  await manager.createStatus("one", "one.pdf");
  const address = `${server.url}/api/documents/one/events`;
  const reader = await EventReader.open(address, { cookie: session.cookie }, null);
  await reader.comment();
  const second = await session.fetch("/api/documents/one/events");
  expect([second.status, second.headers.get("retry-after")]).toEqual([429, "10"]);
  await server.close();
  await reader.ended;
});

async function itemIdOf(address: string, headers: Record<string, string>): Promise<string | undefined> {
  const reader = await EventReader.open(address, headers, null);
  const first = await reader.next();
  reader.close();
  return first?.id?.split("/")[0];
}
