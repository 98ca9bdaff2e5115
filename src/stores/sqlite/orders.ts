import type { Orders } from "../../ports/store.ts";
import { FIRST_TOKEN } from "./blocks.ts";
import type { Connection } from "./connection.ts";
import { controlOf } from "./rows.ts";

/** Prepares `orders` of the port. */
export function prepareOrders(connection: Connection): (worker: number, confirmed: number | null) => Promise<Orders> {
  const session = connection.query<[leaseMs: number, beatAt: number, confirmed: number]>(
    "SELECT lease_ms, beat_at, confirmed FROM workers WHERE number = ?",
  );
  const confirm = connection.query("UPDATE workers SET confirmed = ? WHERE number = ? AND confirmed < ?");
  const revision = connection.query<[number]>("SELECT revision FROM meta");
  const held = connection.query<[number, number, number]>(`SELECT held.id, token, max(batches.control,
    coalesce(queues.control, 0)) FROM (
      SELECT id, token, batch FROM items INDEXED BY items_held WHERE worker <> 0 AND worker = ?1
      UNION ALL SELECT id, ${FIRST_TOKEN}, batch FROM blocks CROSS JOIN items ON id BETWEEN first AND last AND fresh = 1
      WHERE blocks.worker = ?1
    ) AS held CROSS JOIN batches ON number = held.batch LEFT JOIN queues ON queues.name = batches.queue`);

  function ordersNow(worker: number, confirmed: number | null): Orders & { readonly confirmed: number } {
    const current = revision.get()?.[0] ?? 0;
    const row = session.get(worker);
    if (row === undefined) return { leftMs: 0, revision: current, held: [], confirmed: current };
    const [leaseMs, beatAt, known] = row;
    const rows = current === confirmed ? [] : held.all(worker);
    return {
      leftMs: Math.max(0, beatAt + leaseMs - connection.clock.monotonic()),
      revision: current,
      held: rows.map(([item, token, control]) => ({ item, token, control: controlOf(control) })),
      confirmed: known,
    };
  }

  return async (worker, confirmed) => {
    const { confirmed: known, ...orders } = await connection.read(() => ordersNow(worker, confirmed));
    // Most calls confirm nothing new; they must not take the write lock.
    if (confirmed !== null && known < confirmed) {
      await connection.write(() => confirm.run(confirmed, worker, confirmed));
    }
    return orders;
  };
}
