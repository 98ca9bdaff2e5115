import { expect, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { StatusManager } from "../../src/index.ts";
import { documentsSchema, type WireDocument } from "../../src/wire/document.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { ManualTime } from "../support/manual-time.ts";
import { openForTest } from "../support/open-for-test.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

const path = (query: Readonly<Record<string, string | number>>): string =>
  `/api/documents?${Object.entries(query)
    .map(([name, value]) => `${name}=${value}`)
    .join("&")}`;

async function page({ operator }: Pick<TestServer, "operator">, query: Readonly<Record<string, string | number>>) {
  const answer = await operator(path(query));
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return documentsSchema.parse(JSON.parse(text));
}

/** All of them, `limit` at a time. */
async function walk(server: TestServer, query: Readonly<Record<string, string | number>>): Promise<string[]> {
  const found: WireDocument[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { documents, nextCursor } = await page(server, { ...query, ...(cursor !== "" && { cursor }) });
    expect(documents.length).toBeLessThanOrEqual(Number(query.limit));
    found.push(...documents);
    cursor = nextCursor;
  }
  return found.map(({ docId }) => docId);
}

const submit = (milepost: Milepost, keys: readonly string[]) =>
  milepost.submit({ pipeline: "documents", queue: "documents", items: keys });

/** Documents of both kinds, older and newer ones in turn; `twice` is in two batches. */
async function fill(): Promise<{ readonly server: TestServer; readonly time: ManualTime; readonly all: string[] }> {
  const time = new ManualTime();
  const milepost = await openForTest("memory", { clock: time.clock });
  const manager = new StatusManager(milepost, { cleansUp: false });
  await submit(milepost, ["run-1", "twice", "run-2"]);
  await time.pass(1_000);
  for (const docId of ["told-1", "told-2"]) {
    await manager.createStatus(docId, docId);
    await time.pass(1_000);
  }
  await submit(milepost, ["run-3", "twice"]);
  await time.pass(1_000);
  await manager.createStatus("told-3", "told-3");
  await time.pass(1_000);
  const server = await startServer({ milepost });
  return { server, time, all: ["told-3", "twice", "run-3", "told-2", "told-1", "run-2", "run-1"] };
}

test("documents are listed a page at a time, each once, whatever the size of the page", async () => {
  const { server, all } = await fill();
  for (const active of ["false", "true"]) {
    for (const limit of [1, 2, 3, 6, 7, 1_000]) {
      expect(await walk(server, { active, limit }), `active=${active} limit=${limit}`).toEqual(all);
    }
  }
  await new StatusManager(server.milepost, { cleansUp: false }).markCompleted("told-2");
  expect(await walk(server, { active: "true", limit: 2 })).toEqual(all.filter((docId) => docId !== "told-2"));
  expect(await walk(server, { limit: 2 })).toEqual(all);
});

test("what comes in or goes away between two pages makes none of the others miss or come twice", async () => {
  const { server, time, all } = await fill();
  const manager = new StatusManager(server.milepost, { cleansUp: false });
  const first = await page(server, { limit: 2 });
  await manager.createStatus("late", "late");
  await submit(server.milepost, ["later"]);
  await time.pass(1_000);
  // The one that the next page would begin with.
  await server.milepost.queue("documents").item("run-3").remove();
  const rest = await page(server, { limit: 100, cursor: first.nextCursor ?? "" });
  expect(rest.nextCursor).toBeNull();
  const shown = [...first.documents, ...rest.documents].map(({ docId }) => docId);
  expect(shown).toEqual(all.filter((docId) => docId !== "run-3"));
});

test("a cursor is of its list alone, and of a batch that is still there", async () => {
  const { server } = await fill();
  const { nextCursor } = await page(server, { limit: 1 });
  const refused = async (query: Readonly<Record<string, string>>): Promise<string> =>
    problemSchema.parse(await (await server.operator(path(query))).json()).type;
  const cursor = nextCursor ?? "";
  const others = [
    { cursor, active: "true" },
    { cursor: `${cursor}A` },
    { cursor: cursor.slice(0, -4) },
    { cursor: "x" },
  ];
  for (const query of others) expect.soft(await refused(query)).toBe("/problems/malformed");
  const { batches } = await server.milepost.batches({ queue: "documents" });
  for (const { id, pipeline } of batches) {
    if (pipeline !== "documents") continue;
    await server.milepost.batch(id).cancel();
    await server.milepost.batch(id).remove();
  }
  expect(await refused({ cursor })).toBe("/problems/malformed");
});
