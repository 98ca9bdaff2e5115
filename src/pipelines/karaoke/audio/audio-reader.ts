import type { AudioData, AudioDecoder, AudioDecoderConfig } from "@napi-rs/webcodecs";
import type { EncodedPacket } from "mediabunny";
import { loadMediabunny } from "../media/load-mediabunny.ts";
import { loadWebcodecs, type WebcodecsModule } from "../media/load-webcodecs.ts";
import { within } from "../media/within.ts";
import { reasonOf } from "../render-errors.ts";
import { RENDER_LIMITS } from "../render-limits.ts";
import { damagedAudio, invalidAudio, lateAudio, type OpenAudio, openAudio } from "./open-audio.ts";
import { Resampler } from "./resampler.ts";
import { toStereo } from "./stereo.ts";

/** Packets that wait in the decoder at most. */
const QUEUE = 8;

/** Left and right, equally long. */
export type Stereo = readonly [Float32Array, Float32Array];

/** Reads the sound of a file from its start, piece by piece, in stereo at one rate. */
export class AudioReader {
  readonly #codecs: WebcodecsModule;
  readonly #audio: OpenAudio;
  readonly #packets: AsyncGenerator<EncodedPacket, void, unknown>;
  readonly #rate: number;
  readonly #decoder: AudioDecoder;
  #resampler: Resampler | null = null;
  #pieces: Stereo[] = [];
  /** Samples of the file that lie before its start and are not heard; negative: silence before its first. */
  #skip: number | null = null;
  #isEnded = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};

  private constructor(parts: {
    readonly codecs: WebcodecsModule;
    readonly audio: OpenAudio;
    readonly packets: AsyncGenerator<EncodedPacket, void, unknown>;
    readonly rate: number;
  }) {
    this.#codecs = parts.codecs;
    this.#audio = parts.audio;
    this.#packets = parts.packets;
    this.#rate = parts.rate;
    this.#decoder = new parts.codecs.AudioDecoder({
      output: (data) => this.#take(data),
      error: (error) => this.#fail(invalidAudio(`the audio file cannot be decoded: ${reasonOf(error)}`, error)),
    });
    this.#decoder.ondequeue = () => this.#wake();
  }

  /** @throws {NoRetryError} `INVALID_AUDIO` */
  static async open(path: string, rate: number): Promise<AudioReader> {
    const [media, codecs] = await Promise.all([loadMediabunny(), loadWebcodecs()]);
    const audio = await openAudio(path);
    try {
      const config = await audio.track.getDecoderConfig().catch(damagedAudio);
      if (config === null) throw invalidAudio("the audio file is of a kind that cannot be decoded");
      if (config.numberOfChannels > RENDER_LIMITS.audioChannels) {
        throw invalidAudio(`the audio file has ${config.numberOfChannels} channels; at most 8 are taken`);
      }
      const packets = new media.EncodedPacketSink(audio.track).packets();
      const reader = new AudioReader({ codecs, audio, packets, rate });
      // The two packages word the same dictionary with types of their own.
      reader.#decoder.configure(config as AudioDecoderConfig);
      return reader;
    } catch (error) {
      audio[Symbol.dispose]();
      throw error instanceof DOMException ? invalidAudio(`the audio cannot be decoded: ${reasonOf(error)}`) : error;
    }
  }

  /** The next piece; null: there is no more. */
  async next(): Promise<Stereo | null> {
    return await within(this.#next(), RENDER_LIMITS.stepMs, lateAudio);
  }

  close(): void {
    if (this.#decoder.state !== "closed") this.#decoder.close();
    void this.#packets.return().catch(() => {});
    this.#audio[Symbol.dispose]();
  }

  async #next(): Promise<Stereo | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const piece = this.#pieces.shift();
      if (piece !== undefined) return piece;
      if (this.#isEnded) return null;
      if (this.#decoder.decodeQueueSize >= QUEUE) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else await this.#feed();
    }
  }

  async #feed(): Promise<void> {
    const { value: packet, done } = await this.#packets.next().catch(damagedAudio);
    if (done === true || packet === undefined) {
      await this.#decoder.flush().catch(damagedAudio);
      this.#isEnded = true;
      const rest = this.#resampler?.end();
      if (rest !== undefined) this.#push(rest);
      return;
    }
    const { type, data } = packet;
    const [timestamp, duration] = [packet.microsecondTimestamp, packet.microsecondDuration];
    try {
      this.#decoder.decode(new this.#codecs.EncodedAudioChunk({ type, timestamp, duration, data }));
    } catch (error) {
      damagedAudio(error);
    }
    // What is decoded on another thread comes back in a turn of the loop of its own.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #take(data: AudioData): void {
    try {
      const { numberOfFrames, numberOfChannels, sampleRate, timestamp } = data;
      let channels = Array.from({ length: numberOfChannels }, (_, planeIndex) => {
        const samples = new Float32Array(numberOfFrames);
        data.copyTo(new Uint8Array(samples.buffer), { planeIndex, format: "f32-planar" });
        return samples;
      });
      this.#skip ??= -Math.round((timestamp * sampleRate) / 1e6);
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, numberOfFrames);
        this.#skip -= skipped;
        channels = channels.map((samples) => samples.subarray(skipped));
      } else if (this.#skip < 0) {
        const silence = -this.#skip;
        this.#skip = 0;
        channels = channels.map((samples) => {
          const late = new Float32Array(silence + samples.length);
          late.set(samples, silence);
          return late;
        });
      }
      const stereo = toStereo(channels);
      this.#resampler ??= new Resampler(sampleRate, this.#rate, stereo.length);
      this.#push(this.#resampler.push(stereo));
    } catch (error) {
      this.#fail(invalidAudio(`the audio file cannot be decoded: ${reasonOf(error)}`, error));
    } finally {
      data.close();
    }
  }

  #push([left, right]: readonly Float32Array[]): void {
    if (left !== undefined && right !== undefined && left.length > 0) this.#pieces.push([left, right]);
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
