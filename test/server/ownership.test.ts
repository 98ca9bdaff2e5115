import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Milepost } from "../../src/engine/milepost.ts";
import { openStore } from "../../src/open-milepost.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { systemRandom } from "../../src/platform/system-random.ts";
import { SILENT } from "../../src/ports/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { sealed } from "../../src/server/cursor.ts";
import { PAGE_PATHS } from "../../src/server/routes/dashboard.ts";
import { STORES, type StoreName, temporaryFolder } from "../support/open-for-test.ts";
import { beginSession } from "./support/begin-session.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

const ABSENT_BATCH = "0190a000-0000-7abc-8000-0123456789ab";
const ABSENT_ITEM = "00000000-0000-8abc-8000-0123456789ab";

/** Routes that name nothing of anybody's: what they answer is the caller's own, or for all. */
const OPEN = new Set(
  [
    ...["batches", "uploads", "pipelines", "documents", "documents/search", "documents/events"].map(
      (name) => `GET /api/${name}`,
    ),
    ...["/healthz", "/readyz", "/openapi.json", "/api"].map((path) => `GET ${path}`),
    "POST /api/uploads",
    "POST /api/process-batch",
    "POST /api/documents",
    "POST /api/documents/cleanup",
  ].flatMap((name) => [name, name.replace("GET", "HEAD")]),
);

/** A body that a route takes, by the end of its path; the others take none. */
const BODIES: Readonly<Record<string, unknown>> = {
  priority: { priority: 1 },
  items: { items: ["x"] },
  concurrency: { concurrency: 1 },
  batches: { pipeline: "p", items: ["x"] },
};

/** The page's own files: the same for everybody, whatever the address names. */
function isOfDashboard(path: string): boolean {
  return PAGE_PATHS.some((page) => page === path) || /^\/(assets\/|favicon\.svg$)/.test(path);
}

interface Ids {
  readonly batchId: string;
  readonly itemId: string;
  /** The item as a document. */
  readonly docId: string;
}

interface Seen {
  readonly status: number;
  readonly body: string;
  readonly length: string | null;
}

test.each(STORES)("%s: to others and to nobody, what somebody has is not there, on every route", async (store) => {
  const { milepost, asked } = await openWatched(store);
  const server = await startServer({ milepost });
  const [owner, other] = [await beginSession(server), await beginSession(server)];
  const theirs = await batchOf(server, owner.owner);
  const operators = await batchOf(server, "");
  const before = await statesOf(server, [theirs, operators]);
  const absent = { batchId: ABSENT_BATCH, itemId: ABSENT_ITEM, docId: "absent" };
  const operatorsAlone = await documentedForOperator(server);
  for (const route of server.routes) {
    const name = `${route.method} ${route.path}`;
    if (OPEN.has(name) || isOfDashboard(route.path)) continue;
    for (const call of [other.fetch, server.fetch]) {
      asked.clear();
      const missing = await seen(call, route, absent);
      // What is said of it is what is done.
      if (call === other.fetch && route.method !== "HEAD")
        expect([name, missing.status === 401]).toEqual([name, operatorsAlone.has(name)]);
      expect([401, 404], `${name}: ${missing.body}`).toContain(missing.status);
      expect(await seen(call, route, theirs), name).toEqual(missing);
      expect(await seen(call, route, operators), name).toEqual(missing);
      expect(await seen(call, route, { ...theirs, itemId: operators.itemId }), name).toEqual(missing);
      const own = call === other.fetch ? other.owner : null;
      expect(
        Array.from(asked).filter((whose) => whose !== own),
        name,
      ).toEqual([]);
    }
  }
  expect(await statesOf(server, [theirs, operators])).toEqual(before);
});

