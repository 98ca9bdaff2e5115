import { NoRetryError } from "../../core/errors.ts";
import type { Project } from "./project.ts";

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

/** The same error with the file that it is about in front, as the project names it, so that one can tell which of many to mend. */
export function withFile(error: unknown, { audio, background }: Pick<Project, "audio" | "background">): unknown {
  if (!(error instanceof NoRetryError)) return error;
  const { code, message } = error;
  if (code !== "INVALID_AUDIO" && code !== "INVALID_BACKGROUND") return error;
  const file = code === "INVALID_AUDIO" ? audio : pathOf(background);
  return file === undefined ? error : renderError(code, `${file}: ${message}`, error);
}

function pathOf(background: Project["background"]): string | undefined {
  return "path" in background ? background.path : undefined;
}
