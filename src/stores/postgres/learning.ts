import { itemNumberFrom } from "../../core/ids.ts";
import { assertLearnedFits } from "../../core/learned-size.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Evidence, Learned, LearnedTexts } from "../../ports/evidence.ts";
import { controlOf } from "../codes.ts";
import type { Connection } from "./connection.ts";
import { lockKeyOf } from "./names.ts";
import type { Reads } from "./reads.ts";
import { CLAIMABLE, liveAt } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

/** Prepares `learn`, `history` and `evidence` of the port. */
export function prepareLearning(connection: Connection, reads: Reads) {
  const facts = connection.query<readonly [work: string, epoch: number, isEnded: boolean]>(
    "SELECT work, epoch, ended_at IS NOT NULL FROM @batches WHERE number = $1 AND NOT is_removing",
  );
  const lock = connection.query("SELECT pg_advisory_xact_lock($1)");
  const statistics = connection.query<readonly [string]>("SELECT state FROM @statistics WHERE batch = $1");
  const history = connection.query<readonly [string]>("SELECT state FROM @history WHERE work = $1");
  const putStatistics = connection.query(`INSERT INTO @statistics (batch, state) VALUES ($1, $2)
    ON CONFLICT (batch) DO UPDATE SET state = excluded.state`);
  const dropStatistics = connection.query("DELETE FROM @statistics WHERE batch = $1");
  const putHistory = connection.query(`INSERT INTO @history (work, state) VALUES ($1, $2)
    ON CONFLICT (work) DO UPDATE SET state = excluded.state, changed = excluded.changed`);
  const dropHistory = connection.query("DELETE FROM @history WHERE work = $1");
  const trimHistory = connection.query(`DELETE FROM @history WHERE changed <=
    (SELECT changed FROM @history ORDER BY changed DESC LIMIT 1 OFFSET ${LIMITS.works})`);
  const running = connection.query<
    readonly [number, number, string | null, number | null, number, number, boolean]
  >(`SELECT i.batch, i.ordinal, i.kind, i.size, i.fraction, i.started_at, coalesce(w.concurrency = 0 AND ${liveAt(":now")}, false)
    FROM @items AS i LEFT JOIN @workers AS w ON w.number = i.worker WHERE i.batch = $1 AND i.worker <> 0 AND i.state = 1
    ORDER BY i.ordinal LIMIT ${LIMITS.evidenceItems}`);
  const idle = connection.query<
    readonly [held: number, readyAt: number | null]
  >(`SELECT count(*) FILTER (WHERE held)::int,
    max(run_at) FILTER (WHERE NOT held) FROM (SELECT held, run_at FROM @items WHERE batch = $1 AND state = 0
    AND (run_at > 0 OR held) LIMIT ${LIMITS.controlChunkItems}) AS few`);
  const queue = connection.query<readonly [number, number | null, number]>(`SELECT control, concurrency,
    (SELECT coalesce(sum(concurrency), 0)::int FROM @workers WHERE batch = $2 AND NOT is_draining AND ${liveAt(":now")})
    FROM @queues WHERE name = $1`);
  const rivals = connection.query<readonly [number, number]>(`SELECT number, priority FROM @batches WHERE ${CLAIMABLE}
    AND queue = $1 AND number <> $2 AND (start_at IS NULL OR start_at <= $3) ORDER BY priority, number LIMIT ${LIMITS.rivals}`);

  async function learnedOf(tx: Transaction, batch: number, work: string): Promise<LearnedTexts> {
    const [ofBatch, ofWork] = await Promise.all([tx.get(statistics, batch), tx.get(history, work)]);
    return { batch: ofBatch?.[0] ?? null, work: ofWork?.[0] ?? null };
  }

  async function learnNow(tx: Transaction, batch: number, change: (known: Learned) => LearnedTexts): Promise<boolean> {
    const work = (await tx.get(facts, batch))?.[0];
    if (work === undefined) return false;
    // What is known of a batch is changed together with what is known of its work: one lock keeps both.
    tx.send(lock, lockKeyOf(connection.location.schema, "learn", work));
    const [found, before] = await Promise.all([tx.get(facts, batch), learnedOf(tx, batch, work)]);
    if (found === undefined) return false;
    const after = change({ ...before, epoch: found[1], isEnded: found[2] });
    assertLearnedFits(after);
    if (after.batch === null) tx.send(dropStatistics, batch);
    else if (after.batch !== before.batch) tx.send(putStatistics, batch, after.batch);
    if (after.work === before.work) return true;
    // One after the other: of two at once neither would count what the other adds.
    tx.send(lock, lockKeyOf(connection.location.schema, "history"));
    if (after.work === null) tx.send(dropHistory, work);
    else tx.send(putHistory, work, after.work);
    tx.send(trimHistory);
    return true;
  }

  async function evidenceNow(tx: Transaction, batch: number): Promise<Evidence | null> {
    const row = await reads.batchNow(tx, batch);
    if (row === null) return null;
    const [learned, found, waiting, order, others] = await Promise.all([
      learnedOf(tx, batch, row.work),
      tx.all(running, batch),
      tx.get(idle, batch),
      tx.get(queue, row.queue, batch),
      tx.all(rivals, row.queue, batch, connection.clock.now()),
    ]);
    const [control, concurrency, dedicated] = order ?? [0, null, 0];
    return {
      row,
      learned,
      running: found.map(([, ordinal, kind, size, fraction, startedAt]) => {
        return { number: itemNumberFrom(batch, ordinal), kind, size, fraction, startedAt };
      }),
      tracked: found.filter((item) => item[6]).length,
      held: waiting?.[0] ?? 0,
      readyAt: waiting?.[1] ?? null,
      queueControl: controlOf(control),
      queueConcurrency: concurrency,
      dedicated,
      rivals: others.map(([number, priority]) => ({ number, priority })),
    };
  }

  return {
    async learn(batch: number, change: (known: Learned) => LearnedTexts): Promise<boolean> {
      return connection.write((tx) => learnNow(tx, batch, change), { isTold: false });
    },
    async history(work: string): Promise<string | null> {
      return (await connection.get(history, work))?.[0] ?? null;
    },
    async evidence(batch: number): Promise<Evidence | null> {
      return connection.read((tx) => evidenceNow(tx, batch));
    },
  };
}
