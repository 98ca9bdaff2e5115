import { expect, test } from "vitest";
import { failuresSchema, stagesSchema } from "../../src/wire/breakdown.ts";
import { itemControlledSchema, removedSchema } from "../../src/wire/control.ts";
import { itemDetailSchema, itemsPageSchema, type WireItem } from "../../src/wire/item.ts";
import { STORES, signal } from "../support/open-for-test.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

async function itemsOf(server: TestServer, path: string): Promise<readonly WireItem[]> {
  const all: WireItem[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const asked: string = cursor === "" ? path : `${path}${path.includes("?") ? "&" : "?"}cursor=${cursor}`;
    const answer = await server.operator(asked);
    const page = itemsPageSchema.parse(await answer.json());
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

test.each(STORES)("%s: items are paged, filtered, read and steered", async (store) => {
  const server = await startServer({ store });
  const [running, end] = [signal(), signal()];
  server.milepost.pipeline({
    name: "p",
    attempts: 1,
    stages: ["look", "think"],
    handler: async ({ key }, step) => {
      if (key === "bad") throw new Error("it is bad");
      step.stage("think");
      running.give();
      await end.wait;
      return { key };
    },
  });
  const items = ["bad", "slow", ...Array.from({ length: 10 }, (_, index) => `item-${index}`)];
  const { id } = await server.milepost.submit({ pipeline: "p", items });
  const path = `/api/batches/${id}`;
  await server.milepost.work({ concurrency: 1 });
  await running.wait;

  expect((await itemsOf(server, `${path}/items?limit=5`)).map(({ key }) => key)).toEqual(items);
  expect((await itemsOf(server, `${path}/items?state=pending&limit=3`)).map(({ key }) => key)).toEqual(items.slice(2));
  const [bad, ...others] = await itemsOf(server, `${path}/items?error=it%20is%20bad`);
  expect(others).toEqual([]);
  expect(bad).toMatchObject({ key: "bad", state: "failed", error: { message: "it is bad" }, attempts: 1 });
  await expect
    .poll(() => itemsOf(server, `${path}/items?stage=think`), { timeout: 30_000 })
    .toMatchObject([{ key: "slow" }]);

  const failures = failuresSchema.parse(await (await server.operator(`${path}/failures`)).json());
  expect(failures.failures).toMatchObject([{ message: "it is bad", items: 1, example: { id: bad?.id, key: "bad" } }]);
  const stages = stagesSchema.parse(await (await server.operator(`${path}/stages`)).json());
  expect(stages.stages).toEqual([{ stage: "think", items: 1 }]);
  const detail = itemDetailSchema.parse(await (await server.operator(`${path}/items/${bad?.id}`)).json());
  expect(detail).toMatchObject({ key: "bad", estimate: null, runs: [{ outcome: "failed" }] });

  const control = async (key: string, name: string, body: object = {}): Promise<unknown> => {
    const item = (await itemsOf(server, `${path}/items`)).find((candidate) => candidate.key === key);
    const answer = await server.operator(`${path}/items/${item?.id}/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return itemControlledSchema.parse(await answer.json());
  };
  expect(await control("item-0", "hold")).toMatchObject({ changed: 1, item: { isHeld: true } });
  expect(await control("item-1", "priority", { priority: "urgent" })).toMatchObject({ item: { priority: -20 } });
  expect(await control("item-2", "cancel")).toMatchObject({ changed: 1, item: { state: "cancelled" } });
  expect(await control("item-2", "retry")).toMatchObject({ changed: 1, item: { state: "pending" } });

  const slow = (await itemsOf(server, `${path}/items?state=processing`))[0];
  const remove = (item: string | undefined): Promise<Response> =>
    server.operator(`${path}/items/${item}`, { method: "DELETE" });
  expect((await remove(slow?.id)).status).toBe(409);
  expect((await server.operator(path, { method: "DELETE" })).status).toBe(409);
  expect(removedSchema.parse(await (await remove(bad?.id)).json())).toEqual({ changed: 1 });
  expect((await remove(bad?.id)).status).toBe(404);
  end.give();
});

test.each(STORES)("%s: answers are tagged: what is known is 304, what changed is not", async (store) => {
  const server = await startServer({ store });
  const { id, batch } = await server.milepost.submit({ pipeline: "p", items: ["a", "b", "c"] });
  for (const path of [`/api/batches/${id}`, `/api/batches/${id}/items`, `/api/batches/${id}/items?limit=1`]) {
    const first = await server.operator(path);
    const tag = first.headers.get("etag") ?? "";
    expect(tag).toMatch(/^W\/"[\w-]+"$/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    for (const known of [tag, `"other", ${tag}`, tag.slice(2), "*"]) {
      const again = await server.operator(path, { headers: { "if-none-match": known } });
      expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", tag]);
    }
    expect((await server.operator(path, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    await batch.setPriority(path.length);
    const changed = await server.operator(path, { headers: { "if-none-match": tag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).not.toBe(tag);
  }
  // Somebody who may not know of it is not told that it has not changed.
  expect((await server.fetch(`/api/batches/${id}`, { headers: { "if-none-match": "*" } })).status).toBe(404);
});

test.each(STORES)("70 %s: all items as a table, formulas made harmless, every cell where it belongs", async (store) => {
  const server = await startServer({ store });
  const odd = ['=HYPERLINK("http://x")', "+1", "-1", "@x", "\tx", "\rx", 'a "quoted", one', "two\r\nlines", "日本"];
  const many = Array.from({ length: 1_500 }, (_, index) => `item-${index}`);
  const { id } = await server.milepost.submit({ pipeline: "p", items: [...odd, ...many] });
  const answer = await server.operator(`/api/batches/${id}/items.csv`);
  expect(answer.headers.get("content-type")).toContain("text/csv");
  expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="${id}.csv"`);
  const [head, ...rows] = parseCsv(await answer.text());
  expect(head?.slice(0, 4)).toEqual(["id", "key", "state", "stage"]);
  expect(rows.every((row) => row.length === head?.length)).toBe(true);
  const expected = odd.map((key) => (/^[=+\-@\t\r]/.test(key) ? `'${key}` : key));
  expect(rows.map((row) => row[1])).toEqual([...expected, ...many]);
  const none = await server.operator(`/api/batches/${id}/items.csv?state=failed`);
  expect(parseCsv(await none.text())).toEqual([head]);
});

test("a table that nobody reads to its end is given up", async () => {
  const server = await startServer();
  const items = Array.from({ length: 30_000 }, (_, index) => `item-${index}-${"x".repeat(100)}`);
  const { id } = await server.milepost.submit({ pipeline: "p", items });
  const cut = new AbortController();
  const answer = await server.operator(`/api/batches/${id}/items.csv`, { signal: cut.signal });
  await answer.body?.getReader().read();
  cut.abort();
  expect((await server.operator(`/api/batches/${id}`)).status).toBe(200);
});

/** A strict reader of RFC 4180. */
function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const match = cell.exec(text);
    if (match === null) throw new Error(`no cell at ${at}: ${text.slice(at, at + 40)}`);
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}
