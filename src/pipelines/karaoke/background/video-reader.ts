import { stat } from "node:fs/promises";
import type { VideoDecoder, VideoDecoderConfig, VideoFrame } from "@napi-rs/webcodecs";
import type { EncodedPacket, EncodedPacketSink, Input, InputVideoTrack } from "mediabunny";
import { containerOf, fileSourceOf, readersOf } from "../media/container.ts";
import { FrameMemory } from "../media/frame-memory.ts";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { loadWebcodecs, type WebcodecsModule } from "../media/load-webcodecs.ts";
import { hasSaneIndex } from "../media/mp4-index.ts";
import { hasSaneElements } from "../media/webm-elements.ts";
import { within } from "../media/within.ts";
import { reasonOf, renderError } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import type { SourceInfo } from "./frame-converter.ts";

/** A picture of a video; whoever has it closes the frame. */
export interface DecodedFrame {
  readonly frame: VideoFrame;
  readonly timeMs: number;
}

/** Packets that wait in the decoder at most. */
const QUEUE = 4;
/** No video is taken for shorter, or it would begin again without end. */
const SHORTEST_MS = 10;

/** Reads the pictures of a video file in order, and can begin again. */
export class VideoReader {
  readonly source: SourceInfo;
  readonly #codecs: WebcodecsModule;
  readonly #input: Input;
  readonly #config: VideoDecoderConfig;
  readonly #track: InputVideoTrack;
  readonly #sink: EncodedPacketSink;
  readonly #firstMs: number;
  readonly #memory = new FrameMemory();
  #packets: AsyncGenerator<EncodedPacket, void>;
  #decoder: VideoDecoder | null = null;
  #frames: DecodedFrame[] = [];
  #isFlushed = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};
  #lengthMs: number | null = null;

  private constructor(parts: {
    readonly codecs: WebcodecsModule;
    readonly input: Input;
    readonly config: VideoDecoderConfig;
    readonly track: InputVideoTrack;
    readonly sink: EncodedPacketSink;
    readonly firstMs: number;
    readonly source: SourceInfo;
  }) {
    this.#codecs = parts.codecs;
    this.#input = parts.input;
    this.#config = parts.config;
    this.#track = parts.track;
    this.#sink = parts.sink;
    this.#firstMs = parts.firstMs;
    this.source = parts.source;
    this.#packets = packetsFrom(parts.sink, null);
  }

  /** @throws {NoRetryError} `INVALID_BACKGROUND` */
  static async open(path: string): Promise<VideoReader> {
    const container = await containerOf(path);
    if (container !== "mp4" && container !== "webm") {
      throw invalid("the background video is not MP4, MOV, WebM or Matroska, whatever its name is");
    }
    const { size } = await stat(path);
    if (size > RENDER_LIMITS.videoBytes) {
      throw invalid(`the background video has ${size} bytes; at most ${RENDER_LIMITS.videoBytes} are taken`);
    }
    if (container === "mp4" && !(await hasSaneIndex(path, size)))
      throw invalid("the index of the background video is damaged");
    if (container === "webm" && !hasSaneElements(path, size)) throw invalid("the background video is damaged");
    const [media, codecs] = await Promise.all([loadMediabunny(), loadWebcodecs()]);
    const input = new media.Input({
      source: fileSourceOf(media, container, path),
      formats: readersOf(media, container),
    });
    try {
      return await within(
        (async () => {
          const track = await input.getPrimaryVideoTrack().catch(damaged);
          if (track === null) throw invalid("the background video has no pictures");
          const config = await configOf(track);
          const sink = new media.EncodedPacketSink(track);
          const firstMs = (await track.getFirstTimestamp().catch(damaged)) * 1_000;
          const reader = new VideoReader({
            codecs,
            input,
            config,
            track,
            sink,
            firstMs,
            source: await sourceOf(track),
          });
          reader.#start();
          return reader;
        })(),
        RENDER_LIMITS.stepMs,
        late,
      );
    } catch (error) {
      input.dispose();
      throw error;
    }
  }

