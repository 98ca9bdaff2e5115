import { describe, expect, test } from "vitest";
import type { Batch } from "../../src/index.ts";
import { batchEventSchemas } from "../../src/wire/event.ts";
import { STORES } from "../support/open-for-test.ts";
import { EventReader } from "./support/event-reader.ts";
import { startServer } from "./support/start-server.ts";

async function idsOf(batch: Batch): Promise<string[]> {
  return (await batch.items({ limit: 1_000 })).items.map(({ id }) => id);
}

describe.each(STORES)("the events of a batch on %s", (store) => {
  test("a snapshot, then what changed, then the end; after it there is nothing to come back for", async () => {
    const { milepost, url, operator } = await startServer({ store });
    const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a", "b"] });
    const [a = "", b = ""] = await idsOf(batch);
    const tracker = await milepost.track();
    const reader = await EventReader.open(`${url}/api/batches/${id}/events`);
    expect(reader.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      connection: "close",
    });
    const first = await reader.next();
    const { version } = await batch.snapshot();
    expect(first).toMatchObject({ event: "snapshot", id: String(version), data: { batch: { id, version } } });

    await tracker.start([a]);
    const started = await reader.nextNamed("changes");
    expect(started.data.items.map(({ key, state }) => [key, state])).toEqual([["a", "processing"]]);
    expect(started.data.batch.counts).toMatchObject({ processing: 1, pending: 1 });
    batchEventSchemas.changes.parse(started.data);

    await tracker.complete([a]);
    await tracker.fail([b], "no");
    const rest = await reader.rest();
    const end = rest.at(-1);
    expect(end).toMatchObject({ event: "end", data: { batch: { status: "completed", percent: 100 } } });
    const last = await batch.snapshot();
    expect(end?.id).toBe(String(last.version));
    const items = rest.flatMap(({ event, data }) => (event === "changes" ? data.items : []));
    expect(new Map(items.map((item) => [item.key, item.state]))).toEqual(
      new Map([
        ["a", "completed"],
        ["b", "failed"],
      ]),
    );
    expect(items.at(-1)).not.toHaveProperty("input");

    const again = await operator(`/api/batches/${id}/events`, { headers: { "last-event-id": end?.id ?? "" } });
    expect([again.status, await again.text()]).toEqual([204, ""]);
    const late = await EventReader.open(`${url}/api/batches/${id}/events`);
    expect((await late.rest()).map(({ event }) => event)).toEqual(["snapshot", "end"]);
  });

  test("only what was recorded has an id, and the ids rise", async () => {
    const { milepost, url } = await startServer({ store });
    const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a", "b", "c"] });
    const ids = await idsOf(batch);
    const tracker = await milepost.track();
    const reader = await EventReader.open(`${url}/api/batches/${id}/events`);
    await reader.next();
    await tracker.start(ids);
    await tracker.complete(ids.slice(0, 1));
    await batch.pause();
    await batch.resume();
    await tracker.complete(ids);
    const rest = (await reader.rest()).filter(({ event }) => event === "changes");
    const numbers = rest.flatMap((event) => (event.id === undefined ? [] : [Number(event.id)]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    for (const event of rest.filter((one) => one.id === undefined)) expect(event.data.items).toEqual([]);
    for (const { id: at, data } of rest) {
      for (const item of data.items) expect(item.version).toBeLessThanOrEqual(Number(at));
    }
  });

  test("a reader that comes back is told what it missed, by header before address", async () => {
    const { milepost, url } = await startServer({ store });
    const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a", "b", "c"] });
    const ids = await idsOf(batch);
    const tracker = await milepost.track();
    const first = await EventReader.open(`${url}/api/batches/${id}/events`);
    await first.next();
    await tracker.start(ids.slice(0, 1));
    const seen = await first.nextNamed("changes");
    first.close();
    await first.ended;
    await tracker.complete(ids.slice(0, 1));
    await batch.item("c").remove();
    const after = await EventReader.open(`${url}/api/batches/${id}/events?after=1`, {
      "last-event-id": seen.id ?? "",
    });
    const missed = await after.nextNamed("changes");
    expect(missed.data.items.map(({ key, state }) => [key, state])).toEqual([["a", "completed"]]);
    expect(missed.data.removals.map(({ key }) => key)).toEqual(["c"]);
    const byAddress = await EventReader.open(`${url}/api/batches/${id}/events?after=${missed.id}`);
    expect(await byAddress.next()).toMatchObject({ event: "changes", id: undefined, data: { items: [] } });
  });

  test("all items first, where they are asked for, or none at all", async () => {
    const { milepost, url } = await startServer({ store });
    const items = Array.from({ length: 1_500 }, (_, index) => `item-${index}`);
    const { batch, id } = await milepost.submit({ pipeline: "outside", items });
    const all = await EventReader.open(`${url}/api/batches/${id}/events?items=all`);
    const none = await EventReader.open(`${url}/api/batches/${id}/events?items=none`);
    expect(await all.next()).toMatchObject({ event: "snapshot", id: undefined });
    const keys: string[] = [];
    for (let event = await all.nextNamed("items"); !event.data.isLast; event = await all.nextNamed("items")) {
      expect(event.id).toBeUndefined();
      keys.push(...event.data.items.map(({ key }) => key));
    }
    expect(keys).toEqual(items);
    expect(Number(all.lastId)).toBe((await batch.snapshot()).version);
    await none.nextNamed("snapshot");
    await batch.cancel();
    const told = await all.rest();
    const changed = told.flatMap(({ event, data }) => (event === "changes" ? data.items : []));
    expect(new Set(changed.map(({ key }) => key)).size).toBe(1_500);
    const counted = await none.rest();
    expect(counted.flatMap(({ data }) => data.items ?? [])).toEqual([]);
    expect(counted.at(-1)).toMatchObject({ event: "end", data: { batch: { counts: { cancelled: 1_500 } } } });
  });

  test("a batch that is removed ends its streams, and is not found after that", async () => {
    const { milepost, url, operator } = await startServer({ store });
    const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a"] });
    const reader = await EventReader.open(`${url}/api/batches/${id}/events`);
    await reader.next();
    await batch.remove();
    expect((await reader.rest()).at(-1)).toMatchObject({ event: "removed", data: { batchId: id } });
    expect((await operator(`/api/batches/${id}/events?after=1`)).status).toBe(404);
  });

  test("a batch that goes on after its end is followed from the old end", async () => {
    const { milepost, url } = await startServer({ store });
    const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a"] });
    await batch.cancel();
    const first = await EventReader.open(`${url}/api/batches/${id}/events`);
    await first.rest();
    await batch.retry();
    const second = await EventReader.open(`${url}/api/batches/${id}/events`, { "last-event-id": first.lastId ?? "" });
    expect(await second.next()).toMatchObject({ event: "changes", data: { batch: { epoch: 2, status: "pending" } } });
    await batch.cancel();
    expect((await second.rest()).at(-1)).toMatchObject({ event: "end" });
  });
});

test("rows 55 and 56: a cursor that is none is malformed; one beyond the end begins anew and says so", async () => {
  const { milepost, url, operator } = await startServer();
  const { id } = await milepost.submit({ pipeline: "outside", items: ["a"] });
  for (const bad of ["abc", "-1", "1.5", "100000000000000000000000", "1e3", "0x1"]) {
    const byHeader = await operator(`/api/batches/${id}/events`, { headers: { "last-event-id": bad } });
    const byAddress = await operator(`/api/batches/${id}/events?after=${bad}`);
    expect([byHeader.status, byAddress.status]).toEqual([400, 400]);
  }
  for (const items of ["none", "changed"]) {
    const beyond = await EventReader.open(`${url}/api/batches/${id}/events?after=999&items=${items}`);
    expect(await beyond.next()).toMatchObject({ event: "reset", id: undefined });
    expect(await beyond.next()).toMatchObject({ event: "snapshot", id: "1" });
  }
});

test("row 45: somebody else's batch has no events, like one that is not there", async () => {
  const { milepost, fetch } = await startServer();
  const { id } = await milepost.submit({ pipeline: "outside", items: ["a"] });
  const absent = id.replace(/.{4}$/, "0000");
  for (const path of [`/api/batches/:id/events`, `/api/events?batches=:id`]) {
    const [foreign, none] = await Promise.all([id, absent].map((one) => fetch(path.replace(":id", one))));
    expect([foreign?.status, none?.status]).toEqual([404, 404]);
    expect(await foreign?.text()).toBe(await none?.text());
  }
  expect((await fetch("/api/events?batches=all")).status).toBe(401);
});

test("a quiet stream has heartbeats; a server that closes says when to come back", async () => {
  const { milepost, url, close } = await startServer({ limits: { heartbeatMs: 5 } });
  const { id } = await milepost.submit({ pipeline: "outside", items: ["a"] });
  const reader = await EventReader.open(`${url}/api/batches/${id}/events`);
  await reader.next();
  await reader.comment();
  await close();
  await reader.ended;
  expect(reader.retries).toHaveLength(2);
  expect(reader.retries.at(-1)).toBeGreaterThanOrEqual(1_000);
});