test("a session sees and steers its own batches, and lists nobody else's", async () => {
  const server = await startServer();
  const session = await beginSession(server);
  const own = await batchOf(server, session.owner);
  await batchOf(server, "");
  const listed = (await (await session.fetch("/api/batches?count=true")).json()) as { batches: { id: string }[] };
  expect(listed.batches.map(({ id }) => id)).toEqual([own.batchId]);
  expect(listed).toMatchObject({ total: 1 });
  expect((await session.fetch("/api/batches?owner=")).status).toBe(401);
  expect(await (await server.fetch("/api/batches")).json()).toEqual({ batches: [], nextCursor: null });
  const all = (await (await server.operator("/api/batches")).json()) as { batches: unknown[] };
  expect(all.batches).toHaveLength(2);
  const counted = await server.operator("/api/batches?count=true&limit=1");
  expect(await counted.json()).toMatchObject({ batches: [{}], total: 2 });
  const filtered = await server.operator(`/api/batches?owner=${session.owner}`);
  expect((await filtered.json()) as object).toMatchObject({ batches: [{ id: own.batchId }] });

  const forOperator = new Set(["POST /api/batches/:batchId/items"]);
  // These items have no files; what a session gets of those that do is tried elsewhere.
  const isOwn = ({ path }: { path: string }): boolean =>
    path.startsWith("/api/") && path.includes(":batchId") && !/\/(outputs?(\.zip)?|preview)$/.test(path);
  const last = ["POST /api/batches/:batchId/cancel", "DELETE /api/batches/:batchId/items/:itemId"];
  const order = (name: string): number => last.indexOf(name) + (name === "DELETE /api/batches/:batchId" ? 9 : 0);
  const routes = server.routes.filter(isOwn).map((route) => ({ ...route, name: `${route.method} ${route.path}` }));
  for (const route of routes.toSorted((one, two) => order(one.name) - order(two.name))) {
    const { status } = await seen(session.fetch, route, own);
    const expected = forOperator.has(route.name) ? [401] : [200, 409];
    expect(expected, route.name).toContain(status);
  }
  expect((await session.fetch(`/api/batches/${own.batchId}`)).status).toBe(404);
});

test("a cursor leads to nothing of anybody else's, whatever it names, and a stream that was cut goes on with nothing", async () => {
  const server = await startServer();
  const [session, other] = [await beginSession(server), await beginSession(server)];
  await batchOf(server, session.owner);
  const theirs = await batchOf(server, other.owner);
  const operators = await batchOf(server, "");
  const none = ABSENT_BATCH.replace(/./g, (letter) => (letter === "-" ? "-" : "0"));
  const pathsTo = ({ batchId, itemId }: Pick<Ids, "batchId" | "itemId">): readonly string[] => [
    `/api/batches?cursor=${sealed([batchId], ["batches", session.owner, null, null, null])}`,
    `/api/documents?cursor=${sealed([none, batchId, itemId], ["documents", session.owner, false])}`,
  ];
  for (const foreign of [theirs, operators]) {
    for (const [index, path] of pathsTo(foreign).entries()) {
      const missing = await session.fetch(pathsTo({ ...foreign, batchId: ABSENT_BATCH })[index] ?? "");
      const found = await session.fetch(path);
      expect([found.status, await found.text()]).toEqual([400, await missing.text()]);
    }
    const again = { headers: { "last-event-id": "1" } };
    const stream = await session.fetch(`/api/batches/${foreign.batchId}/events`, again);
    const missing = await session.fetch(`/api/batches/${ABSENT_BATCH}/events`, again);
    expect(stream.status).toBe(404);
    expect(await stream.text()).toBe(await missing.text());
  }
});

test("what a session is told does not say where the server keeps its files", async () => {
  const server = await startServer();
  const session = await beginSession(server);
  const path = `${server.files}/batches/b/in/a.jpg`;
  const { id, batch } = await server.milepost.submit({
    pipeline: "p",
    owner: session.owner,
    options: { out: path },
    items: [{ key: path, input: { path } }],
  });
  const [item] = (await batch.items()).items;
  await batch.cancel();
  for (const end of ["", "/items", "/items.csv", `/items/${item?.id}`, "/events"]) {
    const [told, operators] = [
      await session.fetch(`/api/batches/${id}${end}`),
      await server.operator(`/api/batches/${id}${end}`),
    ];
    expect([told.status, operators.status]).toEqual([200, 200]);
    expect(await told.text()).not.toContain(server.files);
    expect(await operators.text()).toContain(server.files);
  }
});

