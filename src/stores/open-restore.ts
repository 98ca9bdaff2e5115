import { MilepostError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Restore } from "../ports/dump.ts";

/**
 * Begins to make a store at a location where none is, of whatever kind the location says.
 *
 * @throws {MilepostError} `CONFLICT` where something is already; `STORE_UNSUPPORTED` for a kind that no store can be copied to
 */
export async function openRestore(
  location: string,
  options: { readonly clock: Clock; readonly pid: number; readonly isRunning: (pid: number) => boolean },
): Promise<Restore> {
  const scheme = location === "memory:" ? "memory" : /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1];
  if (scheme !== undefined) {
    throw new MilepostError("STORE_UNSUPPORTED", `no store can be copied to ${scheme}:; give the path of a new file`);
  }
  const { openSqliteRestore } = await import("./sqlite/restore.ts");
  return openSqliteRestore({ path: location, ...options });
}
