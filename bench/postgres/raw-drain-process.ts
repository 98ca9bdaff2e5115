/** One worker of a raw drain: `raw-drain-process.js <input as JSON>`. */
import type { PostgresInput } from "./input.ts";
import { CHUNK, openRaw, transact } from "./raw-store.ts";
import { cpuMs, tell, told } from "./team.ts";

const input = JSON.parse(process.argv[2] ?? "{}") as PostgresInput;
const client = await openRaw(input);
const claim = `WITH picked AS MATERIALIZED (SELECT id FROM items WHERE state = 0 ORDER BY id LIMIT ${CHUNK} FOR UPDATE SKIP LOCKED)
  UPDATE items SET state = 1, token = token + 1, worker = $1, started_at = $2 FROM picked WHERE items.id = picked.id
  RETURNING items.id, token, key`;
const complete = `UPDATE items SET state = 2, worker = 0, ended_at = $1 FROM unnest($2::bigint[], $3::int[]) AS n (id, token)
  WHERE items.id = n.id AND items.token = n.token AND state = 1`;
tell("ready");
await told();
const before = cpuMs();
for (;;) {
  let claimed: readonly (readonly [id: string, token: number, key: string])[] = [];
  await transact(client, async () => {
    const values = [process.pid, Date.now()];
    claimed = (await client.query({ name: "claim", text: claim, values, rowMode: "array" })).rows as never;
    const { length } = claimed;
    await client.query("UPDATE batches SET pending = pending - $1, processing = processing + $1 WHERE id = 1", [
      length,
    ]);
  });
  if (claimed.length === 0) break;
  await transact(client, async () => {
    const values = [Date.now(), claimed.map(([id]) => id), claimed.map(([, token]) => token)];
    const { rowCount } = await client.query({ name: "complete", text: complete, values });
    await client.query("UPDATE batches SET processing = processing - $1, completed = completed + $1 WHERE id = 1", [
      rowCount,
    ]);
  });
}
tell(cpuMs() - before);
await told();
await client.end();
process.disconnect();
