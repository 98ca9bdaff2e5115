import { assertLearnedFits } from "../../core/learned-size.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Evidence, Learned, LearnedTexts } from "../../ports/evidence.ts";
import { controlOf } from "../codes.ts";
import type { Connection } from "./connection.ts";
import type { Reads } from "./reads.ts";
import { itemRangeOf } from "./rows.ts";
import { prepareServers } from "./servers.ts";

/** Prepares `learn`, `history` and `evidence` of the port. */
export function prepareLearning(connection: Connection, reads: Reads) {
  const facts = connection.query<[work: string, epoch: number, isEnded: number]>(
    "SELECT work, epoch, ended_at IS NOT NULL FROM batches WHERE number = ? AND is_removing = 0",
  );
  const statistics = connection.query<[string]>("SELECT state FROM statistics WHERE batch = ?");
  const history = connection.query<[string]>("SELECT state FROM history WHERE work = ?");
  const putStatistics = connection.query("INSERT OR REPLACE INTO statistics (batch, state) VALUES (?, ?)");
  const dropStatistics = connection.query("DELETE FROM statistics WHERE batch = ?");
  const putHistory = connection.query(`INSERT OR REPLACE INTO history (work, state, changed)
    VALUES (?, ?, (SELECT coalesce(max(changed), 0) + 1 FROM history))`);
  const dropHistory = connection.query("DELETE FROM history WHERE work = ?");
  const trimHistory = connection.query(`DELETE FROM history WHERE changed <= (SELECT changed FROM history
    ORDER BY changed DESC LIMIT 1 OFFSET ${LIMITS.works})`);
  const running = connection.query<[number, string | null, number | null, number, number, number]>(
    `SELECT id, kind, size, fraction, started_at, worker FROM items INDEXED BY items_held
    WHERE worker <> 0 AND state = 1 AND id >= ? AND id < ? ORDER BY id LIMIT ${LIMITS.evidenceItems}`,
  );
  const idle = connection.query<
    [held: number, readyAt: number]
  >(`SELECT coalesce(sum(held), 0), coalesce(max(run_at), 0)
    FROM (SELECT held, CASE WHEN held = 0 THEN run_at ELSE 0 END AS run_at FROM items INDEXED BY items_idle
    WHERE batch = ? AND state = 0 AND (run_at > 0 OR held = 1) LIMIT ${LIMITS.controlChunkItems})`);
  const queue = connection.query<[number, number | null]>("SELECT control, concurrency FROM queues WHERE name = ?");
  const rivals = connection.query<[number, number]>(`SELECT number, priority FROM batches INDEXED BY batches_claimable
    WHERE pending > 0 AND control = 0 AND is_cancelled = 0 AND is_removing = 0 AND queue = ? AND number <> ?
    AND (start_at IS NULL OR start_at <= ?) ORDER BY priority, number LIMIT ${LIMITS.rivals}`);
  const servers = prepareServers(connection);

  function learnedOf(batch: number, work: string): LearnedTexts {
    return { batch: statistics.get(batch)?.[0] ?? null, work: history.get(work)?.[0] ?? null };
  }

  function learnNow(batch: number, change: (known: Learned) => LearnedTexts): boolean {
    const found = facts.get(batch);
    if (found === undefined) return false;
    const [work, epoch, isEnded] = found;
    const before = learnedOf(batch, work);
    const after = change({ ...before, epoch, isEnded: isEnded === 1 });
    assertLearnedFits(after);
    if (after.batch === null) dropStatistics.run(batch);
    else if (after.batch !== before.batch) putStatistics.run(batch, after.batch);
    if (after.work === before.work) return true;
    if (after.work === null) dropHistory.run(work);
    else putHistory.run(work, after.work);
    trimHistory.run();
    return true;
  }

  function evidenceNow(batch: number): Evidence | null {
    const row = reads.batchNow(batch);
    if (row === null) return null;
    const live = servers();
    const trackers = new Set(live.filter(({ concurrency }) => concurrency === 0).map(({ number }) => number));
    const found = running.all(...itemRangeOf(batch));
    const [held, readyAt] = idle.get(batch) ?? [0, 0];
    const [control, concurrency] = queue.get(row.queue) ?? [0, null];
    return {
      row,
      learned: learnedOf(batch, row.work),
      running: found.map(([number, kind, size, fraction, startedAt]) => ({ number, kind, size, fraction, startedAt })),
      tracked: found.filter((item) => trackers.has(item[5])).length,
      held,
      readyAt: readyAt === 0 ? null : readyAt,
      queueControl: controlOf(control),
      queueConcurrency: concurrency,
      dedicated: live.reduce((sum, server) => sum + (server.batch === batch ? server.concurrency : 0), 0),
      rivals: rivals.all(row.queue, batch, connection.clock.now()).map(([number, priority]) => ({ number, priority })),
    };
  }

  return {
    async learn(batch: number, change: (known: Learned) => LearnedTexts): Promise<boolean> {
      return connection.write(() => learnNow(batch, change), { hasEnded: () => false });
    },
    async history(work: string): Promise<string | null> {
      return connection.readOne(() => history.get(work)?.[0] ?? null);
    },
    async evidence(batch: number): Promise<Evidence | null> {
      return connection.read(() => evidenceNow(batch));
    },
  };
}