/** An engine, and of whose batches its store was asked for something: the owner, or a text that begins with `any`. */
async function openWatched(name: StoreName): Promise<{ readonly milepost: Milepost; readonly asked: Set<string> }> {
  const asked = new Set<string>();
  const location = name === "memory" ? "memory:" : join(temporaryFolder(), "work.db");
  const deps = { clock: systemClock, random: systemRandom, host: systemHost, logger: SILENT };
  const store = await openStore(location, { ...deps, mustExist: false });
  const hear = (what: string, owner: string | undefined): void => void asked.add(owner ?? `any: ${what}`);
  const watched: Store = {
    ...store,
    batch: (ref) => {
      hear(JSON.stringify(ref), "number" in ref ? undefined : ref.owner);
      return store.batch(ref);
    },
    item: (ref) => {
      hear(JSON.stringify(ref), "queue" in ref ? ref.owner : undefined);
      return store.item(ref);
    },
    batches: (query) => {
      hear("batches", query.owner);
      return store.batches(query);
    },
    versions: (ids, owner) => {
      hear("versions", owner);
      return store.versions(ids, owner);
    },
    items: (query) => {
      hear("items", undefined);
      return store.items(query);
    },
    changes: (...given) => {
      hear("changes", undefined);
      return store.changes(...given);
    },
    control: (...given) => {
      hear("control", undefined);
      return store.control(...given);
    },
  };
  const milepost = new Milepost({ ...deps, store: watched });
  onTestFinished(() => milepost.close());
  return { milepost, asked };
}

/** The routes that the documentation says to be the operator's alone. */
async function documentedForOperator(server: TestServer): Promise<ReadonlySet<string>> {
  type Document = { paths: Record<string, Record<string, { security?: readonly object[] }>> };
  const { paths } = (await (await server.fetch("/openapi.json")).json()) as Document;
  return new Set(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { security }]) =>
        JSON.stringify(security) === '[{"operator":[]}]'
          ? [`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`]
          : [],
      ),
    ),
  );
}

async function batchOf(server: TestServer, owner: string): Promise<Ids> {
  const { id, batch } = await server.milepost.submit({ pipeline: "p", queue: "documents", owner, items: ["a", "b"] });
  const [item] = (await batch.items()).items;
  return { batchId: id, itemId: item?.id ?? "", docId: item?.key ?? "" };
}

async function statesOf({ milepost }: TestServer, batches: readonly Ids[]): Promise<readonly unknown[]> {
  return Promise.all(
    batches.map(async ({ batchId }) => [
      await milepost.batch(batchId).snapshot(),
      await milepost.batch(batchId).items(),
      await milepost.queue("documents").snapshot(),
    ]),
  );
}

async function seen(
  call: TestServer["fetch"],
  { method, path }: { readonly method: string; readonly path: string },
  ids: Ids,
): Promise<Seen> {
  const filled = path
    .replace(":batchId", ids.batchId)
    .replace(":itemId", ids.itemId)
    .replace(":docId", ids.docId)
    .replace(":page", "1")
    .replace(":queue", "documents")
    .replace(/:\w+/, ids.itemId)
    .replace(/^\/api\/events$/, `/api/events?batches=${ids.batchId}`);
  const body = BODIES[path.split("/").at(-1) ?? ""] ?? {};
  const answer = await call(filled, {
    method,
    ...(method === "POST" && {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  });
  const isStream = answer.headers.get("content-type") === "text/event-stream";
  if (isStream) await answer.body?.cancel();
  return {
    status: answer.status,
    body: isStream ? "" : await answer.text(),
    length: answer.headers.get("content-length"),
  };
}
