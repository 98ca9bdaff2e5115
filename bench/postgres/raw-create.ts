import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import { chunksOfNames } from "../names.ts";
import type { PostgresInput } from "./input.ts";
import { CHUNK, makeRaw, openRaw, transact } from "./raw-store.ts";

/** The names inserted by hand, 1,000 a transaction. */
export async function measure(input: PostgresInput): Promise<Figures> {
  const client = await openRaw(input);
  await makeRaw(client, input);
  const cost = await costOf(async () => {
    for (const keys of chunksOfNames(input.items, CHUNK)) {
      await transact(client, async () => {
        await client.query({
          name: "insert",
          text: "INSERT INTO items (batch, key, state, token, worker) SELECT 1, key, 0, 0, 0 FROM unnest($1::text[]) AS key",
          values: [keys],
        });
        await client.query("UPDATE batches SET total = total + $1, pending = pending + $1 WHERE id = 1", [keys.length]);
      });
    }
  });
  await client.end();
  return cost;
}
