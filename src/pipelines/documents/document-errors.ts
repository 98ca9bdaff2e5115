import { NoRetryError } from "../../core/errors.ts";
import { DOCUMENT_LIMITS } from "./document-limits.ts";

/** Why a document can never be taken in, however often it is tried. Messages name no file, so that equal reasons group. */
export type DocumentErrorCode =
  | "INVALID_DOCUMENT"
  | "ENCRYPTED_DOCUMENT"
  | "DOCUMENT_TOO_LARGE"
  | "EMPTY_DOCUMENT"
  | "UNSUPPORTED_DOCUMENT"
  | "DOCUMENT_CHANGED"
  | "INPUT_MISSING";

export function documentError(code: DocumentErrorCode, message: string, cause?: unknown): NoRetryError {
  return new NoRetryError(message, { code, cause });
}

/** @param characters so many were found, or at least so many */
export function tooMuchText(characters: number): Error {
  const limit = DOCUMENT_LIMITS.characters.toLocaleString("en");
  return documentError(
    "DOCUMENT_TOO_LARGE",
    `the document has too much text: ${characters.toLocaleString("en")} characters; the limit is ${limit}`,
  );
}

/** An error of opening or reading the input. A missing file is final; the rest may pass. */
export function readError(error: unknown): Error {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  if (code === "ENOENT" || code === "ENOTDIR") {
    return documentError("INPUT_MISSING", "the input file is missing", error);
  }
  if (code === "EISDIR") return documentError("INVALID_DOCUMENT", "the input is not a regular file", error);
  const reason = code === "EACCES" || code === "EPERM" ? `permission denied (${code})` : code || "unknown error";
  return Object.assign(new Error(`cannot read the input: ${reason}`, { cause: error }), code === "" ? {} : { code });
}

/** The first line of what a library says, short enough for a table. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n").find((line) => line.trim() !== "") ?? "no reason given").trim().slice(0, 200);
}
