import { type ErrorCode, MilepostError } from "../../core/errors.ts";

const BUSY = 5;
const LOCKED = 6;
/** SQLITE_IOERR_WRITE: what a file size limit looks like. */
const IOERR_WRITE = 778;

/** The SQLite result code behind an error of `node:sqlite`, with its extended bits; null for any other error. */
export function resultCodeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") return null;
  return "errcode" in error && typeof error.errcode === "number" ? error.errcode : 1;
}

/** True while another connection is writing or recovering: the same call may succeed later. */
export function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code !== null && ((code & 0xff) === BUSY || (code & 0xff) === LOCKED);
}

/** Names what went wrong with the file in the terms of the store's callers. Anything that SQLite did not report passes unchanged. */
export function toStoreError(error: unknown, path: string): unknown {
  const result = resultCodeOf(error);
  if (result === null || !(error instanceof Error)) return error;
  const described = describe(result);
  if (described === null) return error;
  const [code, advice] = described;
  return new MilepostError(code, `store ${path}: ${error.message}. ${advice}`, {
    details: { path, result },
    cause: error,
  });
}

/** The same for what goes wrong while a file is opened, where an ordinary SQL error and one of the file system mean the file. */
export function toOpenError(error: unknown, path: string): unknown {
  const known = toStoreError(error, path);
  if (known instanceof MilepostError || !(error instanceof Error) || !("code" in error)) return known;
  if (resultCodeOf(error) === 1) {
    const advice = "Expected the tables of a Milepost store; keep a copy, then restore a backup or move it away.";
    return new MilepostError("STORE_CORRUPT", `store ${path}: ${error.message}. ${advice}`, { cause: error });
  }
  const isReadOnly = error.code === "EACCES" || error.code === "EROFS" || error.code === "EPERM";
  const advice = "Expected a file and a folder that may be read and written; check owner and permissions.";
  return new MilepostError(
    isReadOnly ? "STORE_READ_ONLY" : "STORE_UNAVAILABLE",
    `store ${path} could not be opened: ${error.message}. ${advice}`,
    { details: { path }, cause: error },
  );
}

function describe(result: number): readonly [ErrorCode, string] | null {
  if (result === IOERR_WRITE) return ["STORE_FULL", "Free some space on its disk or lift the file size limit."];
  switch (result & 0xff) {
    case BUSY:
    case LOCKED:
      return ["STORE_UNAVAILABLE", "Another process is writing to it; try again."];
    case 13:
      return ["STORE_FULL", "Free some space on its disk."];
    case 3:
    case 8:
    case 23:
      return ["STORE_READ_ONLY", "Expected a file and a folder that may be written; check owner and permissions."];
    case 11:
    case 26:
      return [
        "STORE_CORRUPT",
        "Expected a sound Milepost store. It was left as it is: keep a copy, then restore a backup or move it away to begin anew.",
      ];
    case 10:
      return ["STORE_UNAVAILABLE", "The disk reported an error; check it and try again."];
    case 14:
      return [
        "STORE_UNAVAILABLE",
        "Expected a file that can be opened; check that its folder exists and may be written (a read-only disk looks like this too).",
      ];
    default:
      return null;
  }
}
