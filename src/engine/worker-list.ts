import { itemIdFrom } from "../core/ids.ts";
import { type ItemSnapshot, toItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import { requireWhole } from "../core/options.ts";
import type { WorkerSnapshot } from "../core/worker-snapshot.ts";
import type { SessionRow } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import { isRemote } from "./remote/remote-host.ts";
import { remoteIdOf, sessionNumberOf, unknownWorker } from "./remote/remote-session.ts";

/** Held items that are looked at to find those that run: a worker may have claimed many more ahead. */
const LOOKED_AT_MAX = 100;

/** What sessions of processes have where those of workers outside have chance: their ids give no right to anything. */
const PROCESS_ID = "00000000-0000-7000-8000-000000000000";

/** Every session, each with up to `items` of what it holds. */
export async function listWorkers(deps: Deps, items: number): Promise<readonly WorkerSnapshot[]> {
  requireWhole("items", items, 0, LIMITS.claimItems);
  const sessions = await deps.store.sessions();
  return Promise.all(sessions.map((session) => toWorkerSnapshot(deps, session, items)));
}

/** The session that an id of `listWorkers` names. @throws {MilepostError} `NOT_FOUND` */
export async function findWorker({ store }: Deps, id: string): Promise<SessionRow> {
  const session = await store.session(sessionNumberOf(id));
  if (session === null || workerIdOf(session) !== id) throw unknownWorker(id);
  return session;
}

function workerIdOf(session: SessionRow): string {
  return isRemote(session) ? remoteIdOf(session) : itemIdFrom(PROCESS_ID, session.number);
}

/** A session with up to `items` of what it holds. */
export async function toWorkerSnapshot(deps: Deps, session: SessionRow, items: number): Promise<WorkerSnapshot> {
  const { name, queues, pipelines, concurrency, leaseMs, openedAt, silentMs, held, isDraining } = session;
  const isOutside = isRemote(session);
  const batch = session.batch === null ? null : await deps.store.batch({ number: session.batch });
  return {
    id: workerIdOf(session),
    name,
    // The rest of the host's identity tells boots and namespaces apart.
    host: isOutside ? null : (session.host.split("/", 1)[0] ?? null),
    pid: isOutside ? null : session.pid,
    queues,
    pipelines,
    batchId: batch?.id ?? null,
    concurrency,
    leaseMs,
    openedAt: new Date(openedAt),
    silentMs,
    isDraining,
    held,
    items: items === 0 || held === 0 ? [] : await itemsOf(deps, session.number, items),
  };
}

/** Items that a session holds: what runs by when it began, then what was claimed ahead. */
async function itemsOf({ store }: Deps, worker: number, limit: number): Promise<readonly ItemSnapshot[]> {
  const { held } = await store.orders(worker, null);
  const looked = held.slice(0, Math.max(limit, LOOKED_AT_MAX));
  const details = await Promise.all(looked.map(({ item }) => store.item({ number: item })));
  const rows = details.flatMap((detail) => (detail === null ? [] : [detail.item]));
  const startOf = (row: { readonly startedAt: number | null }): number => row.startedAt ?? Number.POSITIVE_INFINITY;
  // Infinity minus itself is no number, and so no order.
  rows.sort((a, b) => (startOf(a) === startOf(b) ? a.number - b.number : startOf(a) - startOf(b)));
  return rows.slice(0, limit).map((row) => toItemSnapshot(row));
}
