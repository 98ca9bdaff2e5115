import { availableParallelism } from "node:os";
import type { VideoEncoder, VideoEncoderConfig, VideoFrame } from "@napi-rs/webcodecs";
import type { EncodedVideoPacketSource, Output } from "mediabunny";
import { FrameMemory } from "../media/frame-memory.ts";
import { loadMediabunny, type MediabunnyModule } from "../media/load-mediabunny.ts";
import { loadWebcodecs, type WebcodecsModule } from "../media/load-webcodecs.ts";
import type { Picture } from "../paint/planes.ts";
import { reasonOf, renderError } from "../render-errors.ts";
import { AAC_PACKET, AudioFeed } from "./audio-feed.ts";
import { AUDIO, type Encoder, type EncoderTask, KEY_FRAME_SECONDS, QUALITY } from "./encoder.ts";
import { fileStream } from "./file-target.ts";
import { h264Codec } from "./h264-codec.ts";
import { Pacer } from "./pacer.ts";

/** Frames that wait in the encoder at most: enough that neither it nor the drawing waits, and little memory. */
const QUEUE = 4;
/** Written at once. */
const CHUNK_BYTES = 1_048_576;
/** What the pictures are made in. */
const COLOR_SPACE = { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false } as const;

/**
 * Encodes in this process, on threads of the codecs' own: x264 and AAC by @napi-rs/webcodecs, the file by mediabunny. The file's
 * index has room reserved before the data, so that nothing is kept or moved.
 */
export class WebcodecsEncoder implements Encoder {
  readonly name = "webcodecs";
  readonly #task: EncoderTask;
  readonly #media: MediabunnyModule;
  readonly #codecs: WebcodecsModule;
  readonly #output: Output;
  readonly #source: EncodedVideoPacketSource;
  readonly #encoder: VideoEncoder;
  readonly #pacer: Pacer | null;
  readonly #memory = new FrameMemory();
  #audio: AudioFeed | null = null;
  #frame: VideoFrame | null = null;
  #taken = 0;
  #encoded = 0;
  #adding: Promise<void> = Promise.resolve();
  #failure: unknown = null;
  #wake: () => void = () => {};

  /** @throws {MilepostError} `MISSING_DEPENDENCY` @throws {NoRetryError} `UNSUPPORTED_VIDEO`, `INVALID_AUDIO` */
  static async open(task: EncoderTask): Promise<WebcodecsEncoder> {
    const [media, codecs] = await Promise.all([loadMediabunny(), loadWebcodecs()]);
    const config: VideoEncoderConfig = {
      codec: h264Codec(task),
      width: task.width,
      height: task.height,
      framerate: task.fps,
      // x264's constant quality.
      bitrateMode: "quantizer",
      latencyMode: "quality",
    };
    const { supported } = await codecs.VideoEncoder.isConfigSupported(config);
    if (!supported) throw renderError("UNSUPPORTED_VIDEO", `${config.codec} of this size and rate cannot be encoded`);
    const encoder = new WebcodecsEncoder(task, { media, codecs, config });
    try {
      await encoder.#start();
      return encoder;
    } catch (error) {
      await encoder.abort();
      throw error;
    }
  }