  /** The next picture in order of time; null: there is no more. */
  async next(): Promise<DecodedFrame | null> {
    return await within(this.#next(), RENDER_LIMITS.stepMs, late);
  }

  /** Begins again, with the last picture up to `fromMs` that needs no other. */
  async restart(fromMs: number): Promise<void> {
    await this.#stop();
    this.#packets = packetsFrom(this.#sink, fromMs === 0 ? null : (this.#firstMs + fromMs) / 1_000);
    this.#start();
  }

  /** How long the video is, to the end of its last picture. */
  async lengthMs(): Promise<number> {
    if (this.#lengthMs !== null) return this.#lengthMs;
    const seconds = await within(this.#track.computeDuration().catch(damaged), RENDER_LIMITS.stepMs, late);
    this.#lengthMs = Math.max(SHORTEST_MS, seconds * 1_000 - this.#firstMs);
    return this.#lengthMs;
  }

  close(): void {
    void this.#stop();
    this.#input.dispose();
  }

  async #next(): Promise<DecodedFrame | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#isFlushed) return null;
      const decoder = this.#decoder;
      if (decoder === null) return null;
      if (decoder.decodeQueueSize >= QUEUE) await new Promise<void>((resolve) => this.#wakeBy(resolve));
      else await this.#feed(decoder);
    }
  }

  async #feed(decoder: VideoDecoder): Promise<void> {
    const { value: packet, done } = await this.#packets.next().catch(damaged);
    if (done === true || packet === undefined) {
      await decoder.flush().catch(damaged);
      this.#isFlushed = true;
      return;
    }
    const { data, type } = packet;
    const [timestamp, duration] = [packet.microsecondTimestamp, packet.microsecondDuration];
    try {
      decoder.decode(new this.#codecs.EncodedVideoChunk({ type, timestamp, duration, data }));
    } catch (error) {
      // What is wrong comes to the decoder's own callback too, with the reason.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#failure === null) damaged(error);
    }
    // What is decoded on another thread comes back in a turn of the loop of its own.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #wakeBy(resolve: () => void): void {
    this.#wake = resolve;
  }

  #start(): void {
    this.#isFlushed = false;
    const decoder = new this.#codecs.VideoDecoder({
      output: (frame) => {
        if (this.#decoder !== decoder) return frame.close();
        const timeMs = frame.timestamp / 1_000 - this.#firstMs;
        this.#frames.push({ frame, timeMs });
        this.#memory.add((frame.codedWidth * frame.codedHeight * 3) / 2);
        this.#wake();
      },
      error: (error) => {
        this.#failure = invalid(`the background video cannot be decoded: ${reasonOf(error)}`, error);
        this.#wake();
      },
    });
    decoder.ondequeue = () => this.#wake();
    this.#decoder = decoder;
    try {
      decoder.configure(this.#config);
    } catch (error) {
      damaged(error);
    }
  }

  async #stop(): Promise<void> {
    const decoder = this.#decoder;
    this.#decoder = null;
    for (const { frame } of this.#frames.splice(0)) frame.close();
    if (decoder !== null && decoder.state !== "closed") decoder.close();
    await this.#packets.return().catch(() => {});
  }
}

/** Packets from the key packet before a time in seconds on; null: all. */
async function* packetsFrom(sink: EncodedPacketSink, seconds: number | null): AsyncGenerator<EncodedPacket, void> {
  const first = seconds === null ? null : await sink.getKeyPacket(seconds);
  yield* sink.packets(first ?? undefined);
}

async function sourceOf(track: InputVideoTrack): Promise<SourceInfo> {
  const { matrix, fullRange } = await track.getColorSpace();
  return { rotation: (await track.getRotation()) / 90, matrix: matrix ?? null, isFullRange: fullRange === true };
}

async function configOf(track: InputVideoTrack): Promise<VideoDecoderConfig> {
  const config = await track.getDecoderConfig().catch(damaged);
  if (config === null) throw invalid("the background video is of a kind that cannot be decoded");
  const [width, height] = [await track.getCodedWidth(), await track.getCodedHeight()];
  if (Math.max(width, height) > RENDER_LIMITS.videoSide) {
    throw invalid(
      `the background video has ${width} × ${height} pixels; a side may have ${RENDER_LIMITS.videoSide} at most`,
    );
  }
  // The two packages word the same dictionary with types of their own.
  return config as VideoDecoderConfig;
}

function damaged(error: unknown): never {
  throw invalid(`the background video is damaged: ${reasonOf(error)}`, error);
}

function late(): Error {
  return invalid(`reading the background video took longer than ${RENDER_LIMITS.stepMs / 1_000} s for one picture`);
}

function invalid(message: string, cause?: unknown): Error {
  return renderError("INVALID_BACKGROUND", message, cause);
}
