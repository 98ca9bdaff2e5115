import { expect, test } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

test("who begins to follow many batches is told what is, not what others were told last", async () => {
  const { milepost, url } = await startServer();
  const { id, batch } = await milepost.submit({ pipeline: "outside", items: ["x"] });
  await batch.cancel();
  const client = createClient({ url, token: TOKEN });
  const seen: string[] = [];
  for await (const { batches } of client.watchMany([id])) {
    seen.push(...batches.map(({ status }) => status));
    if (seen.length === 1) await client.batch(id).retry();
    if (seen.length < 2) continue;
    // Others have just been told, and will not be told again so soon.
    await client.batch(id).cancel();
    for await (const newcomer of client.watchMany([id])) {
      expect(newcomer.batches.map(({ status }) => status)).toEqual(["cancelled"]);
      break;
    }
    break;
  }
  expect(seen).toEqual(["cancelled", "pending"]);
});
