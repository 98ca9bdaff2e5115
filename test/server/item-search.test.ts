import { expect, test } from "vitest";
import { batchControlledSchema } from "../../src/wire/control.ts";
import { itemsPageSchema, type WireItemsPage } from "../../src/wire/item.ts";
import { openForTest, STORES } from "../support/open-for-test.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

async function pageOf(server: TestServer, path: string): Promise<WireItemsPage> {
  const answer = await server.operator(path);
  expect(answer.status).toBe(200);
  return itemsPageSchema.parse(await answer.json());
}

test.each(STORES)("%s: items are read from any place and found by name", async (store) => {
  const server = await startServer({ store });
  const items = Array.from({ length: 1_200 }, (_, index) => ({
    key: `dir/item-${index}`,
    ...(index === 700 && { input: { filename: "Träume <b>.PNG" } }),
  }));
  const { id, batch } = await server.milepost.submit({ pipeline: "outside", items }).then(async ({ batch }) => {
    return { batch, id: (await batch.snapshot()).id };
  });
  const path = `/api/batches/${id}/items`;
  const page = await pageOf(server, `${path}?from=1000&limit=3`);
  expect(page.items.map(({ name }) => name)).toEqual(["dir/item-1000", "dir/item-1001", "dir/item-1002"]);
  expect(page.span).toBe(1_200);
  const [first] = (await batch.items({ limit: 1 })).items;
  await batch.item(first?.id ?? "").remove();
  expect(await pageOf(server, `${path}?from=0&limit=1`)).toMatchObject({
    items: [{ name: "dir/item-1" }],
    span: 1_200,
  });
  expect(await pageOf(server, `${path}?from=1200`)).toMatchObject({ items: [], nextCursor: null });

  expect((await pageOf(server, `${path}?search=tr%C3%A4ume`)).items.map(({ name }) => name)).toEqual([
    "Träume <b>.PNG",
  ]);
  const found = await pageOf(server, `${path}?search=ITEM-11&limit=100`);
  expect(found.items).toHaveLength(100);
  const rest = await pageOf(server, `${path}?search=ITEM-11&limit=100&cursor=${found.nextCursor}`);
  expect(rest).toMatchObject({ items: expect.any(Array), nextCursor: null });
  expect(rest.items).toHaveLength(11);
  expect(await pageOf(server, `${path}?search=nowhere`)).toMatchObject({ items: [], nextCursor: null });

  const refused = ["search=", `search=${"x".repeat(600)}`, "from=-1", "from=x", `from=1&cursor=${found.nextCursor}`];
  for (const query of refused)
    expect([query, (await server.operator(`${path}?${query}`)).status]).toEqual([query, 400]);
  await expect(batch.items({ search: "a", order: "newest" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("a search looks at so many items at a time, and goes on from there", async () => {
  const milepost = await openForTest("memory");
  const items = Array.from({ length: 200_050 }, (_, index) => String(index));
  const { batch } = await milepost.submit({ pipeline: "outside", items });
  const first = await batch.items({ search: "200049" });
  expect(first.items).toEqual([]);
  const second = await batch.items({ search: "200049", after: first.nextCursor ?? "" });
  expect([second.items.map(({ key }) => key), second.nextCursor]).toEqual([["200049"], null]);
});

test.each(STORES)("%s: the items of one message are retried", async (store) => {
  const server = await startServer({ store });
  const { batch } = await server.milepost.submit({ pipeline: "outside", items: ["a", "b", "c"] });
  const tracker = await server.milepost.track();
  const ids = (await batch.items()).items.map(({ id }) => id);
  await tracker.start(ids);
  await tracker.fail(ids.slice(0, 2), new Error("often"));
  await tracker.fail(ids.slice(2), new Error("seldom"));
  const { id } = await batch.snapshot();
  const answer = await server.operator(`/api/batches/${id}/retry`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: "often" }),
  });
  const { changed, batch: after } = batchControlledSchema.parse(await answer.json());
  expect([changed, after.counts.pending, after.counts.failed]).toEqual([2, 2, 1]);
});
