import { stat } from "node:fs/promises";
import type { Input, InputAudioTrack } from "mediabunny";
import { type Container, containerOf, fileSourceOf, readersOf } from "../media/container.ts";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { hasSaneIndex } from "../media/mp4-index.ts";
import { oggFault } from "../media/ogg-pages.ts";
import { hasSaneElements } from "../media/webm-elements.ts";
import { within } from "../media/within.ts";
import { reasonOf, renderError } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import { mp3Gaps, NO_GAPS } from "./mp3-gaps.ts";

/** An audio file whose container was understood. */
export interface OpenAudio extends Disposable {
  readonly path: string;
  readonly track: InputAudioTrack;
  readonly container: Container;
}

/** Makes samples of packets at once, in this thread. */
export interface Unpacker {
  readonly sampleRate: number;
  /** All channels; none where more packets are needed. @throws {NoRetryError} `INVALID_AUDIO` */
  unpack(packet: Uint8Array): Float32Array[];
  /** The rest. Of the last packet only so many samples are heard. @throws {NoRetryError} `INVALID_AUDIO` */
  end(heard: number): Float32Array[];
}

/**
 * Opens an audio file: MP3, WAV, AAC or M4A, Ogg, told by content.
 *
 * @throws {NoRetryError} `INVALID_AUDIO`
 */
export async function openAudio(path: string): Promise<OpenAudio> {
  const container = await containerOf(path);
  if (container === null) {
    throw invalidAudio("the audio file is not MP3, WAV, AAC, M4A or Ogg, whatever its name is");
  }
  const { size } = await stat(path);
  if (size > RENDER_LIMITS.audioBytes) {
    throw invalidAudio(`the audio file has ${size} bytes; at most ${RENDER_LIMITS.audioBytes} are taken`);
  }
  if (container === "mp4" && !(await hasSaneIndex(path, size)))
    throw invalidAudio("the index of the audio file is damaged");
  if (container === "webm" && !hasSaneElements(path, size)) throw invalidAudio("the audio file is damaged");
  const fault = container === "ogg" ? await oggFault(path) : null;
  if (fault !== null) throw invalidAudio(`the audio file ${fault}`);
  const media = await loadMediabunny();
  const input = new media.Input({ source: fileSourceOf(media, container, path), formats: readersOf(media, container) });
  try {
    const track = await within(trackOf(input), RENDER_LIMITS.stepMs, lateAudio);
    return { path, track, container, [Symbol.dispose]: () => input.dispose() };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

/** How long an audio file plays, in milliseconds. @throws as `openAudio` */
export async function audioDurationMs(path: string): Promise<number> {
  using audio = await openAudio(path);
  const { start, end } = audio.container === "mp3" ? await mp3Gaps(path) : NO_GAPS;
  const whole = await within(audio.track.computeDuration().catch(damagedAudio), RENDER_LIMITS.stepMs, lateAudio);
  const seconds = whole - (start + end) / (await audio.track.getSampleRate());
  if (!(seconds > 0)) throw invalidAudio("the audio file plays for no time");
  return Math.round(seconds * 1_000);
}

async function trackOf(input: Input): Promise<InputAudioTrack> {
  const track = await input.getPrimaryAudioTrack().catch(damagedAudio);
  if (track === null) throw invalidAudio("the audio file has no sound");
  return track;
}

export function invalidAudio(message: string, cause?: unknown): Error {
  return renderError("INVALID_AUDIO", message, cause);
}

export function damagedAudio(error: unknown): never {
  throw invalidAudio(`the audio file is damaged: ${reasonOf(error)}`, error);
}

export function lateAudio(): Error {
  return invalidAudio(`reading the audio file took longer than ${RENDER_LIMITS.stepMs / 1_000} s for one step`);
}
