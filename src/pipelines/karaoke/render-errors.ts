import { NoRetryError } from "../../core/errors.ts";

/** Why a video can never be made of a project, however often it is tried. */
export type RenderErrorCode =
  | "INVALID_AUDIO"
  | "INVALID_BACKGROUND"
  | "INVALID_FONT"
  | "MISSING_GLYPHS"
  | "VIDEO_TOO_LONG"
  | "UNSUPPORTED_VIDEO";

export function renderError(code: RenderErrorCode, message: string, cause?: unknown): NoRetryError {
  return new NoRetryError(message, { code, cause });
}

/** The first line of what a library says, short enough for a table. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n").find((line) => line.trim() !== "") ?? "no reason given").trim().slice(0, 200);
}
