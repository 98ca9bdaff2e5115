import { createHash } from "node:crypto";
import { MilepostError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { DumpedRow, Restore } from "../ports/dump.ts";
import type { ProcessIdentity } from "../ports/host.ts";
import type { Store } from "../ports/store.ts";

export interface CopyOptions {
  readonly from: Store;
  readonly to: Restore;
  readonly clock: Clock;
  /** True only if the process certainly lives no more: what it held is given back first. */
  readonly isDead: (session: ProcessIdentity) => boolean;
  /** Called after each page, with the items that were copied or checked so far. */
  readonly onProgress?: (step: "copy" | "check", items: number) => void;
  /** Ends the copying; nothing is left of it. */
  readonly signal?: AbortSignal;
}

export interface Copied {
  readonly batches: number;
  readonly items: number;
  /** Of all rows, in the order of the dump: the same of both stores. */
  readonly checksum: string;
}

/**
 * Copies all of a store that nobody works on: every row is written, both stores are then read again whole and compared by their
 * checksums, the copy is verified, and only then published. On any failure nothing is left of it. The memory that it takes does not
 * depend on the size.
 *
 * Ids, numbers, versions and tokens stay, so cursors of change feeds go on where they were. What is written to `from` after the last
 * look at it is not in the copy: whoever submits must have ended.
 *
 * @throws {MilepostError} `CONFLICT` while workers or trackers have sessions, and where `from` changed meanwhile; `STORE_UNSUPPORTED` for a kind of
 * store that cannot be dumped; `STORE_CORRUPT` where the copy is not the same
 */
export async function copyStore(options: CopyOptions): Promise<Copied> {
  const { to } = options;
  try {
    const copied = await copyAll(options);
    options.signal?.throwIfAborted();
    await to.publish();
    return copied;
  } catch (error) {
    await to.discard();
    throw error;
  }
}

async function copyAll(options: CopyOptions): Promise<Copied> {
  const { from, to } = options;
  await refuseWorkers(options);
  const written = await readAll(options, from, (rows) => to.write(rows), "copy");
  const again = await readAll(options, from, null, "check");
  await refuseWorkers(options);
  if (again.checksum !== written.checksum) {
    throw new MilepostError(
      "CONFLICT",
      `${from.location} changed while it was copied; end whoever submits to it and copy again`,
    );
  }
  const copy = await to.open();
  try {
    const found = await readAll(options, copy, null, "check");
    const findings = await copy.verify({ repair: false });
    if (found.checksum === written.checksum && findings.length === 0) return written;
    const first = findings[0] === undefined ? "" : `: ${findings[0].what}`;
    throw new MilepostError("STORE_CORRUPT", `the copy differs from ${from.location}${first}; it was removed`);
  } finally {
    await copy.close();
  }
}

async function refuseWorkers({ from, clock, isDead }: CopyOptions): Promise<void> {
  await from.reap(clock.now(), isDead);
  const sessions = await from.sessions();
  if (sessions.length === 0) return;
  const names = sessions.map(({ name }) => name).join(", ");
  throw new MilepostError(
    "CONFLICT",
    `a store is copied while nobody works on it; ${names} must leave first (milepost drain, and end servers)`,
  );
}

async function readAll(
  { onProgress, signal }: CopyOptions,
  store: Store,
  write: ((rows: readonly DumpedRow[]) => Promise<void>) | null,
  step: "copy" | "check",
): Promise<Copied> {
  if (store.dump === undefined) {
    throw new MilepostError("STORE_UNSUPPORTED", `${store.location} is of a kind that cannot be copied`);
  }
  const hash = createHash("sha256");
  let batches = 0;
  let items = 0;
  for await (const rows of store.dump()) {
    signal?.throwIfAborted();
    await write?.(rows);
    for (const row of rows) {
      if (row.kind === "batch") batches += 1;
      if (row.kind === "item") items += 1;
      hash.update(toLine(row));
    }
    onProgress?.(step, items);
  }
  return { batches, items, checksum: hash.digest("hex") };
}

/** The same for the same row, in whatever order a store has made it. */
function toLine(row: DumpedRow): string {
  return `${JSON.stringify(row, Object.keys(row).sort())}\n`;
}
