import { MilepostError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Restore } from "../ports/dump.ts";
import type { Host } from "../ports/host.ts";

/**
 * Begins to make a store at a location where none is, of whatever kind the location says.
 *
 * @throws {MilepostError} `CONFLICT` where something is already; `STORE_UNSUPPORTED` for a kind that no store can be copied to
 */
export async function openRestore(
  location: string,
  options: { readonly clock: Clock; readonly host: Host; readonly isRunning: (pid: number) => boolean },
): Promise<Restore> {
  const scheme = location === "memory:" ? "memory" : /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1];
  const { clock, host, isRunning } = options;
  if (scheme !== undefined && /^postgres(ql)?$/i.test(scheme)) {
    const { openPostgresRestore } = await import("./postgres/restore.ts");
    return openPostgresRestore({ url: location, clock, self: host.self, isDead: host.isDead });
  }
  if (scheme !== undefined) {
    throw new MilepostError(
      "STORE_UNSUPPORTED",
      `no store can be copied to ${scheme}:; give postgres://… or the path of a new file`,
    );
  }
  const { openSqliteRestore } = await import("./sqlite/restore.ts");
  return openSqliteRestore({ path: location, clock, isRunning, pid: host.self.pid });
}
