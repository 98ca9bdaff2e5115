import { loadCanvas } from "../paint/load-canvas.ts";
import { makePicture, type Picture } from "../paint/planes.ts";
import type { Background } from "./background.ts";
import { FrameConverter } from "./frame-converter.ts";
import { type DecodedFrame, VideoReader } from "./video-reader.ts";

/** A video that runs behind the words; it begins again at its end, or its last picture stays. */
export class VideoBackground implements Background {
  readonly #reader: VideoReader;
  readonly #converter: FrameConverter;
  readonly #isLooped: boolean;
  readonly #picture: Picture;
  /** When the current run through the video began. */
  #startMs = 0;
  #next: DecodedFrame | null = null;
  #isNew = true;

  private constructor(reader: VideoReader, converter: FrameConverter, isLooped: boolean, picture: Picture) {
    this.#reader = reader;
    this.#converter = converter;
    this.#isLooped = isLooped;
    this.#picture = picture;
  }

  /** @throws {NoRetryError} `INVALID_BACKGROUND` for what is no video, or none that can be decoded. */
  static async open(
    path: string,
    { width, height }: { readonly width: number; readonly height: number },
    isLooped: boolean,
  ): Promise<VideoBackground> {
    const canvas = await loadCanvas();
    const reader = await VideoReader.open(path);
    const converter = new FrameConverter(canvas, { width, height, fit: "cover" }, reader.source);
    const background = new VideoBackground(reader, converter, isLooped, makePicture(width, height));
    try {
      background.#next = await reader.next();
    } catch (error) {
      background.close();
      throw error;
    }
    return background;
  }

  async at(timeMs: number): Promise<{ readonly picture: Picture; readonly isNew: boolean }> {
    let shown: DecodedFrame | null = null;
    try {
      // What is over before it was to be seen is decoded, but not converted.
      while (this.#next !== null && this.#startMs + this.#next.timeMs <= timeMs) {
        shown?.frame.close();
        shown = this.#next;
        this.#next = await this.#reader.next();
        if (this.#next === null && this.#isLooped) await this.#rewind();
      }
      if (shown !== null) await this.#converter.convert(shown.frame, this.#picture);
      const isNew = this.#isNew || shown !== null;
      this.#isNew = false;
      return { picture: this.#picture, isNew };
    } finally {
      shown?.frame.close();
    }
  }

  async seek(timeMs: number): Promise<void> {
    const lengthMs = await this.#reader.lengthMs();
    if (this.#isLooped) this.#startMs = Math.floor(timeMs / lengthMs) * lengthMs;
    this.#next?.frame.close();
    await this.#reader.restart(timeMs - this.#startMs);
    this.#next = await this.#reader.next();
  }

  close(): void {
    this.#next?.frame.close();
    this.#next = null;
    this.#reader.close();
  }

  async #rewind(): Promise<void> {
    this.#startMs += await this.#reader.lengthMs();
    await this.#reader.restart(0);
    this.#next = await this.#reader.next();
  }
}
