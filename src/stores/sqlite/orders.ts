import type { Orders } from "../../ports/store.ts";
import { controlOf } from "../codes.ts";
import { FIRST_TOKEN } from "./blocks.ts";
import type { Connection } from "./connection.ts";

/** Prepares `orders` of the port. */
export function prepareOrders(connection: Connection): (worker: number, confirmed: number | null) => Promise<Orders> {
  const session = connection.query<
    [leaseMs: number, beatAt: number, confirmed: number, revision: number, isDraining: number]
  >("SELECT lease_ms, beat_at, confirmed, (SELECT revision FROM meta), is_draining FROM workers WHERE number = ?");
  const confirm = connection.query("UPDATE workers SET confirmed = ? WHERE number = ? AND confirmed < ?");
  const revision = connection.query<[number]>("SELECT revision FROM meta");
  const held = connection.query<[number, number, number]>(`SELECT held.id, token, max(batches.control,
    coalesce(queues.control, 0)) FROM (
      SELECT id, token, batch FROM items INDEXED BY items_held WHERE worker <> 0 AND worker = ?1
      UNION ALL SELECT id, ${FIRST_TOKEN}, batch FROM blocks CROSS JOIN items ON id BETWEEN first AND last AND fresh = 1
      WHERE blocks.worker = ?1
    ) AS held CROSS JOIN batches ON number = held.batch LEFT JOIN queues ON queues.name = batches.queue`);

  function leftMsOf([leaseMs, beatAt]: readonly [number, number, ...unknown[]]): number {
    return Math.max(0, beatAt + leaseMs - connection.clock.monotonic());
  }

  function ordersNow(worker: number): Orders {
    const row = session.get(worker);
    const current = revision.get()?.[0] ?? 0;
    if (row === undefined) return { leftMs: 0, revision: current, isDraining: false, held: [] };
    const rows = held.all(worker);
    return {
      leftMs: leftMsOf(row),
      revision: current,
      isDraining: row[4] === 1,
      held: rows.map(([item, token, control]) => ({ item, token, control: controlOf(control) })),
    };
  }

  return async (worker, confirmed) => {
    // Most calls find nothing new: one statement, and no lock.
    const row = await connection.readOne(() => session.get(worker));
    if (row === undefined || confirmed === null) return connection.read(() => ordersNow(worker));
    const [, , known, current, isDraining] = row;
    if (known < confirmed) await connection.write(() => confirm.run(confirmed, worker, confirmed));
    if (current !== confirmed) return connection.read(() => ordersNow(worker));
    return { leftMs: leftMsOf(row), revision: current, isDraining: isDraining === 1, held: [] };
  };
}
