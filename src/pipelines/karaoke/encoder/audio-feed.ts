import type { AudioEncoder } from "@napi-rs/webcodecs";
import type { EncodedAudioPacketSource } from "mediabunny";
import { type AudioSource, openAudioSource } from "../audio/audio-source.ts";
import type { MediabunnyModule } from "../media/load-mediabunny.ts";
import type { WebcodecsModule } from "../media/load-webcodecs.ts";
import { AUDIO } from "./encoder.ts";

const PIECE = 4_096;
/** Samples of an AAC packet, and those that the encoder puts before the first. */
export const AAC_PACKET = 1_024;
const PRIMING = 1_024;

/** Encodes a sound file as AAC beside the pictures: as much of it as they take, and silence if it is too short. */
export class AudioFeed {
  readonly #codecs: WebcodecsModule;
  readonly #reader: AudioSource;
  readonly #encoder: AudioEncoder;
  readonly #samples: number;
  #done = 0;
  #packets = 0;
  #adding: Promise<void> = Promise.resolve();
  #failure: unknown = null;
  /** Not yet encoded. */
  #rest: readonly [Float32Array, Float32Array] = [new Float32Array(), new Float32Array()];
  #isEnded = false;

  /** @throws {NoRetryError} `INVALID_AUDIO` */
  static async open(parts: {
    readonly path: string;
    readonly seconds: number;
    readonly media: MediabunnyModule;
    readonly codecs: WebcodecsModule;
    readonly source: EncodedAudioPacketSource;
  }): Promise<AudioFeed> {
    return new AudioFeed({ ...parts, reader: await openAudioSource(parts.path, AUDIO.sampleRate) });
  }

  private constructor({
    reader,
    seconds,
    media,
    codecs,
    source,
  }: {
    readonly reader: AudioSource;
    readonly seconds: number;
    readonly media: MediabunnyModule;
    readonly codecs: WebcodecsModule;
    readonly source: EncodedAudioPacketSource;
  }) {
    this.#codecs = codecs;
    this.#reader = reader;
    this.#samples = Math.round(seconds * AUDIO.sampleRate);
    this.#encoder = new codecs.AudioEncoder({
      output: (chunk, metadata) => {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        // The first packet holds nothing but the encoder's own start; players leave out what lies before 0.
        const time = (this.#packets++ * AAC_PACKET - PRIMING) / AUDIO.sampleRate;
        const packet = new media.EncodedPacket(data, "key", time, AAC_PACKET / AUDIO.sampleRate);
        const described = metadata as Parameters<EncodedAudioPacketSource["add"]>[1];
        this.#adding = this.#adding.then(() => source.add(packet, described));
        this.#adding.catch((error: unknown) => {
          this.#failure ??= error;
        });
      },
      error: (error) => {
        this.#failure ??= error;
      },
    });
    this.#encoder.configure({
      codec: "mp4a.40.2",
      sampleRate: AUDIO.sampleRate,
      numberOfChannels: AUDIO.channels,
      bitrate: AUDIO.bitrate,
    });
  }

  /** Encodes up to a time. */
  async advance(seconds: number): Promise<void> {
    const until = Math.min(this.#samples, Math.ceil((seconds * AUDIO.sampleRate) / PIECE) * PIECE);
    while (this.#done < until) {
      const wanted = Math.min(PIECE, this.#samples - this.#done);
      while (this.#rest[0].length < wanted) await this.#readMore(wanted);
      const [left, right] = this.#rest;
      this.#encodePiece(left.subarray(0, wanted), right.subarray(0, wanted));
      this.#rest = [left.subarray(wanted), right.subarray(wanted)];
      if (this.#failure !== null) throw this.#failure;
    }
    await this.#adding;
  }

  async finish(): Promise<void> {
    await this.advance(this.#samples / AUDIO.sampleRate);
    await this.#encoder.flush();
    await this.#adding;
    if (this.#failure !== null) throw this.#failure;
    this.close();
  }

  close(): void {
    if (this.#encoder.state !== "closed") this.#encoder.close();
    this.#reader.close();
  }

  async #readMore(wanted: number): Promise<void> {
    const piece = this.#isEnded ? null : await this.#reader.next();
    if (piece === null) this.#isEnded = true;
    const added = piece ?? [new Float32Array(wanted), new Float32Array(wanted)];
    this.#rest = [join(this.#rest[0], added[0]), join(this.#rest[1], added[1])];
  }

  #encodePiece(left: Float32Array, right: Float32Array): void {
    const data = new Float32Array(left.length * AUDIO.channels);
    data.set(left);
    data.set(right, left.length);
    const sound = new this.#codecs.AudioData({
      format: "f32-planar",
      sampleRate: AUDIO.sampleRate,
      numberOfFrames: left.length,
      numberOfChannels: AUDIO.channels,
      timestamp: Math.round((this.#done / AUDIO.sampleRate) * 1e6),
      data,
    });
    this.#encoder.encode(sound);
    sound.close();
    this.#done += left.length;
  }
}

function join(a: Float32Array, b: Float32Array): Float32Array {
  if (a.length === 0) return b;
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
