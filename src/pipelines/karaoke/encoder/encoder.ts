import type { Picture } from "../paint/planes.ts";

/** What a video is encoded from, and where it goes. */
export interface EncoderTask {
  /** Written as it comes; whoever asks for it moves it to its place when it is whole. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frames: number;
  /** A file to take the sound from; null: none. */
  readonly audio: string | null;
  /** Processors whose time may be used; null: all. */
  readonly threads: number | null;
  /** Told how many frames have been encoded, each time that has grown. */
  readonly onEncoded: (frames: number) => void;
}

/**
 * The port behind which pictures become an MP4 file: H.264 and AAC, its index before its data.
 *
 * Both implementations use x264's `superfast` preset at constant quality 23, so that a project looks the same whichever made it.
 */
export interface Encoder {
  readonly name: "webcodecs" | "ffmpeg";
  /**
   * Takes the next frame, which is copied before it returns; resolves when there is room for another.
   *
   * @param isChanged false: the picture is that of the frame before
   */
  encode(picture: Picture, isChanged: boolean): Promise<void>;
  /** No frame follows: resolves when the last is encoded, with the sound of their time. */
  drain(): Promise<void>;
  /** After `drain`; resolves when the file is whole. */
  finish(): Promise<void>;
  /** Ends at once and waits until nothing writes to the file any more. Never throws; nothing after `finish`. */
  abort(): Promise<void>;
}

export const AUDIO = { sampleRate: 48_000, channels: 2, bitrate: 160_000 } as const;
/** x264's measure of constant quality: lower is better and larger. */
export const QUALITY = 23;
/** Seconds from one key frame to the next, so that players can seek. */
export const KEY_FRAME_SECONDS = 2;
