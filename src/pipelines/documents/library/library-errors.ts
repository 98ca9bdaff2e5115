import { type ErrorCode, MilepostError } from "../../../core/errors.ts";

/** Result codes of SQLite that say something about the file, with what to do. */
const REASONS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  5: ["STORE_UNAVAILABLE", "Another process is writing to it; try again."],
  6: ["STORE_UNAVAILABLE", "Another process is writing to it; try again."],
  8: ["STORE_READ_ONLY", "Expected a file and a folder that may be written; check owner and permissions."],
  10: ["STORE_UNAVAILABLE", "The disk reported an error; check it and try again."],
  11: ["STORE_CORRUPT", "Move it away and run the documents again: an index can always be made anew."],
  13: ["STORE_FULL", "Free some space on its disk."],
  14: ["STORE_UNAVAILABLE", "Expected a file that can be opened in a folder that exists."],
  26: ["STORE_UNSUPPORTED", "Expected an index of documents, found a file of another kind; give another path."],
};

/** An error of SQLite about an index in the terms of its callers; any other passes unchanged. */
export function toLibraryError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return error;
  const reason = REASONS[error.errcode & 0xff];
  if (reason === undefined) return error;
  const [code, advice] = reason;
  return new MilepostError(code, `the index ${path}: ${error.message}. ${advice}`, { details: { path }, cause: error });
}
