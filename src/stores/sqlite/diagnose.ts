import { statSync } from "node:fs";
import { fine, judged, type Reading } from "../../ports/reading.ts";
import type { Connection } from "./connection.ts";

/** The log is cut back to this size once all of it is in the store's file. */
const LOG_USUAL_BYTES = 64 * 1_048_576;
/** Below this nobody misses what deleted batches have left free. */
const FREE_MIN_BYTES = 256 * 1_048_576;

/** Prepares `diagnose` of the port. */
export function prepareDiagnose(connection: Connection): () => Promise<readonly Reading[]> {
  const schema = connection.query<[number]>("SELECT max(number) FROM migrations");
  const pages = connection.query<[pages: number, free: number, size: number]>(
    `SELECT page_count, freelist_count, page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
  );

  return async () => {
    const [count, free, size] = (await connection.readOne(() => pages.get())) ?? [0, 0, 0];
    const number = (await connection.readOne(() => schema.get()))?.[0] ?? 0;
    const logBytes = statSync(`${connection.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    return [
      fine("sqlite", process.versions.sqlite ?? "none"),
      fine("schema", number),
      fine("size", mebibytes(count * size)),
      judged("free", `${mebibytes(free * size)} of it`, {
        isOff: free * size > FREE_MIN_BYTES && free * 2 > count,
        verdict: "warning",
        advice:
          "over half of the file is free since batches were deleted; new ones use it again. To give it back, end all workers and copy the store (milepost copy)",
      }),
      judged("log", mebibytes(logBytes), {
        isOff: logBytes > LOG_USUAL_BYTES,
        verdict: "warning",
        advice: `expected at most ${mebibytes(LOG_USUAL_BYTES)}: a reader that stays open keeps the log from going into the store's file; end it, or wait for the next commits if there is none`,
      }),
    ];
  };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
