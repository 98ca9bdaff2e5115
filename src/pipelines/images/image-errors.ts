import { NoRetryError } from "../../core/errors.ts";

/** Why an image can never be converted, however often it is tried. Messages name no file, so that equal reasons group. */
export type ImageErrorCode =
  | "INVALID_IMAGE"
  | "IMAGE_TOO_LARGE"
  | "UNSUPPORTED_IMAGE"
  | "INPUT_MISSING"
  | "OUTPUT_IS_INPUT"
  | "INVALID_OUTPUT";

export function imageError(code: ImageErrorCode, message: string, cause?: unknown): NoRetryError {
  return new NoRetryError(message, { code, cause });
}

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
  if (code === "ENOENT" || code === "ENOTDIR") return imageError("INPUT_MISSING", "the input file is missing", error);
  return systemError("read the input", code, error);
}

/** An error of writing the output. A name that cannot be is final; a full disk or a lack of rights may pass. */
export function writeError(error: unknown): Error {
  const code = codeOf(error);
  const reason = NAME_REASONS[code];
  if (reason !== undefined) return imageError("INVALID_OUTPUT", `cannot write the output: ${reason}`, error);
  return systemError("write the output", code, error);
}

function systemError(act: string, code: string, cause: unknown): Error {
  const reason = SYSTEM_REASONS[code];
  const text = reason === undefined ? code || "unknown error" : `${reason} (${code})`;
  return Object.assign(new Error(`cannot ${act}: ${text}`, { cause }), code === "" ? {} : { code });
}

/** The machine's trouble, not the image's, as libvips words it. */
const PASSING = /too many open files|cannot allocate|out of memory|no space left|input\/output error/i;
const TOO_LARGE = /pixel limit|too large|exceeds|dimension/i;

/** Turns an error of sharp into one that says in a line what is wrong with the image. */
export function decodeError(error: unknown, format: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (PASSING.test(message)) return new Error(`cannot convert the image now: ${reasonIn(message)}`, { cause: error });
  if (/input file is missing/i.test(message)) return imageError("INPUT_MISSING", "the input file is missing", error);
  if (TOO_LARGE.test(message))
    return imageError("IMAGE_TOO_LARGE", `the image is too large: ${reasonIn(message)}`, error);
  if (/unsupported|not supported|no decod|plugin/i.test(message)) {
    return imageError("UNSUPPORTED_IMAGE", `this kind of ${format} is not supported: ${reasonIn(message)}`, error);
  }
  return imageError("INVALID_IMAGE", `the ${format} is damaged: ${reasonIn(message)}`, error);
}

/** The first line that says something, without the file's path in front of it. */
function reasonIn(message: string): string {
  const line = message.split("\n").find((candidate) => candidate.trim() !== "") ?? "no reason given";
  return line
    .replace(/^(?:\/|[A-Za-z]:\\).*?: /, "")
    .trim()
    .slice(0, 200);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
