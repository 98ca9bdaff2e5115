import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Milepost, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { createServer, type MilepostServer } from "../../src/server/server.ts";
import { signal, temporaryFolder } from "../support/open-for-test.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { EventReader, type ReadEvent } from "./support/event-reader.ts";
import { TOKEN } from "./support/start-server.ts";

const CONNECTIONS_MAX = 2_000;

/** What a browser does: comes back with the last id until it is told that there is nothing more. */
async function followLikeBrowser(url: () => string, onEvent: (event: ReadEvent) => void): Promise<number> {
  let lastId: string | undefined;
  for (let connections = 1; connections < CONNECTIONS_MAX; connections++) {
    let reader: EventReader;
    try {
      reader = await EventReader.open(url(), lastId === undefined ? {} : { "last-event-id": lastId });
    } catch {
      continue;
    }
    if (reader.response.statusCode === 204) return connections;
    for (let event = await reader.next(); event !== null; event = await reader.next()) onEvent(event);
    lastId = reader.lastId ?? lastId;
  }
  throw new Error(`after ${CONNECTIONS_MAX} connections there is no end`);
}

test("over connections that break all the time, and over a restart, nothing is missed and nothing told twice", async () => {
  const folder = temporaryFolder();
  let milepost!: Milepost;
  let server!: MilepostServer;
  const start = async (): Promise<string> => {
    milepost = await openMilepost(join(folder, "work.db"), { logger: SILENT });
    server = await createServer(milepost, { port: 0, token: TOKEN, files: join(folder, "files") });
    return server.listen();
  };
  const stop = async (): Promise<void> => {
    await server.close();
    await milepost.close();
  };
  // Between some hundred bytes and a few events, in no order.
  let connection = 0;
  const proxy = await startCuttingProxy(await start(), () => {
    connection += 1;
    return 300 + ((connection * 977) % 4_000);
  });
  onTestFinished(stop);
  const keys = Array.from({ length: 60 }, (_, index) => `item-${index}`);
  const { batch, id } = await milepost.submit({ pipeline: "outside", items: keys });
  const ids = (await batch.items()).items.map((item) => item.id);

  const told: string[] = [];
  const durable: number[] = [];
  const states = new Map<string, string>();
  const begun = signal();
  let wake = (): void => {};
  const toldOf = async (key: string): Promise<void> => {
    while (!["completed", "failed"].includes(states.get(key) ?? "")) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const following = followLikeBrowser(
    () => `${proxy.url}/api/batches/${id}/events`,
    ({ event, id: at, data }) => {
      if (event === "snapshot") begun.give();
      if (event !== "changes") return;
      for (const item of data.items) {
        told.push(`${item.key} ${item.version}`);
        states.set(item.key, item.state);
      }
      if (at !== undefined) durable.push(Number(at));
      wake();
    },
  );
  await Promise.race([begun.wait, following]);
  let tracker = await milepost.track();
  for (const [index, item] of ids.entries()) {
    if (index === 30) {
      await tracker.close();
      await stop();
      proxy.target = await start();
      tracker = await milepost.track();
    }
    await tracker.start([item]);
    if (index % 3 === 0) await tracker.progress([item], { done: 1, total: 2, message: "half" });
    if (index % 7 === 0) await tracker.fail([item], "no");
    else await tracker.complete([item]);
    if (index % 5 === 1) await Promise.race([toldOf(`item-${index}`), following]);
  }
  const connections = await following;
  expect(connections).toBeGreaterThan(5);
  expect(proxy.cuts).toBeGreaterThan(4);
  expect(told).toEqual([...new Set(told)]);
  expect(durable).toEqual([...new Set(durable)].sort((a, b) => a - b));
  expect(Object.fromEntries(states)).toEqual(
    Object.fromEntries(keys.map((key, index) => [key, index % 7 === 0 ? "failed" : "completed"])),
  );
});