  private constructor(
    task: EncoderTask,
    parts: { readonly media: MediabunnyModule; readonly codecs: WebcodecsModule; readonly config: VideoEncoderConfig },
  ) {
    this.#task = task;
    this.#media = parts.media;
    this.#codecs = parts.codecs;
    const isBound = task.threads !== null && task.threads < availableParallelism();
    this.#pacer = isBound ? new Pacer(task.threads) : null;
    this.#output = new parts.media.Output({
      format: new parts.media.Mp4OutputFormat({ fastStart: "reserve" }),
      target: new parts.media.StreamTarget(fileStream(task.path), { chunked: true, chunkSize: CHUNK_BYTES }),
    });
    this.#source = new parts.media.EncodedVideoPacketSource("avc");
    this.#encoder = new parts.codecs.VideoEncoder({
      output: (chunk, metadata) => {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        this.#add(data, chunk.type, metadata);
      },
      error: (error) => this.#fail(new Error(`encoding failed: ${reasonOf(error)}`, { cause: error })),
    });
    this.#encoder.ondequeue = () => this.#wake();
    this.#encoder.configure(parts.config);
  }

  async encode(picture: Picture, isChanged: boolean): Promise<void> {
    const timestamp = Math.round((this.#taken * 1e6) / this.#task.fps);
    const keyFrames = Math.max(1, Math.round(KEY_FRAME_SECONDS * this.#task.fps));
    const last = this.#frame;
    const { VideoFrame } = this.#codecs;
    // An unchanged picture is shared, not copied.
    this.#frame =
      last === null || isChanged
        ? new VideoFrame(picture.data, {
            format: "I420",
            codedWidth: picture.width,
            codedHeight: picture.height,
            timestamp,
            colorSpace: COLOR_SPACE,
          })
        : new VideoFrame(last, { timestamp });
    last?.close();
    if (isChanged) this.#memory.add(picture.data.length);
    this.#encoder.encode(this.#frame, { keyFrame: this.#taken % keyFrames === 0, avc: { quantizer: QUALITY } });
    this.#taken++;
    await this.#audio?.advance(this.#taken / this.#task.fps);
    await this.#room();
  }

  async drain(): Promise<void> {
    this.#frame?.close();
    this.#frame = null;
    await this.#encoder.flush();
    await this.#audio?.finish();
    await this.#adding;
    if (this.#failure !== null) throw this.#failure;
    this.#encoder.close();
  }

  async finish(): Promise<void> {
    await this.#output.finalize();
  }

  async abort(): Promise<void> {
    this.#failure ??= new Error("aborted");
    this.#frame?.close();
    this.#frame = null;
    if (this.#encoder.state !== "closed") this.#encoder.close();
    this.#audio?.close();
    await this.#adding.catch(() => {});
    await this.#output.cancel().catch(() => {});
  }

  async #start(): Promise<void> {
    const { audio, frames, fps } = this.#task;
    this.#output.addVideoTrack(this.#source, {
      maximumPacketCount: frames,
      ...(Number.isInteger(fps) && { frameRate: fps }),
    });
    if (audio === null) return await this.#output.start();
    const seconds = frames / fps;
    const source = new this.#media.EncodedAudioPacketSource("aac");
    const packets = Math.ceil((seconds * AUDIO.sampleRate) / AAC_PACKET) + 8;
    this.#output.addAudioTrack(source, { maximumPacketCount: packets });
    await this.#output.start();
    this.#audio = await AudioFeed.open({ path: audio, seconds, media: this.#media, codecs: this.#codecs, source });
  }

  /** Waits until the encoder has room, what it made is written, and the time of the processors allows more. */
  async #room(): Promise<void> {
    while (this.#failure === null && this.#encoder.encodeQueueSize >= QUEUE) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    await this.#adding;
    await this.#pacer?.pace();
    if (this.#failure !== null) throw this.#failure;
  }

  #add(data: Uint8Array, type: "key" | "delta", metadata: unknown): void {
    const { fps } = this.#task;
    // Frames come out in the order in which they went in: none is predicted from a later one.
    const packet = new this.#media.EncodedPacket(data, type, this.#encoded / fps, 1 / fps);
    this.#adding = this.#adding.then(() => this.#source.add(packet, withColors(metadata)));
    this.#adding.catch((error: unknown) => this.#fail(error));
    this.#encoded++;
    this.#task.onEncoded(this.#encoded);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }
}

type VideoMetadata = Parameters<EncodedVideoPacketSource["add"]>[1];

/** What the encoder says of its stream, with the colours of the pictures, which it may leave out. */
function withColors(metadata: unknown): VideoMetadata {
  const known = metadata as VideoMetadata;
  if (known?.decoderConfig === undefined) return known;
  return { ...known, decoderConfig: { ...known.decoderConfig, colorSpace: COLOR_SPACE } };
}
