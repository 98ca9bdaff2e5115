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
