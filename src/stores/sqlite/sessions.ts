import { invariant } from "../../core/invariant.ts";
import type { ProcessIdentity } from "../../ports/host.ts";
import type { SessionRow, SessionSpec } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges } from "./item-changes.ts";
import { Ledger, type LedgerQueries } from "./ledger.ts";
import { prepareOrders } from "./orders.ts";

type SessionTuple = readonly [
  number: number,
  name: string,
  host: string,
  pid: number,
  birth: string,
  queues: string,
  concurrency: number,
  leaseMs: number,
  openedAt: number,
  beatAt: number,
  confirmed: number,
  batch: number | null,
  pipelines: string | null,
  isDraining: number,
];

const COLUMNS = `number, name, host, pid, birth, queues, concurrency, lease_ms, opened_at, beat_at, confirmed, batch,
  pipelines, is_draining`;

/** A beat this far in the future of the machine's monotonic clock was made before a reboot set that clock back. */
const FUTURE_MS = 60_000;

/** True once a session's lease has lapsed, by the clock that all processes of the machine share. */
export function isLapsed(session: { readonly beatAt: number; readonly leaseMs: number }, monotonic: number): boolean {
  return session.beatAt + session.leaseMs < monotonic || session.beatAt > monotonic + FUTURE_MS;
}

export type Sessions = ReturnType<typeof prepareSessions>;

/** Prepares the port's methods on sessions of workers. */
export function prepareSessions(
  connection: Connection,
  ledgerQueries: LedgerQueries,
  parts: { readonly changes: ItemChanges; readonly finishStalled: () => Promise<void> },
) {
  const { changes } = parts;
  const insert = connection.query<[number]>(`INSERT INTO workers (name, host, pid, birth, queues, batch, pipelines,
    concurrency, lease_ms, opened_at, beat_at, confirmed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING number`);
  const beat = connection.query("UPDATE workers SET beat_at = ? WHERE number = ?");
  const all = connection.query<SessionTuple>(`SELECT ${COLUMNS} FROM workers ORDER BY number`);
  const one = connection.query<SessionTuple>(`SELECT ${COLUMNS} FROM workers WHERE number = ?`);
  const remove = connection.query("DELETE FROM workers WHERE number = ?");
  const heldCount = connection.query<[number]>(`SELECT (SELECT count(*) FROM items INDEXED BY items_held
    WHERE worker <> 0 AND worker = ?1) + (SELECT coalesce(sum(items), 0) FROM blocks WHERE worker = ?1)`);

  function end(sessions: readonly number[], now: number, isCrash: boolean): void {
    const ledger = new Ledger(ledgerQueries, now);
    for (const session of sessions) {
      for (const item of changes.heldBy(session)) changes.takeFromSession(item, ledger, { isCrash, now });
      remove.run(session);
    }
    ledger.settle();
  }

  function reapNow(now: number, isDead: (session: ProcessIdentity) => boolean): number {
    // Read again inside the transaction: they may have renewed their leases, or another process may have been here first.
    const gone = all.all().flatMap((row) => (isGone(row, isDead) ? [row[0]] : []));
    end(gone, now, true);
    return gone.length;
  }

  function isGone(row: SessionTuple, isDead: (session: ProcessIdentity) => boolean): boolean {
    const [, , host, pid, birth, , , leaseMs, , beatAt] = row;
    return isLapsed({ beatAt, leaseMs }, connection.clock.monotonic()) || isDead({ host, pid, birth });
  }

  function toSessionRow(row: SessionTuple): SessionRow {
    return {
      number: row[0],
      name: row[1],
      host: row[2],
      pid: row[3],
      birth: row[4],
      queues: JSON.parse(row[5]) as readonly string[],
      batch: row[11],
      pipelines: row[12] === null ? null : (JSON.parse(row[12]) as readonly string[]),
      concurrency: row[6],
      leaseMs: row[7],
      openedAt: row[8],
      silentMs: Math.max(0, connection.clock.monotonic() - row[9]),
      confirmed: row[10],
      held: heldCount.get(row[0])?.[0] ?? 0,
      isDraining: row[13] === 1,
    };
  }

  return {
    orders: prepareOrders(connection),

    async openSession(session: SessionSpec): Promise<number> {
      return connection.write(() => {
        const { name, host, pid, birth, batch, concurrency, leaseMs, now } = session;
        const beatAt = connection.clock.monotonic();
        const queues = JSON.stringify(session.queues);
        const pipelines = session.pipelines === null ? null : JSON.stringify(session.pipelines);
        const row = insert.get(name, host, pid, birth, queues, batch, pipelines, concurrency, leaseMs, now, beatAt);
        invariant(row !== undefined, "an inserted session has a number");
        return row[0];
      });
    },

    async beat(worker: number): Promise<boolean> {
      return connection.write(() => beat.run(connection.clock.monotonic(), worker) === 1);
    },

    async closeSession(worker: number, now: number): Promise<void> {
      await connection.write(() => end([worker], now, false));
    },

    /** Returns how many sessions were ended. */
    async reap(now: number, isDead: (session: ProcessIdentity) => boolean): Promise<number> {
      const hasGone = (await connection.readOne(() => all.all())).some((row) => isGone(row, isDead));
      const ended = hasGone ? await connection.write(() => reapNow(now, isDead)) : 0;
      await parts.finishStalled();
      return ended;
    },

    async sessions(): Promise<readonly SessionRow[]> {
      return connection.read(() => all.all().map(toSessionRow));
    },

    async session(worker: number): Promise<SessionRow | null> {
      return connection.read(() => {
        const row = one.get(worker);
        return row === undefined ? null : toSessionRow(row);
      });
    },
  };
}
