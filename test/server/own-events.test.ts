import { expect, test } from "vitest";
import { beginSession } from "./support/begin-session.ts";
import { EventReader } from "./support/event-reader.ts";
import { startServer } from "./support/start-server.ts";

test("a session hears of all its own batches that run, of later ones and of their ends, and of nobody else's", async () => {
  const server = await startServer();
  const { milepost, url } = server;
  const [mine, other] = [await beginSession(server), await beginSession(server)];
  const submit = async (owner: string, name: string) =>
    (await milepost.submit({ pipeline: "outside", owner, name, items: ["a"] })).batch;
  const first = await submit(mine.owner, "first");
  await submit(other.owner, "other");
  const reader = await EventReader.open(`${url}/api/events?batches=all`, { cookie: mine.cookie }, null);
  const snapshot = await reader.nextNamed("snapshot");
  expect(snapshot.data.batches.map(({ name }) => name)).toEqual(["first"]);

  await submit(other.owner, "other too");
  const second = await submit(mine.owner, "second");
  expect((await reader.nextNamed("changes")).data.batches.map(({ name }) => name)).toEqual(["second"]);
  await second.cancel();
  expect((await reader.nextNamed("changes")).data.batches).toMatchObject([{ name: "second", status: "cancelled" }]);
  await second.retry();
  expect((await reader.nextNamed("changes")).data.batches).toMatchObject([{ name: "second", status: "pending" }]);
  await first.remove();
  expect((await reader.nextNamed("removed")).data.batchIds).toEqual([(snapshot.data.batches[0] ?? { id: "" }).id]);
});

test("who has neither session nor token has no batches to hear of", async () => {
  const { fetch } = await startServer();
  expect((await fetch("/api/events?batches=all")).status).toBe(401);
});
