import { MilepostError } from "../../../core/errors.ts";
import { findFfmpeg, requireFfmpeg } from "../media/ffmpeg.ts";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { loadWebcodecs } from "../media/load-webcodecs.ts";
import type { Encoder, EncoderTask } from "./encoder.ts";
import { FfmpegEncoder } from "./ffmpeg-encoder.ts";
import { WebcodecsEncoder } from "./webcodecs-encoder.ts";

export const ENCODERS = ["auto", "webcodecs", "ffmpeg"] as const;
export type EncoderChoice = (typeof ENCODERS)[number];

/** Opens the encoder that was asked for. @throws {MilepostError} as `chooseEncoder` */
export async function openEncoder(choice: EncoderChoice, task: EncoderTask): Promise<Encoder> {
  const chosen = await chooseEncoder(choice);
  return chosen === "webcodecs" ? await WebcodecsEncoder.open(task) : await FfmpegEncoder.open(task);
}

/**
 * The encoder that was asked for, if what it needs is here. `auto` is webcodecs if it is installed, else ffmpeg.
 *
 * @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install.
 */
export async function chooseEncoder(choice: EncoderChoice): Promise<Exclude<EncoderChoice, "auto">> {
  if (choice === "ffmpeg") {
    requireFfmpeg();
    return choice;
  }
  const missing = await Promise.all([loadWebcodecs(), loadMediabunny()]).then(
    () => null,
    (error: unknown) => error,
  );
  if (missing === null) return "webcodecs";
  if (choice === "webcodecs") throw missing;
  if (findFfmpeg() !== null) return "ffmpeg";
  throw new MilepostError(
    "MISSING_DEPENDENCY",
    "videos need an encoder: npm install @napi-rs/webcodecs mediabunny (its binary holds x264, GPL), or install ffmpeg",
    { cause: missing },
  );
}
