import { MilepostError } from "../../../core/errors.ts";
import { findFfmpeg } from "../media/ffmpeg.ts";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { loadWebcodecs } from "../media/load-webcodecs.ts";
import type { Encoder, EncoderTask } from "./encoder.ts";
import { FfmpegEncoder } from "./ffmpeg-encoder.ts";
import { WebcodecsEncoder } from "./webcodecs-encoder.ts";

export const ENCODERS = ["auto", "webcodecs", "ffmpeg"] as const;
export type EncoderChoice = (typeof ENCODERS)[number];

/**
 * Opens the encoder that was asked for. `auto` takes webcodecs if it is installed, else ffmpeg.
 *
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install.
 */
export async function openEncoder(choice: EncoderChoice, task: EncoderTask): Promise<Encoder> {
  if (choice === "webcodecs") return await WebcodecsEncoder.open(task);
  if (choice === "ffmpeg") return await FfmpegEncoder.open(task);
  const missing = await Promise.all([loadWebcodecs(), loadMediabunny()]).then(
    () => null,
    (error: unknown) => error,
  );
  if (missing === null) return await WebcodecsEncoder.open(task);
  if (findFfmpeg() !== null) return await FfmpegEncoder.open(task);
  throw new MilepostError(
    "MISSING_DEPENDENCY",
    "videos need an encoder: npm install @napi-rs/webcodecs mediabunny (its binary holds x264, GPL), or install ffmpeg",
    { cause: missing },
  );
}
