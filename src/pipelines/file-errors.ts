import { NoRetryError } from "../core/errors.ts";

/** What the operating system calls its errors, in words. The others keep their code. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EIO: "the disk reported an error",
  EMFILE: "too many files are open in this process",
  ENFILE: "too many files are open on this machine",
  ENOSPC: "no space left on the disk",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
};

/** Errors that another attempt meets again: they lie in the names, not in the state of the machine. */
const NAME_REASONS: Readonly<Record<string, string>> = {
  EISDIR: "a directory of that name is in the way",
  EEXIST: "a file is where a directory is needed",
  ENAMETOOLONG: "the name is too long for the file system",
  ENOTDIR: "a file is where a directory is needed",
};

/** An error of opening or reading the input. A missing file is final; the rest may pass. */
export function readError(error: unknown): Error {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new NoRetryError("the input file is missing", { code: "INPUT_MISSING", cause: error });
  }
  return systemError("read the input", code, error);
}

/** An error of writing the output. A name that cannot be is final; a full disk or a lack of rights may pass. */
export function writeError(error: unknown): Error {
  const code = codeOf(error);
  const reason = NAME_REASONS[code];
  if (reason !== undefined) {
    return new NoRetryError(`cannot write the output: ${reason}`, { code: "INVALID_OUTPUT", cause: error });
  }
  return systemError("write the output", code, error);
}

function systemError(act: string, code: string, cause: unknown): Error {
  const reason = SYSTEM_REASONS[code];
  const text = reason === undefined ? code || "unknown error" : `${reason} (${code})`;
  return Object.assign(new Error(`cannot ${act}: ${text}`, { cause }), code === "" ? {} : { code });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
