import { MilepostError } from "../../core/errors.ts";
import { batchIdFrom, chanceOf, itemIdFrom, ordinalOf } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import { requireWhole } from "../../core/options.ts";
import type { SessionRow, SessionSpec } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import { requireText } from "../submit.ts";
import { isRemote, REMOTE_HOST } from "./remote-host.ts";

/** What a worker outside the process says of itself. */
export interface RemoteWorkerOptions {
  /** For people: machine and process, for example. */
  readonly name: string;
  /** Only these queues; default: all. */
  readonly queues?: readonly string[];
  /** Only batches of these pipelines; default: all. */
  readonly pipelines?: readonly string[];
  /** Items it runs at once; default 1. */
  readonly concurrency?: number;
  /** After this many milliseconds without a call of it, others may take its items. Default 30,000. */
  readonly leaseMs?: number;
}

/*
 * The id of such a worker is made like an item's: of its session's number and of chance, which is the session's "birth".
 */

/** @throws {MilepostError} `INVALID_ARGUMENT` */
export function toSessionSpec({ clock, random }: Deps, options: RemoteWorkerOptions): SessionSpec {
  const { name, queues = [], pipelines = null, concurrency = 1, leaseMs = 30_000 } = options;
  requireText("a worker's name", name);
  requireWhole("concurrency", concurrency, 1, LIMITS.concurrency);
  requireWhole("leaseMs", leaseMs, LIMITS.leaseMinMs, LIMITS.leaseMaxMs);
  for (const queue of queues) requireText("a queue's name", queue);
  for (const pipeline of pipelines ?? []) requireText("a pipeline's name", pipeline);
  const now = clock.now();
  const birth = chanceOf(batchIdFrom(now, random.bytes(10)));
  return {
    name,
    host: `${REMOTE_HOST}${birth}`,
    pid: 0,
    birth,
    queues,
    pipelines,
    batch: null,
    concurrency,
    leaseMs,
    now,
  };
}

export function remoteIdOf({ number, birth }: Pick<SessionRow, "number" | "birth">): string {
  return itemIdFrom(`00000000-0000-7${birth}`, number);
}

/** The number of the session that an id names. @throws {MilepostError} `NOT_FOUND` for a text that cannot be one */
export function sessionNumberOf(id: string): number {
  const number = typeof id === "string" ? ordinalOf(id) : null;
  if (number === null) throw unknownWorker(id);
  return number;
}

export function isOfSession(id: string, session: SessionRow): boolean {
  return isRemote(session) && remoteIdOf(session) === id;
}

export function unknownWorker(id: string): MilepostError {
  return new MilepostError(
    "NOT_FOUND",
    `there is no worker ${id}: it left, or was silent for longer than its lease and lost what it held; open another`,
  );
}
