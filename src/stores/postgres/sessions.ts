import { invariant } from "../../core/invariant.ts";
import type { ProcessIdentity } from "../../ports/host.ts";
import type { SessionRow, SessionSpec } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import { ItemChanges, type ItemQueries } from "./item-changes.ts";
import { Ledger, type LedgerQueries } from "./ledger.ts";
import { prepareOrders } from "./orders.ts";
import type { Transaction } from "./transaction.ts";

type SessionTuple = readonly [
  number: number,
  name: string,
  host: string,
  pid: number,
  birth: string,
  queues: readonly string[],
  concurrency: number,
  leaseMs: number,
  openedAt: number,
  silentMs: number,
  confirmed: number,
  batch: number | null,
  pipelines: readonly string[] | null,
  isDraining: boolean,
  held: number,
];

/** Without what it holds, which the last column of a row tells. */
const COLUMNS = `w.number, w.name, w.host, w.pid, w.birth, w.queues, w.concurrency, w.lease_ms, w.opened_at,
  greatest(0, :now - w.beat_at), w.confirmed, w.batch, w.pipelines, w.is_draining`;

/** Renews the session `$1`, and tells for how long. */
export const BEAT = "UPDATE @workers SET beat_at = :now WHERE number = $1 RETURNING lease_ms";

/** Prepares the port's methods on sessions of workers. */
export function prepareSessions(
  connection: Connection,
  ledgerQueries: LedgerQueries,
  parts: {
    readonly items: ItemQueries;
    readonly finishStalled: () => Promise<void>;
    readonly awaited: () => number | null;
  },
) {
  const insert = connection.query<
    readonly [number]
  >(`INSERT INTO @workers (name, host, pid, birth, queues, batch, pipelines,
    concurrency, lease_ms, opened_at, beat_at, confirmed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, :now, 0) RETURNING number`);
  const beat = connection.query(BEAT);
  const bare = connection.query<SessionTuple>(`SELECT ${COLUMNS}, 0 FROM @workers AS w ORDER BY w.number`);
  const select = `SELECT ${COLUMNS}, coalesce(h.items, 0)::int FROM @workers AS w LEFT JOIN (
    SELECT o.worker, count(*) AS items FROM (SELECT i.worker FROM @batches AS b
    JOIN @items AS i ON i.batch = b.number AND i.worker <> 0 WHERE b.ended_at IS NULL
    UNION ALL SELECT k.worker FROM @blocks AS k JOIN @items AS i ON i.batch = k.batch
    AND i.ordinal BETWEEN k.first AND k.last AND i.fresh) AS o GROUP BY o.worker) AS h ON h.worker = w.number`;
  const all = connection.query<SessionTuple>(`${select} ORDER BY w.number`);
  const one = connection.query<SessionTuple>(`${select} WHERE w.number = $1`);
  const removeBlocks = connection.query("DELETE FROM @blocks WHERE worker = ANY ($1::bigint[])");
  const remove = connection.query("DELETE FROM @workers WHERE number = ANY ($1::bigint[])");

  async function end(
    tx: Transaction,
    sessions: readonly number[],
    how: { now: number; isCrash: boolean },
  ): Promise<void> {
    if (sessions.length === 0) return;
    const ledger = new Ledger(ledgerQueries, tx, how.now);
    const changes = new ItemChanges(parts.items, tx);
    const held = await changes.lockHeldBy(sessions);
    await ledger.lock(held.map((item) => item.batch));
    for (const item of held) changes.takeFromSession(item, ledger, how);
    changes.settle();
    ledger.settle();
    tx.send(removeBlocks, sessions);
    tx.send(remove, sessions);
  }

  async function reapNow(tx: Transaction, now: number, isDead: (session: ProcessIdentity) => boolean): Promise<number> {
    // Read again inside the transaction: they may have renewed their leases, or another process may have been here first.
    const gone = (await tx.all(bare)).flatMap((row) => (isGone(row, isDead) ? [row[0]] : []));
    await end(tx, gone, { now, isCrash: true });
    return gone.length;
  }

  return {
    orders: prepareOrders(connection, parts.awaited),

    async openSession(session: SessionSpec): Promise<number> {
      const { name, host, pid, birth, queues, batch, pipelines, concurrency, leaseMs, now } = session;
      return connection.write(async (tx) => {
        const values = [name, host, pid, birth, queues, batch, pipelines, concurrency, leaseMs, now];
        const row = await tx.get(insert, ...values);
        invariant(row !== undefined, "an inserted session has a number");
        return row[0];
      });
    },

    async beat(worker: number): Promise<boolean> {
      return connection.write(async (tx) => (await tx.run(beat, worker)) === 1, { isTold: false, isUrgent: true });
    },

    async closeSession(worker: number, now: number): Promise<void> {
      await connection.write((tx) => end(tx, [worker], { now, isCrash: false }), { gate: "alone" });
    },

    /** Returns how many sessions were ended. */
    async reap(now: number, isDead: (session: ProcessIdentity) => boolean): Promise<number> {
      const hasGone = (await connection.all(bare)).some((row) => isGone(row, isDead));
      const ended = hasGone ? await connection.write((tx) => reapNow(tx, now, isDead), { gate: "alone" }) : 0;
      await parts.finishStalled();
      return ended;
    },

    async sessions(): Promise<readonly SessionRow[]> {
      return (await connection.all(all)).map(toSessionRow);
    },

    async session(worker: number): Promise<SessionRow | null> {
      const row = await connection.get(one, worker);
      return row === undefined ? null : toSessionRow(row);
    },
  };
}

function isGone(row: SessionTuple, isDead: (session: ProcessIdentity) => boolean): boolean {
  const [, , host, pid, birth, , , leaseMs, , silentMs] = row;
  return silentMs > leaseMs || isDead({ host, pid, birth });
}

function toSessionRow(row: SessionTuple): SessionRow {
  return {
    number: row[0],
    name: row[1],
    host: row[2],
    pid: row[3],
    birth: row[4],
    queues: row[5],
    batch: row[11],
    pipelines: row[12],
    concurrency: row[6],
    leaseMs: row[7],
    openedAt: row[8],
    silentMs: row[9],
    confirmed: row[10],
    held: row[14],
    isDraining: row[13],
  };
}
