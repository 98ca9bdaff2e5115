import { expect, test } from "vitest";
import { batchSchema } from "../../src/wire/batch.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { startServer } from "./support/start-server.ts";

test("the operator reads a batch; to others it is not there", async () => {
  const { milepost, fetch, operator } = await startServer();
  const { id } = await milepost.submit({ pipeline: "nothing", items: ["a", "b"] });
  const answer = await operator(`/api/batches/${id}`);
  expect(answer.status).toBe(200);
  expect(batchSchema.parse(await answer.json())).toMatchObject({
    id,
    status: "pending",
    counts: { total: 2, pending: 2 },
  });

  const [foreign, absent] = await Promise.all([
    fetch(`/api/batches/${id}`),
    fetch(`/api/batches/${id.replace(/.{4}$/, "0000")}`),
  ]);
  expect([foreign.status, absent.status]).toEqual([404, 404]);
  expect(await foreign.text()).toBe(await absent.text());
});

test("an id that is none is malformed, a token that is wrong refused, as problems", async () => {
  const { fetch, operator } = await startServer();
  const malformed = await operator("/api/batches/__proto__");
  expect(malformed.headers.get("content-type")).toContain("application/problem+json");
  expect(problemSchema.parse(await malformed.json())).toMatchObject({ type: "/problems/malformed", status: 400 });
  const wrong = await fetch("/api/batches/x", { headers: { authorization: "Bearer wrong" } });
  expect(wrong.status).toBe(400);
});
