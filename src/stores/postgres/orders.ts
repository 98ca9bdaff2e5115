import { itemNumberFrom } from "../../core/ids.ts";
import type { Orders } from "../../ports/store.ts";
import { controlOf } from "../codes.ts";
import type { Connection } from "./connection.ts";
import { FIRST_TOKEN } from "./rows.ts";

type OrderTuple = readonly [
  revision: number,
  leftMs: number | null,
  isDraining: boolean | null,
  batch: number | null,
  ordinal: number,
  token: number,
  control: number,
];

/**
 * How long an answer stands for the next ones while commits are heard of and none of them can have changed it. A worker asks every
 * 50 ms, and a pause is to be known in 250: the server may fall silent unnoticed.
 */
const KEPT_MS = 140;

interface Kept {
  readonly confirmed: number;
  readonly leftMs: number;
  readonly askedAt: number;
  readonly awaited: number;
}

/** Prepares `orders` of the port. `awaited` is as of the watcher. */
export function prepareOrders(
  connection: Connection,
  awaited: () => number | null,
): (worker: number, confirmed: number | null) => Promise<Orders> {
  const session = connection.query<
    readonly [revision: number, leftMs: number | null, isDraining: boolean | null, confirmed: number | null]
  >(
    `SELECT m.revision, greatest(0, w.beat_at + w.lease_ms - :now), w.is_draining, w.confirmed
    FROM @meta AS m LEFT JOIN @workers AS w ON w.number = $1`,
    { isUrgent: true },
  );
  const confirm = connection.query("UPDATE @workers SET confirmed = $2 WHERE number = $1 AND confirmed < $2");
  // One statement, and so one snapshot: what is held is as of the revision.
  const held = connection.query<OrderTuple>(
    `SELECT m.revision, greatest(0, w.beat_at + w.lease_ms - :now),
    w.is_draining, h.batch, h.ordinal, h.token, h.control FROM @meta AS m LEFT JOIN @workers AS w ON w.number = $1
    LEFT JOIN (SELECT o.batch, o.ordinal, o.token, greatest(b.control, q.control) AS control FROM (
      SELECT i.batch, i.ordinal, i.token FROM @batches AS b JOIN @items AS i ON i.batch = b.number AND i.worker = $1
      WHERE b.ended_at IS NULL AND i.worker <> 0
      UNION ALL SELECT i.batch, i.ordinal, ${FIRST_TOKEN} FROM @blocks AS k JOIN @items AS i ON i.batch = k.batch
      AND i.ordinal BETWEEN k.first AND k.last AND i.fresh WHERE k.worker = $1) AS o
    JOIN @batches AS b ON b.number = o.batch JOIN @queues AS q ON q.name = b.queue) AS h ON w.number IS NOT NULL`,
    { isUrgent: true },
  );

  async function readAll(worker: number): Promise<Orders> {
    const rows = await connection.all(held, worker);
    const [revision, leftMs, isDraining] = rows[0] ?? [0, null, null];
    return {
      leftMs: leftMs ?? 0,
      revision,
      isDraining: isDraining ?? false,
      held: rows.flatMap(([, , , batch, ordinal, token, control]) =>
        batch === null ? [] : [{ item: itemNumberFrom(batch, ordinal), token, control: controlOf(control) }],
      ),
    };
  }

  /** What workers that had nothing to do but what they had confirmed were told last. */
  const answers = new Map<number, Kept>();

  function leftOf(worker: number, confirmed: number): number {
    const kept = answers.get(worker);
    if (kept === undefined || kept.confirmed !== confirmed || kept.awaited !== awaited()) return 0;
    const sinceMs = connection.clock.monotonic() - kept.askedAt;
    return sinceMs < KEPT_MS ? kept.leftMs - sinceMs : 0;
  }

  function keep(worker: number, answer: Omit<Kept, "awaited"> & { readonly awaited: number | null }): void {
    answers.delete(worker);
    for (const [other, { askedAt }] of answers) if (answer.askedAt - askedAt >= KEPT_MS) answers.delete(other);
    if (answer.awaited !== null) answers.set(worker, { ...answer, awaited: answer.awaited });
  }

  return async (worker, confirmed) => {
    if (confirmed === null) return readAll(worker);
    const keptMs = leftOf(worker, confirmed);
    if (keptMs > 0) return { leftMs: keptMs, revision: confirmed, isDraining: false, held: [] };
    const before = { askedAt: connection.clock.monotonic(), awaited: awaited() };
    // Most calls find nothing new.
    const [revision, leftMs, isDraining, known] = (await connection.get(session, worker)) ?? [0, null, null, null];
    if (leftMs === null || isDraining === null || known === null) {
      return { leftMs: 0, revision, isDraining: false, held: [] };
    }
    if (known < confirmed)
      await connection.write((tx) => tx.run(confirm, worker, confirmed), { isTold: false, isUrgent: true });
    if (revision !== confirmed) return readAll(worker);
    if (!isDraining) keep(worker, { ...before, confirmed, leftMs });
    return { leftMs, revision, isDraining, held: [] };
  };
}
