import { MilepostError } from "../../../core/errors.ts";
import { findProgram } from "../../command/find-program.ts";
import type { Container } from "./container.ts";

/** The program that is looked for along PATH. */
const PROGRAM = "ffmpeg";

/** ffmpeg is told what a file is, and never guesses: it would follow what playlists say. */
export const FFMPEG_DEMUXERS: Readonly<Record<Container, string>> = {
  mp4: "mov",
  webm: "matroska",
  mp3: "mp3",
  wav: "wav",
  ogg: "ogg",
  adts: "aac",
};

/** Where ffmpeg is; null: it is not installed. */
export function findFfmpeg(): string | null {
  return findProgram(PROGRAM, { cwd: process.cwd(), path: process.env.PATH });
}

/** @throws {MilepostError} `MISSING_DEPENDENCY` */
export function requireFfmpeg(): string {
  const program = findFfmpeg();
  if (program !== null) return program;
  throw new MilepostError("MISSING_DEPENDENCY", "ffmpeg is not in PATH; install it, or use the webcodecs encoder");
}
