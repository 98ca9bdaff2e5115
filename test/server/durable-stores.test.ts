import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { type Milepost, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { callMain } from "../cli/support/call-main.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";
import { EventReader } from "./support/event-reader.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

const STORES = ["sqlite", "postgres"] as const;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** Where a store can be, and how to write to its batches behind its back. */
interface Place {
  readonly url: string;
  readonly set: (assignments: string) => Promise<unknown>;
}

const placesOf: Readonly<Record<(typeof STORES)[number], () => Place>> = {
  sqlite: () => {
    const url = join(temporaryFolder(), "work.db");
    return {
      url,
      set: async (assignments) => {
        using db = new DatabaseSync(url, { timeout: 5_000 });
        db.exec(`UPDATE batches SET ${assignments}`);
      },
    };
  },
  postgres: () => {
    const { url, schema } = cluster.newStore();
    return { url, set: (assignments) => cluster.sql(`UPDATE "${schema}".batches SET ${assignments}`) };
  },
};

async function open(url: string): Promise<Milepost> {
  const milepost = await openMilepost(url, { logger: SILENT });
  onTestFinished(() => milepost.close());
  return milepost;
}

const HOUR_MS = 3_600_000;
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

function as(cookie: string, init: RequestInit = {}): RequestInit {
  return { ...init, headers: { ...(init.headers as object), ...(cookie && { cookie }) } };
}

function cookieOf(answer: Response): string {
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function sendIn({ fetch }: TestServer): Promise<{ readonly cookie: string; readonly path: string }> {
  const body = new FormData();
  body.append("files", new Blob([PNG]), "a.png");
  const uploaded = await fetch("/api/uploads", { method: "POST", body });
  const cookie = cookieOf(uploaded);
  const { files } = (await uploaded.json()) as { files: { fileId: string }[] };
  const fileIds = files.map(({ fileId }) => fileId);
  const headers = { "content-type": "application/json" };
  const made = await fetch(
    "/api/process-batch",
    as(cookie, { method: "POST", headers, body: JSON.stringify({ fileIds }) }),
  );
  const { batchId } = (await made.json()) as { batchId: string };
  return { cookie, path: `/api/batches/${batchId}` };
}

test.each(STORES)(
  "over %s the cookie of a session changes, what it owns does not, whatever restarts",
  async (store) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const milepost = await open(placesOf[store]().url);
    const files = temporaryFolder();
    const first = await startServer({ milepost, files });
    const { cookie: old, path } = await sendIn(first);
    vi.setSystemTime(Date.now() + 4 * HOUR_MS);
    const answers = await Promise.all(Array.from({ length: 10 }, () => first.fetch(path, as(old))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [renewed = ""] = answers.map(cookieOf);
    expect(renewed).not.toBe(old);
    const seen = await Promise.all([renewed, old, renewed, old].map((cookie) => first.fetch(path, as(cookie))));
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await first.close();
    const second = await startServer({ milepost, files });
    const status = async (cookie: string): Promise<number> => (await second.fetch(path, as(cookie))).status;
    expect([await status(old), await status(renewed)]).toEqual([200, 200]);
    vi.setSystemTime(Date.now() + HOUR_MS);
    expect([await status(renewed), await status(old), await status("")]).toEqual([200, 404, 404]);
  },
);

test.each(STORES)(
  "over %s a reader whose cursor is too old for the feed is told so, and begins anew",
  async (store) => {
    const place = placesOf[store]();
    const milepost = await open(place.url);
    const { url } = await startServer({ milepost });
    const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a", "b", "c"] });
    const events = `${url}/api/batches/${id}/events`;
    const live = await EventReader.open(events);
    expect(await live.next()).toMatchObject({ event: "snapshot", id: "1" });
    await batch.item("c").remove();
    expect(await live.nextNamed("changes")).toMatchObject({ id: "2", data: { removals: [{ key: "c" }] } });
    // As one would that keeps no more of what was removed than of the last days.
    await place.set("version = version + 5, resumable_from = version + 5");
    await batch.pause();
    await live.ended;
    expect(live.lastId).toBe("2");
    const back = await EventReader.open(events, { "last-event-id": "2" });
    expect(await back.next()).toMatchObject({ event: "reset", id: undefined, data: { reason: "cursor" } });
    const snapshot = await back.next();
    expect(snapshot).toMatchObject({ event: "snapshot", data: { batch: { counts: { total: 2 } } } });
    await batch.resume();
    const change = await back.nextNamed("changes");
    expect(Number(change.id)).toBeGreaterThan(Number(snapshot?.id));
    const further = await EventReader.open(`${events}?after=${snapshot?.id}`);
    expect(await further.next()).toMatchObject({ event: "changes" });
  },
);

test.each(STORES)("over %s a reader who has seen more than an older copy of the store is told so", async (store) => {
  const [place, older] = [placesOf[store](), placesOf[store]()];
  const before = await open(place.url);
  const { id } = await before.submit({ pipeline: "outside", items: ["a", "b", "c"] });
  await before.close();
  expect(await callMain(["copy", place.url, older.url], temporaryFolder())).toMatchObject({ status: 0 });
  const lost = await open(place.url);
  const first = await startServer({ milepost: lost });
  const reader = await EventReader.open(`${first.url}/api/batches/${id}/events`);
  await reader.next();
  await lost.batch(id).item("c").remove();
  await lost.batch(id).pause();
  while (Number(reader.lastId) < (await lost.batch(id).snapshot()).version) await reader.nextNamed("changes");
  const copy = await open(older.url);
  const second = await startServer({ milepost: copy });
  const back = await EventReader.open(`${second.url}/api/batches/${id}/events`, {
    "last-event-id": reader.lastId ?? "",
  });
  expect(await back.next()).toMatchObject({ event: "reset", data: { reason: "cursor" } });
  expect(await back.next()).toMatchObject({ event: "snapshot", id: "1", data: { batch: { counts: { total: 3 } } } });
  await copy.batch(id).item("b").remove();
  expect(await back.nextNamed("changes")).toMatchObject({ id: "2", data: { removals: [{ key: "b" }] } });
});
